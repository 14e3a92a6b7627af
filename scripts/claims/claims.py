#!/usr/bin/env python3
"""The claims of the paper beside our figures: recomputes each and compares it with what claims.csv has.

usage: scripts/claims/claims.py [check] [--cheap] [--data FILE] [--liberty FILES] [--out FOLDER]    recompute, compare
       scripts/claims/claims.py table [--data FILE]                                                 tables of README.md

A row of claims.csv is one ratio: the figure of `of` over that of `over`, by `input`. check runs build/if4 (IF4_PROGRAM)
and scripts/area/area.py; --cheap leaves out what needs synthesis, and so does a library that is not there, with a word
about it. Exit codes: 0 all recomputed figures are those of the file, 1 one is not or none was recomputed, 2 bad input,
128 + a signal.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import inputs

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "testbench/data/use_lite_attention.safetensors"
PRODUCT = ["--acts", f"{SAMPLE}:embedding.weight", "--weights", f"{SAMPLE}:layers.0.attention.qkv.weight"]
# Inputs that `if4 compare` measures: what it is given, and the part of an entry of its report. None: the entry itself.
ERRORS = {
    "normal": (["{out}/normal.npy"], None),
    "laplace": (["{out}/laplace.npy"], None),
    "activations": (PRODUCT, "activations"),
    "weights": (PRODUCT, "weights"),
    "product": (PRODUCT, "product"),
}
# Inputs that are libraries of cells, by the names that scripts/area gives them: the words of the table.
LIBRARIES = {"osu018_stdcells": "osu018", "sg13g2_stdcell_typ_1p20V_25C": "IHP SG13G2"}
MEASURES = {"error": "squared error", "area": "area", "path": "longest path"}
COLUMNS = ["measure", "of", "over", "input", "paper", "ours"]
DIGITS = 3  # of a ratio after the point
# How far a ratio may be from the file. An error is arithmetic. What abc makes of a unit moves with names that mean nothing to the
# circuit, and with the versions of the tools: areas by less than 1 %, paths by some 5 %.
TOLERANCE = {"error": 0.0, "area": 0.01, "path": 0.05}


class BadInput(Exception):
    pass


@dataclass(frozen=True)
class Claim:
    measure: str
    of: str
    over: str
    input: str
    paper: str
    ours: str

    @property
    def text(self):
        return f"{MEASURES[self.measure]} of {self.of} over {self.over}, {self.input}"


def fail(place, what):
    raise BadInput(f"{place}: {what}")


def ratio(place, name, text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        fail(place, f"{name} is {text!r}, not a ratio above 0")
    return value


def read_claims(path):
    """The rows of the file, each checked."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        fail(path, getattr(error, "strerror", None) or "not UTF-8")
    if not rows or rows[0] != COLUMNS:
        fail(path, "the first line is not " + ",".join(COLUMNS))
    claims = []
    for number, row in enumerate(rows[1:], 2):
        place = f"{path}: line {number}"
        if len(row) != len(COLUMNS):
            fail(place, f"{len(row)} cells, not {len(COLUMNS)}")
        claim = Claim(*row)
        if claim.measure not in MEASURES:
            fail(place, f"measure {claim.measure!r} is not one of {', '.join(MEASURES)}")
        known = ERRORS if claim.measure == "error" else LIBRARIES
        if claim.input not in known:
            fail(place, f"input {claim.input!r} is not one of {', '.join(known)}")
        ratio(place, "ours", claim.ours)
        if claim.paper:
            ratio(place, "paper", claim.paper)
        if any((c.measure, c.of, c.over, c.input) == (claim.measure, claim.of, claim.over, claim.input) for c in claims):
            fail(place, f"the {claim.text} is there twice")
        claims.append(claim)
    if not claims:
        fail(path, "no claim")
    return claims


# --- What is measured ---


def program():
    return os.environ.get("IF4_PROGRAM") or str(ROOT / "build" / "if4")


_running = []  # the process that the program waits for


def stop(number, _frame):
    """The signal handler: ends the process, which clears up behind itself, and then the program."""
    for process in _running:
        process.terminate()
        process.wait()
    sys.exit(128 + number)


def run(command):
    """Runs a command in the root of the project; what it says on stderr passes."""
    try:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except OSError as error:
        fail(command[0], error.strerror)
    _running.append(process)
    code = process.wait()
    _running.remove(process)
    if code == 2:
        sys.exit(2)  # It has said why.
    if code:
        fail(" ".join(map(str, command)), f"exit code {code}")


