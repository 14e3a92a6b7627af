#!/usr/bin/env python3
"""The MAC unit on an FPGA: placed and routed on an iCE40 HX8K, LUTs of two other families; prints and saves one table.

usage: scripts/fpga/fpga.py [--jobs N] [--out FOLDER] [CONFIG...]
       scripts/fpga/fpga.py --list

CONFIG: a unit of rtl/builds.txt with the use `fpga`, or a pattern; a format alone is both output stages; _serial is another
word for _iterative. Results are in build/fpga/, and what has not changed is not done again. Exit codes: 0 done, 1 a tool
failed, 2 bad input, a missing tool or a full disk, 128 + a signal.
"""

import argparse
import concurrent.futures
import csv
import fnmatch
import io
import json
import os
import sys
import threading
import time

import flow
from flow import FAMILIES, ROOT, SEEDS, LibertyError, ToolError, builds

# Of scripts/area, which flow puts into the path.
import report  # noqa: E402
from tools import generator, run_program, save  # noqa: E402

UNITS = flow.units_of(builds.with_use("fpga"))

# With the breaks of the printed table.
BROKEN_HEADINGS = ["configuration", "LUTs", "carries", "flip-\nflops", "logic\ncells", "MHz", "least-most", "cells/\nNVFP4",
                   "MHz/\nNVFP4", "ECP5\nLUTs", "xc7\nLUTs"]
HEADINGS = [heading.replace("\n", " ").replace("- ", "-").replace("/ ", "/") for heading in BROKEN_HEADINGS]

# The first lines of the report.
NOT = [
    "What the numbers are not: those of a board. One device, iCE40 HX8K in ct256, is placed and routed, by open tools whose",
    "delays are Project IceStorm's, not the vendor's. MHz is what nextpnr says after routing, of the unit between registers,",
    f"alone on the device: the median of {len(SEEDS)} seeds of the placer, beside the slowest and the fastest; a difference within",
    "that range says nothing. No pins are timed. ECP5 and xc7 are counts after synthesis: nothing is placed or routed, and there",
    "is no MHz. LUTs have 4 inputs in iCE40 and ECP5, up to 6 in xc7: compare within a column.",
]


def notes():
    """The lines below the table: what is counted."""
    return [
        "LUTs, carries, flip-flops: cells of the unit alone after synthesis. Logic cells: of the unit alone as nextpnr packs it,",
        "a LUT, carry and flip-flop each, those that carry chains need included; the harness of shift registers is in none.",
        "NVFP4: over that of the same output stage. ECP5: LUT4, and two for each CCU2C. xc7: LUT1 to LUT6, and inverters.",
        f"No multipliers, memories or shift registers of the device are used. Tools: {'; '.join(flow.versions())}.",
    ]


def select(words):
    """Units by name or pattern, in the order of the table."""
    chosen = set()
    for word in words:
        pattern = word[:-len("serial")] + "iterative" if word.endswith("_serial") else word
        names = [unit.name for unit in UNITS if fnmatch.fnmatchcase(unit.name, pattern)]
        if pattern in builds.format_names():
            names += [unit.name for unit in UNITS if unit.name == pattern + "_iterative"]
        if not names:
            raise LibertyError(f"no configuration is called '{word}'; there are {', '.join(unit.name for unit in UNITS)}")
        chosen.update(names)
    return [unit for unit in UNITS if unit.name in chosen or not words]


