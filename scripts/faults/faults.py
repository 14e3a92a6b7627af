#!/usr/bin/env python3
"""Stuck-at faults of the mapped netlists, and how many of them the vectors of the test plan detect.

usage: scripts/faults/faults.py --program PROGRAM --out FOLDER [--liberty FILES] [--seed N] [--least PERCENT] [CONFIG...]

CONFIG: a unit of `make area` (default: if4 if4_iterative). Prints a table for each, and writes FOLDER/CONFIG.json with every
fault. What is counted and observed is in testbench/faults/README.md. Exit codes: 0 done, 1 a tool failed, or less than
PERCENT of the testable faults are detected, 2 bad input, 128 + a signal.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "area"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import area  # noqa: E402
import builds  # noqa: E402
from liberty import LibertyError  # noqa: E402
from synthesis import result_folder  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError, generator, run, run_program, save  # noqa: E402

import summary  # noqa: E402
from circuit import circuit_of  # noqa: E402
from collapse import FaultList  # noqa: E402
from modules import Modules, read_signatures  # noqa: E402
from netlist import read_netlist  # noqa: E402
from proofs import PROVEN, Prover  # noqa: E402

DEFAULT = ("if4", "if4_iterative")
LEAST = 99.0
STEPS = 16384   # of the plan, that the signatures of nodes are made of, from all over the vectors


@dataclass
class Outcome:
    """What became of a class of faults."""
    status: str        # one of summary.STATUSES
    detail: str = ""   # testpoint that detects it, or the reason
    step: int = None   # of the trace


def build_of(name):
    """The build of if4_mac that `make area` calls so, and that the simulators have."""
    for build in builds.with_use("sim"):
        if build.module == "if4_mac" and build.area == name:
            return build
    raise LibertyError(f"no unit that is simulated is called '{name}' in `make area`")


def grade(program, circuit, faults, work, arguments):
    """[(starts, step or None, testpoint)] of each fault, and the steps of the trace."""
    text = work / "circuit.txt"
    save(text, circuit.text(faults))
    run([program, str(text), *arguments], work / "graded.txt", "the fault simulator")
    lines = (work / "graded.txt").read_text().splitlines()
    found = [re.fullmatch(r"fault (\d+) (\d+) (\d+|-) (\S+)", line) for line in lines[:-1]]
    end = re.fullmatch(r"graded (\d+) (\d+)", lines[-1]) if lines else None
    if not end or int(end[1]) != len(faults) or [int(m[1]) if m else -1 for m in found] != list(range(len(faults))):
        raise ToolError("the fault simulator did not grade all faults", "graded.txt")
    return [(int(m[2]), None if m[3] == "-" else int(m[3]), m[4]) for m in found], int(end[2])


def outcomes(listed, circuit, program, work, arguments):
    """{first of a class: Outcome}, and the steps of the trace."""
    found, tried = {}, []
    for first in listed.groups:
        reason = listed.unseen_reason(first)
        if reason:
            found[first] = Outcome("untestable", reason)
        else:
            tried.append(first)
    graded, steps = grade(program, circuit, tried, work, arguments)
    left = []
    for first, (starts, step, point) in zip(tried, graded):
        if step is None:
            left.append(first)
            found[first] = Outcome("undetected", "from some starts only" if starts else "")
        else:
            found[first] = Outcome("detected", point, step)
    for first, verdict in Prover(circuit).prove(left, work / "proofs").items():
        if verdict == PROVEN:
            if found[first].detail:
                raise ToolError(f"{first} is proven to be no fault, and yet was seen", "proofs/abc.log")
            found[first] = Outcome("untestable", "proven")
    return found, steps


def examine(name, args, library):
    build = build_of(name)
    work = args.out / name
    work.mkdir(parents=True, exist_ok=True)
    folder = result_folder(next(config.design for config in area.CONFIGS if config.name == name), library)
    netlist = read_netlist(folder, build.module, library)
    listed = FaultList(netlist)
    circuit = circuit_of(netlist)
    found, steps = outcomes(listed, circuit, args.program, work, ["--unit", build.name, "--seed", str(args.seed)])

    def marks_of(some, text):
        return read_signatures(lambda name: [args.program, name, "--unit", build.name, "--signatures", str(STEPS)], some, text)

    modules = Modules(netlist, circuit, build, marks_of, work)
    result = summary.result_of(name, listed, found, modules)
    result.update(generator=generator(), library=library.name, seed=args.seed, steps=steps, cells=len(netlist.cells))
    save(args.out / f"{name}.json", json.dumps(result, indent=1) + "\n")
    summary.show(result)
    return result["coverage"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="fault_check, which `make faults` builds")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--seed", type=int, default=1, help="of the plan's operands (default: 1)")
    parser.add_argument("--least", type=float, default=LEAST, help="per cent of the testable faults (default: 99)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("configs", nargs="*", metavar="CONFIG")
    args = parser.parse_args()
    shown, args.out, args.program = args.out, args.out.resolve(), str(Path(args.program).resolve())
    names = args.configs or list(DEFAULT)
    designs = {config.name: config.design for config in area.CONFIGS}
    for name in names:
        build_of(name)
    library = read_library(args.liberty or area.default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    area.results_of([designs[name] for name in names], library, args.jobs)
    coverages = [examine(name, args, library) for name in names]
    missed = [name for name, coverage in zip(names, coverages) if coverage < args.least]
    print(f"faults: {'less than' if missed else 'OK, at least'} {args.least:g} % of the testable faults detected"
          + (f" in {', '.join(missed)}" if missed else "") + f"; every fault: {shown}/*.json")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run_program("faults.py", main))
