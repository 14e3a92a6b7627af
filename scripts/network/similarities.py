#!/usr/bin/env python3
"""The page of `make run-network`: how similar the sentences are to each other in FP32, NVFP4 and IF4, side by side.

usage: scripts/network/similarities.py REPORT.json OUTPUT.safetensors SENTENCES.txt PAGE.html

REPORT and OUTPUT are what `if4 network --json --output` wrote in one run of several formats; SENTENCES has a line for each sentence.
Exit codes: 0 done, 2 bad input.
"""
import array
import json
import math
import operator
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "page")]
import safetensors
from document import document
from markup import cell, esc, table, tag

SHOWN = ("fp32", "nvfp4", "if4")  # side by side
MOST = 20                         # pairs that are listed


class BadInput(Exception):
    """One line that says what is wrong with a file."""


def rows_of(path, name):
    """The rows of a tensor, each of length 1."""
    try:
        dtype, (count, columns), data = safetensors.read(path)[0][name]
        if dtype != "F32":
            raise ValueError(f"{name} is {dtype}")
        values = array.array("f", data)
        rows = [values[first:first + columns] for first in range(0, count * columns, columns)]
        return [array.array("d", [value / math.sqrt(sum(map(operator.mul, row, row))) for value in row]) for row in rows]
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        raise BadInput(f"{path}: holds no results called {name} that could be compared: {error}") from None


def cosines(rows):
    """Of the pairs (0, 1), (0, 2) ... (1, 2) ..."""
    return [sum(map(operator.mul, row, other)) for i, row in enumerate(rows) for other in rows[i + 1:]]


def read(report, output, sentences):
    """(report, sentences, {format: similarities of the pairs}) of one run."""
    found = json.loads(Path(report).read_text())
    texts = [line for line in Path(sentences).read_text(encoding="utf-8").splitlines() if line.strip()]
    names = [one["format"] for one in found["formats"]]
    if missing := [name for name in SHOWN if name not in names]:
        raise BadInput(f"{report}: has no format {missing[0]}")
    tensors = safetensors.read(output)[0]
    first = next((name for name in tensors if name.endswith(f".{SHOWN[0]}")), None)
    if first is None:
        raise BadInput(f"{output}: holds no tensor of {SHOWN[0]}")
    name = first.removesuffix(SHOWN[0])
    pairs = {one: cosines(rows_of(output, name + one)) for one in SHOWN}
    if any(2 * len(pairs[one]) != len(texts) * (len(texts) - 1) for one in SHOWN) or found["sentences"] != len(texts):
        raise BadInput(f"{sentences}: has {len(texts)} sentences, {report} {found['sentences']}")
    return found, texts, pairs


def formats_table(report):
    rows = []
    for one in report["formats"]:
        total = one.get("total", {})
        energy = f"{total['energy_pj'] / 1e9:.1f}" if "energy_pj" in total else "-"
        rows.append([esc(one["format"]), f"{one['mean_cosine_distance']:.4f}", f"{one['largest_cosine_distance']:.4f}",
                     f"{one.get('rank_correlation', math.nan):.4f}", f"{100 * one.get('same_neighbour', math.nan):.1f}",
                     f"{total['cycles']:,}" if total else "-", energy])
    return table("Formats", ["format", ">1 - cosine, mean", ">largest", ">rank correlation", ">nearest kept, %", ">cycles", ">energy, mJ"], rows,
                 sortable=True)


def pairs_table(texts, pairs):
    """The pairs whose similarity moves most from FP32, in either of the other formats."""
    places = [(i, j) for i in range(len(texts)) for j in range(i + 1, len(texts))]
    plain, other, own = (pairs[name] for name in SHOWN)
    worst = sorted(range(len(places)), key=lambda at: -max(abs(values[at] - plain[at]) for values in (other, own)))[:MOST]
    rows = [[esc(texts[places[at][0]]), esc(texts[places[at][1]]), *(cell(f"{values[at]:.3f}", "n") for values in (plain, other, own))] for at in worst]
    return table("Pairs", ["sentence", "and", ">FP32", ">NVFP4", ">IF4"], rows, sortable=True)


def body(report, texts, pairs):
    data = {"texts": texts, "names": ["FP32", "NVFP4", "IF4"], "pairs": [[round(value, 4) for value in pairs[name]] for name in SHOWN]}
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return (f"<header><h1>Similarities in {len(SHOWN)} formats</h1><p>{esc(report['network'])}: {len(texts)} sentences, every product of the network "
            "on the simulated array. 1 - cosine is that of a sentence's output to its output in FP32.</p></header><main>"
            + formats_table(report)
            + '<h2 id="maps">Every sentence with every other one</h2><p>A row and a column for each sentence, in their order; the darker, the more '
              'similar. In NVFP4 and IF4 the frame of a cell that moved by more than 0.1 from FP32 has a colour of its own.</p><div id="maps-drawn" class="maps"></div><p id="under" role="status" '
              'class="small quiet">A pointer on a cell shows its sentences.</p>'
            + '<h2 id="pairs">The pairs that move most</h2>' + pairs_table(texts, pairs)
            + tag("p", "Made by " + esc(report["generator"]) + ".", "quiet small")
            + f'</main><script type="application/json" id="data">{text}</script>')


def main(words):
    if len(words) != 4:
        raise BadInput("give REPORT.json OUTPUT.safetensors SENTENCES.txt PAGE.html")
    try:
        text = document("Similarities of sentences by format", body(*read(*words[:3])), [HERE / "similarities.css"], [HERE / "similarities.js"])
        temporary = Path(f"{words[3]}.{os.getpid()}")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(words[3])
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{words[0]}, {words[1]}: are not of `if4 network --json --output`: {error!r}") from None
    print(f"  page              {words[3]}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BadInput as error:
        print(f"similarities.py: {error}", file=sys.stderr)
        sys.exit(2)
