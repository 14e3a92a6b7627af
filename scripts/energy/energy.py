#!/usr/bin/env python3
"""Energy of the RTL in a library of cells, from activity that is counted: pJ a product, mW at the clock, by module.

usage: scripts/energy/energy.py [--liberty FILES] [--acts A --weights W] [--layout] [--jobs N] [CONFIG...]

CONFIG: names or patterns of `make area` (default: IF4 and NVFP4, both output stages). A and W: FILE.safetensors:NAME or
FILE.npy, as of `make run` (default: its sample). Results are kept beside those of `make area`, and what has not changed is
not counted again. What is counted, and what the numbers are not, is in scripts/energy/README.md. Exit codes: 0 done, 1 a
tool failed or the netlist gives wrong results, 2 bad input, 128 + a signal.
"""

import argparse
import concurrent.futures
import csv
import io
import json
import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("faults", "area")]
import area  # noqa: E402
from report import text as table_text  # noqa: E402
from synthesis import library_folder  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ROOT, generator, run_program, save, versions  # noqa: E402

from measure import RANDOM, TYPES, Operands, measure_all, operands_of  # noqa: E402

DEFAULT = ("if4", "if4_iterative", "nvfp4", "nvfp4_iterative")
HEADINGS = ["configuration", "operands", "pJ/MAC", "over NVFP4", "MHz", "mW", "switching", "internal", "clock", "leakage mW",
            "toggles/net", "glitches"]
MODULE_HEADINGS = ["module", "pJ/beat", "share", "switching", "internal", "clock"]
TYPE_NAMES = {"ff": "FP x FP", "fi": "FP x INT", "if": "INT x FP", "ii": "INT x INT"}


def mixes(config):
    """Whether the configuration's format has two types of elements."""
    return area.FORMATS[dict(config.design.parameters).get("Format", 0)] in ("if4", "mixfp4", "if3", "if6_e2m3", "if6_e3m2")


def measured(configs, library, operands, jobs, layout=False):
    """{(name of a configuration, name of its operands): result}; those of both types of element at random too."""
    area.results_of([config.design for config in configs], library, jobs)
    found = {}

    def one(config):
        wanted = {**operands, **({f"random, {TYPE_NAMES[types]}": Operands(types=types) for types in TYPES}
                                 if mixes(config) and config.design.top != "if4_array" else {})}
        results = measure_all(config, library, list(wanted.values()), by_module=True, layout=layout)
        print(f"  {config.name}: {results[0]['pj_per_mac']:.3f} pJ/MAC", flush=True)
        found.update({(config.name, name): result for name, result in zip(wanted, results)})

    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        for done in [pool.submit(one, config) for config in configs]:
            done.result()
    return found


def ratio(config, name, found):
    """Over NVFP4 of the same kind, on the same operands."""
    other = found.get((config.nvfp4, name))
    return found[config.name, name]["pj_per_mac"] / other["pj_per_mac"] if other else None


def rows(configs, names, found):
    table = []
    for config in configs:
        for name in names:
            result = found.get((config.name, name))
            if not result:
                continue
            over = ratio(config, name, found)
            table.append([config.name, name, f"{result['pj_per_mac']:.3f}", "-" if over is None else f"{over:.3f}",
                          f"{result['clock_mhz']:.0f}", f"{result['milliwatt']:.2f}",
                          *(f"{100 * result['parts'][part] / result['pj_per_beat']:.0f} %"
                            for part in ("switching", "internal", "clock")),
                          f"{result['leakage_milliwatt']:.2g}", f"{result['toggles_per_net']:.3f}",
                          f"x {result['glitches']['energy']:.2f}" if "glitches" in result else "-"])
    return table


def module_table(result):
    return [[row["module"], f"{row['pj_per_beat']:.3f}", f"{100 * row['pj_per_beat'] / result['pj_per_beat']:.1f} %",
             *(f"{row['parts'][part]:.3f}" for part in ("switching", "internal", "clock"))] for row in result["modules"]]


