#!/usr/bin/env python3
"""Bitstreams of a self-test of the MAC unit for the iCE40-HX8K breakout board, each simulated before it is put in place.

usage: scripts/fpga/selftest.py --program PROGRAM [--jobs N] [--out FOLDER] [CONFIG...]

CONFIG: as those of scripts/fpga/fpga.py, of 16 lanes and codes of 4 bits; default if4_iterative. PROGRAM: build/fpga/signature.
Writes build/fpga/CONFIG.selftest/selftest.bin. Exit codes: 0 done, 1 a tool failed, or the bits of the bitstream do not pass
the self-test in a simulation, 2 bad input, a missing tool or a full disk, 128 + a signal.
"""

import argparse
import concurrent.futures
import os
import re
import sys
from pathlib import Path

import flow
from flow import ROOT, LibertyError, ToolError, result_of
from fpga import Run, guarded, select
from tools import run, run_program

DEFAULT = "if4_iterative"
PLACES = "testbench/fpga"
SELFTEST, BENCH, PINS = (f"{PLACES}/{name}" for name in ("selftest.sv", "selftest_tb.sv", "hx8k_breakout.pcf"))
SEED = 1
MISMATCH = "the self-test fails"


def results_counted():
    """How many results the self-test's signature is of."""
    found = re.search(r"parameter int Results = (\d+)", (ROOT / SELFTEST).read_text())
    if not found:
        raise LibertyError(f"{SELFTEST}: no parameter Results")
    return int(found[1])


def golden_signature(unit, program, work):
    """By the golden model, in hexadecimal."""
    run([str(program), unit.format, str(results_counted())], work / "golden.txt", unit.name)
    text = (ROOT / work / "golden.txt").read_text().strip()
    if not re.fullmatch(r"[0-9a-f]{1,9}", text):
        raise ToolError(f"{unit.name}: {program} gave no signature", "golden.txt")
    return text


def check(unit):
    """Raises LibertyError where the self-test has no beats for the unit."""
    lanes = dict(unit.parameters).get("Lanes", 16)
    if lanes != 16 or "AccWidth" in dict(unit.parameters) or not unit.format.endswith("4"):
        raise LibertyError(f"{unit.name}: the self-test has beats of 16 lanes and codes of 4 bits, for the default accumulator")


def macros(unit, golden):
    parameters = ",".join(f".{name}({value})" for name, value in unit.parameters)
    return [f"-DPARAMETERS={parameters}", f"-DGOLDEN=34'h{golden}"]


def bitstream(unit, golden, work):
    """Leaves selftest.bin. Its speed and size."""
    settings = f"-set Format {dict(unit.parameters).get('Format', 0)}"
    flow.yosys([f"verilog_defines {' '.join(macros(unit, golden))}",
                f"read_verilog -sv {' '.join(unit.sources())} {SELFTEST}", f"chparam {settings} selftest",
                f"{flow.SYNTHESIS} -top selftest", f"write_json {work}/selftest.json"], work, unit.name)
    figures = flow.route(work / "selftest.json", SEED, work, unit.name, "", "--pcf", PINS, "--asc", f"{work}/routed.asc")
    run(["icepack", f"{work}/routed.asc", f"{work}/selftest.bin"], work / "icepack.log", unit.name)
    for name in ("selftest.json", "routed.asc", "report.json"):
        (ROOT / work / name).unlink()
    return {"mhz": figures["mhz"], "device_logic_cells": figures["device_logic_cells"]}


def simulate(unit, work):
    """What the chip does with the bits of selftest.bin: (pass, fail or hangs; signature; clocks)."""
    run(["iceunpack", f"{work}/selftest.bin", f"{work}/unpacked.asc"], work / "iceunpack.log", unit.name)
    run(["icebox_vlog", "-s", "-n", "chip", "-p", PINS, f"{work}/unpacked.asc"], work / "chip.v", unit.name)
    run(["iverilog", "-g2012", "-s", "selftest_tb", "-DCHIP=chip", "-o", f"{work}/chip.vvp", f"{work}/chip.v", BENCH],
        work / "iverilog.log", unit.name)
    run(["vvp", "-n", f"{work}/chip.vvp"], work / "simulation.log", unit.name)
    for name in ("unpacked.asc", "chip.v", "chip.vvp"):
        (ROOT / work / name).unlink()
    return verdict((ROOT / work / "simulation.log").read_text(), unit.name)


def verdict(text, what):
    found = re.fullmatch(r"selftest (?:(pass|fail) ([0-9a-f]+)|(hangs)) (\d+)", text.strip())
    if not found:
        raise ToolError(f"{what}: the simulation says no verdict", "simulation.log")
    return found[1] or found[3], found[2], int(found[4])


def measure(unit, program, work):
    """The bitstream and its simulation, which must pass with the golden signature."""
    golden = golden_signature(unit, program, work)
    figures = bitstream(unit, golden, work)
    said, signature, clocks = simulate(unit, work)
    if (said, signature) != ("pass", golden):
        raise ToolError(f"{unit.name}: {MISMATCH} in the simulation of the bitstream ({said}): signature {signature}, golden "
                        f"{golden}", "simulation.log")
    return {"signature": golden, "results": results_counted(), "clocks": clocks, **figures}


def key(unit, program):
    return flow.key_of(("selftest", unit.top, unit.format, unit.parameters, SEED, Path(__file__).read_bytes()),
                       [*unit.sources(), SELFTEST, BENCH, PINS, program])


def selftest_result(unit, program):
    return result_of(f"{unit.name}.selftest", key(unit, program), lambda work: measure(unit, program, work))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="prints the golden signature: build/fpga/signature")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("--out", default="build/fpga", metavar="FOLDER", help="of results, in the project (default: build/fpga)")
    parser.add_argument("names", nargs="*", metavar="CONFIG", help=f"names or patterns; default: {DEFAULT}")
    args = parser.parse_args()
    units = select(args.names or [DEFAULT])
    flow.place(args.out)
    os.environ["PYTHONWARNINGS"] = "ignore"  # icebox_vlog's output is what it says
    flow.need(*flow.PACKAGES)
    program = args.program.resolve()
    for unit in units:
        check(unit)
    steps = Run(args.jobs, "selftest.py", len(units))
    steps.parallel([(f"{unit.name}, self-test", selftest_result, unit, program) for unit in units])
    steps.finish()
    for unit in units:
        result = selftest_result(unit, program)
        print(f"{unit.name}: PASS  signature {result['signature']} of {result['results']} results in {result['clocks']} clocks, as "
              f"the golden model's\n  {result['device_logic_cells']} logic cells, {result['mhz']:.1f} MHz; "
              f"{(flow.FOLDER / (unit.name + '.selftest')).relative_to(ROOT)}/selftest.bin")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("selftest.py", lambda: guarded(main)))