class Run:
    """The steps of a run, in parallel, with a line for each that took its time."""

    def __init__(self, jobs, program, steps):
        self.jobs, self.program, self.steps = max(jobs, 1), program, steps
        self.done = 0
        self.failures = []
        self.lock = threading.Lock()

    def step(self, what, function, *arguments):
        """Whether it gave a result."""
        start = time.monotonic()
        try:
            result = function(*arguments)
        except (ToolError, LibertyError) as error:
            with self.lock:
                self.failures.append(error)
            return False
        with self.lock:
            self.done += 1
            seconds = time.monotonic() - start
            if seconds > 1:  # what was there is not worth a line
                figure = f"{result['mhz']:6.1f} MHz" if "mhz" in result else f"{result['luts']:6} LUTs"
                print(f"  {self.done:3} of {self.steps}  {what:30} {figure}  {seconds:4.0f} s", flush=True)
        return True

    def parallel(self, steps):
        """Steps as (what, function, arguments...); whether each gave a result."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(lambda step: self.step(*step), steps))

    def finish(self):
        """Raises LibertyError where the disk is full, ToolError where a tool failed."""
        for error in self.failures:
            if isinstance(error, LibertyError):
                raise error
        for error in self.failures[1:]:
            print(f"{self.program}: {error}", file=sys.stderr)
        if self.failures:
            raise self.failures[0]


def measure_all(units, jobs):
    steps = Run(jobs, "fpga.py", len(units) * (1 + len(FAMILIES) + len(SEEDS)))
    good = steps.parallel([(f"{unit.name}, iCE40", flow.netlist_result, unit) for unit in units])
    mapped = [unit for unit, is_good in zip(units, good) if is_good]
    steps.parallel([(f"{unit.name}, seed {seed}", flow.seed_result, unit, seed) for unit in mapped for seed in SEEDS]
                   + [(f"{unit.name}, {family}", flow.family_result, unit, family) for unit in units for family in FAMILIES])
    steps.finish()


def ratios(own, nvfp4):
    if not nvfp4:
        return {"cells / nvfp4": None, "mhz / nvfp4": None}
    return {"cells / nvfp4": own["logic_cells"] / nvfp4["logic_cells"], "mhz / nvfp4": own["mhz"] / nvfp4["mhz"]}


def rows_of(results, to):
    return [[name, str(own["luts"]), str(own["carries"]), str(own["flip_flops"]), str(own["logic_cells"]), f"{own['mhz']:.1f}",
             f"{own['mhz_least']:.1f}-{own['mhz_most']:.1f}", report.shown(to[name]["cells / nvfp4"], 3),
             report.shown(to[name]["mhz / nvfp4"], 3), *(str(own[f"{family}_luts"]) for family in FAMILIES)]
            for name, own in results.items()]


def save_table(units):
    results = {unit.name: flow.complete_result(unit) for unit in units}
    lost = [name for name, result in results.items() if result is None]
    if lost:
        raise ToolError(f"results of {lost[0]} are gone: did something change them meanwhile?")
    by_name = {unit.name: unit for unit in UNITS}
    to = {unit.name: ratios(results[unit.name], unit.nvfp4 and flow.complete_result(by_name[unit.nvfp4])) for unit in units}
    rows = rows_of(results, to)
    document = {"generator": generator(), "what_the_numbers_are_not": " ".join(NOT), "notes": notes(), "tools": flow.versions(),
                "configurations": [{"name": unit.name, "top": unit.top, "parameters": dict(unit.parameters),
                                    **results[unit.name], "ratios": to[unit.name]} for unit in units]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    writer.writerows(rows)
    marked = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1),
              *("| " + " | ".join(row) + " |" for row in rows)]
    folder = flow.FOLDER
    save(folder / "fpga.json", json.dumps(document, indent=1) + "\n")
    save(folder / "fpga.csv", text.getvalue())
    save(folder / "fpga.md", "\n".join([*NOT, "", *marked, "", *notes()]) + "\n")
    print("\n".join([*NOT, "", report.text(BROKEN_HEADINGS, rows, gap=1), "", *notes()]))
    print(f"saved: {folder.relative_to(ROOT)}/fpga.json, .csv, .md")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("--out", default="build/fpga", metavar="FOLDER", help="of results, in the project (default: build/fpga)")
    parser.add_argument("--list", action="store_true", help="print the configurations and stop")
    parser.add_argument("names", nargs="*", metavar="CONFIG", help="names or patterns; default: all")
    args = parser.parse_args()
    units = select(args.names)
    if args.list:
        for unit in units:
            print(f"{unit.name:20} {unit.top:14} " + " ".join(f"{name}={value}" for name, value in unit.parameters))
        return 0
    flow.place(args.out)
    flow.need("yosys", "nextpnr-ice40")
    measure_all(units, args.jobs)
    save_table(units)
    return 0


def guarded(function):
    """What function() gives, with what the disk says as bad input."""
    try:
        return function()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LibertyError(f"{error.filename or flow.FOLDER.relative_to(ROOT)}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(run_program("fpga.py", lambda: guarded(main)))
