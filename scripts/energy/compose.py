#!/usr/bin/env python3
"""Energy of an array of any size, composed of that of the parts of an array of 2 x 2 cells.

usage: scripts/energy/compose.py [--liberty FILES] [--json FILE] ARRAY...
       ARRAY: "FORMAT ROWSxCOLS [PARAMETER=VALUE...]", as of scripts/area/arrays.py
       FILE: to write, what `if4 network --energy-from` reads

Exit codes: 0 done, 1 a tool failed or the netlist gives wrong results, 2 bad input, 128 + a signal.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("faults", "area")]
import area  # noqa: E402
import arrays  # noqa: E402
from fanout import base_name  # noqa: E402
from liberty import LibertyError  # noqa: E402
from netlist import PORT, Pin, read_netlist  # noqa: E402
from report import text as table_text  # noqa: E402
from stubs import Array  # noqa: E402
from stubs import Netlist as Mapped  # noqa: E402
from synthesis import library_folder, parameters_of  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ROOT, generator, remove, run_program, save, versions  # noqa: E402

import measure  # noqa: E402
from measure import REAL, Bench  # noqa: E402

SIDE = 2                   # rows and columns of the array that is measured
BEATS = (16, 96)           # of a dot product at least, in the two runs that tell results from beats
TILE = 16                  # beats of a tile: of rows of 256 elements, by 16 lanes
CELL, EDGE, OUTPUT, AROUND = "if4_array_cell", "if4_array_edge", "if4_fp32", ""
DYNAMIC = ("switching", "internal", "clock")
PARTS = (*DYNAMIC, "leakage")


class ArrayBench(Bench):
    """The netlist of a small array, in which instances have the number of the part that they are in."""

    def __init__(self, parameters, library, work):
        self.parameters, self.library, self.work = parameters, library, work
        arrays.result_of_array(parameters, library, 1)
        modules = arrays.checked_frame(parameters, library)
        parts = arrays.Parts(arrays.frame_design(parameters), library)
        by_type = {name: Mapped(parts.module(base_name(name), parameters_of(module).get("Skew")), library)
                   for name, module in modules.items() if name != arrays.TOP}
        self.array = Array(modules[arrays.TOP], by_type, library, every=True)
        self.skews = {name: parameters_of(module).get("Skew") for name, module in modules.items() if name != arrays.TOP}
        save(work / "netlist.v", self.array.verilog(arrays.TOP)[0])
        save(work / "cells.lib", library.text)
        self.arguments = ["--format", arrays.FORMATS[parameters["Format"]], "--lanes", str(parameters.get("Lanes", 16)),
                          "--acc-width", str(parameters.get("AccWidth", 0)), "--rows", str(parameters["Rows"]),
                          "--columns", str(parameters["Cols"])]
        self._prepare(work, arrays.TOP)

    def _read(self, folder, top):
        netlist = read_netlist(folder, top, self.library, self.work)
        ports = {pin: Pin(PORT, re.sub(r"__(\d+)$", r"[\1]", pin.name)) for pin in [*netlist.inputs, *netlist.outputs]}
        netlist.inputs, netlist.outputs = ([ports[pin] for pin in pins] for pins in (netlist.inputs, netlist.outputs))
        netlist.nets = {ports.get(pin, pin): net for pin, net in netlist.nets.items()}
        netlist.__post_init__()  # the index of drivers and sinks goes by the names of ports
        return netlist

    def owners(self):
        """{instance of a cell of the library: (part, skew or None, instance of the part)}; what lies around the parts has none."""
        names = list(self.array.instances)
        found = {PORT: (AROUND, None, "")}
        for instance in self.netlist.cells:
            number = re.match(r"\\?i(\d+)_", instance)
            name = names[int(number[1])] if number else ""
            kind = self.array.instances[name]["type"] if number else ""
            found[instance] = (base_name(kind), self.skews.get(kind), name)
        return found


def spent_by_part(bench, least):
    """{(part, skew, instance): {part of energy: pJ a clock, leakage in mW}}, and results a clock of all outputs."""
    counted = measure.counting.count(bench.netlist, bench.work, [*bench.arguments, *REAL.arguments(), "--beats", str(measure.BEATS),
                                                                 "--least-beats", str(least)])
    spent, owners, table = bench.accountant.spent(counted), bench.owners(), {}
    for (instance, part), energy in spent.energy.items():
        table.setdefault(owners[instance], Counter())[part] += energy / counted.clocks
    for instance, milliwatt in spent.leakage.items():
        table.setdefault(owners[instance], Counter())["leakage"] += milliwatt
    return table, counted


def mean(counters):
    counters = list(counters)
    return {part: sum(counter[part] for counter in counters) / len(counters) for part in PARTS}


def line(at, slope, place):
    """Of two sets of numbers, {part: at + slope * place}."""
    return {part: at[part] + slope[part] * place for part in PARTS}


def difference(one, other, over):
    return {part: (one[part] - other[part]) / over for part in PARTS}


def parts_of(parameters, library, work):
    """What the parts of an array take in a clock in which a beat moves through it: cell, edges by side, an output stage with no
    results, what a result adds, and what lies around them for a row or a column."""
    bench = ArrayBench({**arrays.of_size(parameters, SIDE, SIDE), "SharedOutput": 0}, library, work)
    runs, rates = [], []
    for least in BEATS:
        table, counted = spent_by_part(bench, least)
        runs.append(table)
        rates.append(counted.counted_results / counted.clocks / SIDE)
    first, second = ({part: mean(counter for (kind, _, _), counter in table.items() if kind == part)
                      for part in (CELL, OUTPUT, AROUND)} for table in runs)
    result = difference(first[OUTPUT], second[OUTPUT], rates[0] - rates[1])
    edges = {}
    for side in ("row", "col"):
        own = {skew: counter for (kind, skew, name), counter in runs[0].items() if kind == EDGE and f"gen_{side}" in name}
        edges[side] = {"first": mean([own[0]]), "skew": difference(own[1], own[0], 1)}
    return {"cell": first[CELL], "edges": edges, "output": line(first[OUTPUT], result, -rates[0]), "result": result,
            "around": {part: value / (2 * SIDE) for part, value in first[AROUND].items()}, "volts": bench.volts,
            "results": counted.results, "gates": len(bench.netlist.cells)}


def total(parts, rows, cols, rate):
    """pJ a clock and mW of an array in use; `rate`: results of an output in a clock."""
    found = Counter()

    def add(counter, times):
        for part in PARTS:
            found[part] += counter[part] * times

    add(parts["cell"], rows * cols)
    add(parts["output"], cols)
    add(parts["result"], cols * rate)
    add(parts["around"], rows + cols)
    for side, count in (("row", rows), ("col", cols)):
        add(parts["edges"][side]["first"], count)
        add(parts["edges"][side]["skew"], count * (count - 1) / 2)
    return found


def key_of(parameters, library):
    basis = arrays.of_size(parameters, SIDE, SIDE)
    text = repr((sorted(basis.items()), arrays.compose_key({**basis, "SharedOutput": 0}, library), measure.library_digest(library),
                 measure.source_digest(), REAL, [measure.file_digest(name) for name in REAL.files()]))
    return hashlib.sha256(text.encode()).hexdigest()


def kept_file(library, key):
    return library_folder(library) / "energy" / f"parts_{key[:16]}.json"


def kept(parameters, library, clock_mhz):
    """What compose() gives at that clock if the energy of the parts is at hand, or None; nothing is run."""
    parts = measure.read_kept(kept_file(library, key_of(parameters, library)))
    return composed(parameters, parts, clock_mhz, TILE) if parts else None


def kept_parts(parameters, library):
    """parts_of(), from an earlier run or a new one."""
    os.chdir(ROOT)
    key = key_of(parameters, library)
    path = kept_file(library, key)
    found = measure.read_kept(path)
    if found:
        return found
    work = path.with_name(f".parts.{key[:16]}.{os.getpid()}")
    remove(work)
    work.mkdir(parents=True)
    try:
        found = parts_of(parameters, library, Path(os.path.relpath(work, ROOT)))
        save(path, json.dumps({"key": key, "library": library.name, **found}, indent=1) + "\n")
        return measure.read_kept(path)
    finally:
        remove(work)


def compose(parameters, library, clock_mhz=None, beats=TILE):
    """Energy of an array. `parameters` as of scripts/area/arrays.py; `clock_mhz`: of its critical path unless it is given;
    `beats`: of a tile, as every tile makes an output give a result for each row. A dictionary:

      pj_per_mac           a product, leakage at that clock included, when a beat moves in every clock
      busy_pj              of a clock in which beats move, without leakage
      clock_mhz, milliwatt when a beat moves in every clock
      parts                pJ a busy clock {switching, internal, clock}
      per                  what it is composed of: one cell, an edge and what each register of skew adds, an output stage, a result,
                           what lies around the parts for a row or a column
      and all of terms()

    A shared output is taken as one output stage. Raises as scripts/area/arrays.py does."""
    arrays.check_parameters(parameters)
    parts = kept_parts(parameters, library)
    return composed(parameters, parts, clock_mhz or 1000 / arrays.compose(parameters, library)["critical_path_ns"], beats)


def whole(parameters, parts, rate):
    """total() of an array, with one output stage where it is shared."""
    found = total(parts, parameters["Rows"], parameters["Cols"], rate)
    if parameters.get("SharedOutput"):
        found.update({part: -(parameters["Cols"] - 1) * parts["output"][part] for part in PARTS})
    return found


def terms(parameters, parts):
    """What run_pj() adds up, of an array of these parts:

      beat_pj     of a clock in which a beat moves, without its results
      idle_pj     of a clock in which nothing but the clock does
      tile_pj     of the results of a tile, one of each cell
      leakage_mw  of the whole array"""
    found = whole(parameters, parts, 0)
    return {"beat_pj": sum(found[part] for part in DYNAMIC), "idle_pj": found["clock"],
            "tile_pj": parameters["Rows"] * parameters["Cols"] * sum(parts["result"][part] for part in DYNAMIC),
            "leakage_mw": found["leakage"]}


def run_pj(array, cycles, beats, tiles, seconds):
    """pJ of a run that takes so many cycles and seconds, in which so many beats of so many tiles move. `array`: its terms(). `if4
    network --energy-from` computes the same (sim/report/array_energy.cpp), and a test compares them."""
    return beats * array["beat_pj"] + (cycles - beats) * array["idle_pj"] + tiles * array["tile_pj"] + array["leakage_mw"] * seconds * 1e9


def composed(parameters, parts, mhz, beats):
    found, tiles = terms(parameters, parts), 1 / max(beats, parameters["Rows"])  # an output gives one result a clock at most
    clock = run_pj(found, 1, 1, tiles, 1e-6 / mhz)
    busy = whole(parameters, parts, parameters["Rows"] * tiles)
    return {**found, "pj_per_mac": clock / (parameters["Rows"] * parameters["Cols"] * parameters.get("Lanes", 16)),
            "busy_pj": found["beat_pj"] + tiles * found["tile_pj"], "clock_mhz": mhz, "milliwatt": clock * mhz / 1e3,
            "parts": {part: busy[part] for part in DYNAMIC},
            "per": {name: parts[name] for name in ("cell", "edges", "output", "result", "around")}}


def document(found, library):
    """The file of --json, of {parameters as a tuple of pairs: what compose() gives}. Names are those of the options of `if4`."""
    entries = []
    for parameters, result in found.items():
        own = dict(parameters)
        entries.append({"format": arrays.FORMATS[own["Format"]], "rows": own["Rows"], "columns": own["Cols"], "lanes": own.get("Lanes", 16),
                        "acc-width": own.get("AccWidth", 0), "shared-output": bool(own.get("SharedOutput", 0)),
                        **{name: result[name] for name in ("beat_pj", "idle_pj", "tile_pj", "leakage_mw", "pj_per_mac", "clock_mhz")}})
    return {"generator": generator(), "library": library.name, "tools": versions(), "arrays": entries}


HEADINGS = ["array", "pJ/MAC", "MHz", "mW", "busy pJ/clock", "idle pJ/clock", "leakage mW", "a cell, pJ/clock"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--json", type=lambda text: Path(text).resolve(), metavar="FILE", help="to write: what `if4 network --energy-from` reads")
    parser.add_argument("arrays", nargs="+", metavar="ARRAY", help='"FORMAT ROWSxCOLS [PARAMETER=VALUE...]"')
    args = parser.parse_args()
    wanted = {text.strip(): arrays.parse(text) for words in args.arrays for text in words.split(",")}
    library = read_library(args.liberty or area.default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    rows, found = [], {}
    for text, parameters in wanted.items():
        result = found[tuple(parameters.items())] = compose(parameters, library)
        cell = sum(result["per"]["cell"][part] for part in PARTS if part != "leakage")
        rows.append([text, f"{result['pj_per_mac']:.3f}", f"{result['clock_mhz']:.0f}", f"{result['milliwatt']:.1f}",
                     f"{result['busy_pj']:.1f}", f"{result['idle_pj']:.1f}", f"{result['leakage_mw']:.2g}", f"{cell:.2f}"])
    print(table_text(HEADINGS, rows))
    if args.json:
        try:
            save(args.json, json.dumps(document(found, library), indent=1) + "\n")
        except OSError as error:
            raise LibertyError(f"{args.json}: cannot be written: {error.strerror}") from None
        print(f"saved: {args.json}")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("compose.py", main))