def measure_errors(claims, out):
    """{(input, format): relative MSE} of all that the claims name. The inputs and reports are in the folder `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(out, error.strerror)
    figures, reports = {}, {}
    for name in sorted({claim.input for claim in claims}):
        arguments, part = ERRORS[name]
        if name in inputs.DISTRIBUTIONS:
            inputs.write(out / f"{name}.npy", name)
        report = out / f"{'product' if part else name}.json"
        if report not in reports:
            run([program(), "compare", *(argument.format(out=out) for argument in arguments), "--json", str(report)])
            reports[report] = json.loads(report.read_text())
        for entry in reports[report]["formats"]:
            if not entry["search"]:
                figures[name, entry["format"]] = (entry[part] if part else entry)["relative_mse"]
    return figures


def measure_areas(claims, library, liberty):
    """{(input, build): {"area", "path"}} of the claims about one library."""
    names = sorted({name for claim in claims for name in (claim.of, claim.over)})
    run([sys.executable, "scripts/area/area.py", *(["--liberty", liberty] if liberty else []), *names])
    report = json.loads((ROOT / "build" / "area" / library / "area.json").read_text())
    return {(library, row["name"]): {"area": row["area"], "path": row["critical_path_ns"]}
            for row in report["configurations"]}


def recompute(claims, cheap, liberty, out):
    """(claim, its ratio, or None and why there is none) of each."""
    given = Path(liberty.split()[0]).name if liberty else "osu018_stdcells.lib"
    library = given.removesuffix(".gz").removesuffix(".lib")
    of_library = [claim for claim in claims if claim.measure != "error" and claim.input == library]
    if liberty and not of_library:
        fail(f"LIBERTY={liberty}", f"no claim is about a library {library!r}")
    errors = measure_errors([claim for claim in claims if claim.measure == "error"], out)
    areas = {}
    if of_library and not cheap:
        areas = measure_areas(of_library, library, liberty)
    for claim in claims:
        if claim.measure == "error":
            for name in (claim.of, claim.over):
                if (claim.input, name) not in errors:
                    fail(claim.text, f"if4 compare has no format {name!r}")
            yield claim, errors[claim.input, claim.of] / errors[claim.input, claim.over], ""
        elif (claim.input, claim.of) in areas:
            figures = [areas[claim.input, name][claim.measure] for name in (claim.of, claim.over)]
            yield claim, figures[0] / figures[1], ""
        else:
            yield claim, None, "synthesis is left out" if cheap else f"LIBERTY= names no {claim.input}"


def check(claims, cheap, liberty, out):
    done = wrong = 0
    for claim, found, why in recompute(claims, cheap, liberty, out):
        paper = f"paper {claim.paper}" if claim.paper else ""
        if found is None:
            print(f"left out  {claim.text:70} {claim.ours:>7}  {'':7}  {paper}{'; ' if paper else ''}{why}")
            continue
        done += 1
        equal = f"{found:.{DIGITS}f}" == claim.ours
        right = equal or abs(found / float(claim.ours) - 1) <= TOLERANCE[claim.measure]
        wrong += not right
        print(f"{'equal' if equal else 'near' if right else 'DIFFERS':8}  {claim.text:70} {claim.ours:>7}  {found:7.{DIGITS}f}  {paper}".rstrip())
    print(f"claims: {done} of {len(claims)} recomputed, {wrong} differ from the file")
    if not done:
        print("claims.py: nothing was recomputed", file=sys.stderr)
    return 1 if wrong or not done else 0


# --- The tables of README.md ---


def table_of(claims, names, first):
    """Markdown: a row for each pair, a column for each input."""
    rows = {}
    for claim in claims:
        row = rows.setdefault((claim.measure, claim.of, claim.over), {"paper": ""})
        row[claim.input] = claim.ours
        row["paper"] = row["paper"] or claim.paper
    lines = [f"| {first} | paper | " + " | ".join(names.values()) + " |", "|---|" + "---:|" * (len(names) + 1)]
    for (measure, of, over), row in rows.items():
        what = "" if measure == "error" else MEASURES[measure] + " of "
        cells = [row["paper"], *(row.get(name, "") for name in names)]
        lines.append(f"| {what}`{of}` over `{over}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tables(claims):
    errors = table_of([claim for claim in claims if claim.measure == "error"], {name: name for name in ERRORS},
                      "squared error")
    areas = table_of([claim for claim in claims if claim.measure != "error"], LIBRARIES, "synthesis")
    return errors + "\n\n" + areas


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", nargs="?", choices=["check", "table"], default="check")
    parser.add_argument("--cheap", action="store_true")
    parser.add_argument("--data", default=str(Path(__file__).with_name("claims.csv")))
    parser.add_argument("--liberty", default="")
    parser.add_argument("--out", default=str(ROOT / "build" / "claims"))
    options = parser.parse_args()
    try:
        claims = read_claims(options.data)
        if options.what == "table":
            print(tables(claims))
            return 0
        return check(claims, options.cheap, options.liberty, Path(options.out).resolve())
    except BadInput as error:
        print(f"claims.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, stop)
    sys.exit(main())