def notes(library, found):
    any_result = next(iter(found.values()))
    least = {name: min(result[name] for result in found.values())
             for name in ("share_annotated", "share_told", "share_leaking", "beats_per_clock")}
    wires = any_result["wire_load"]
    routed = any_result["layout"]
    assumed = library.groups[0].get("leakage_power_unit") is None and "The library has no leakage_power_unit: 1nW is taken."
    return [line for line in (
        f"{library.name}: {any_result['volts']:g} V; wires: " + (
            "those of the layout, in loads, slews and MHz." if routed else f"the default wire load {wires}." if wires
            else "none, as the library names no default wire load."),
        f"Nets whose activity was counted: {100 * least['share_annotated']:.0f} %. Changes of outputs with an internal_power in "
        f"the library: {100 * least['share_told']:.1f} %. Kinds of cells with a leakage: {100 * least['share_leaking']:.0f} %.",
        f"Beats a clock: {least['beats_per_clock']:.3f} at least. Every result equals the golden model's: "
        f"{sum(result['results'] for result in found.values())}.",
        "MAC: one product of two elements. mW: at MHz, the clock of the critical path. Shares are of pJ/MAC; clock is what the",
        "pins of the clock take, in flip-flops and as a load. toggles/net: a clock. Random: uniform codes, scales within 2^5.",
        assumed,
        not routed and "glitches: not in the other columns; what switching takes with the delays of gates, over that without, of one unit.",
        f"An estimate to compare designs by: no glitches, {'' if routed else 'no layout, '}no clock tree, one corner, "
        "ideal edges at the ports;",
        "scripts/energy/README.md has the formulas.",
        f"Tools: {'; '.join(versions())}.") if line]


def show(library, configs, names, found, layout=False):
    folder = library_folder(library)
    table = rows(configs, names, found)
    lines = [table_text(HEADINGS, table)]
    for config in configs:
        result = found[config.name, names[0]]
        if mixes(config):
            pairs = sum(result["types"].values())
            shares = ", ".join(f"{name} {100 * result['types'][types] / pairs:.0f} %" for types, name in TYPE_NAMES.items())
            lines.append(f"pairs of blocks of {config.name}, {names[0]} operands: {shares}")
        if "modules" in result:
            lines += ["", f"{config.name}, {names[0]} operands", table_text(MODULE_HEADINGS, module_table(result))]
    print("\n".join([*lines, "", *notes(library, found)]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(table)
    document = {"generator": generator(), "library": library.name, "liberty": library.files, "tools": versions(),
                "notes": notes(library, found),
                "results": [{"configuration": config.name, "operands": name, "over_nvfp4": ratio(config, name, found),
                             **{key: value for key, value in found[config.name, name].items() if key != "key"}}
                            for config in configs for name in names if (config.name, name) in found]}
    name = "energy_layout" if layout else "energy"
    save(folder / f"{name}.json", json.dumps(document, indent=1) + "\n")
    save(folder / f"{name}.csv", text.getvalue())
    print(f"saved: {folder.relative_to(ROOT)}/{name}.json, .csv")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--acts", help="activations [M, K] (default: the sample of `make run`)")
    parser.add_argument("--weights", help="weights [N, K]")
    parser.add_argument("--layout", action="store_true", help="with the wires that `make layout` has laid")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("names", nargs="*", metavar="CONFIG", help=f"names or patterns; default: {' '.join(DEFAULT)}")
    args = parser.parse_args()
    configs = area.select(args.names or list(DEFAULT))
    operands = {"real": operands_of(args.acts, args.weights), "random": RANDOM}
    library = read_library(args.liberty or area.default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    found = measured(configs, library, operands, args.jobs, args.layout)
    names = [*operands, *(f"random, {TYPE_NAMES[types]}" for types in TYPES)]
    show(library, configs, names, found, args.layout)
    return 0


if __name__ == "__main__":
    sys.exit(run_program("energy.py", main))
