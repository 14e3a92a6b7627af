#!/usr/bin/env python3
"""Judges what the test suite covered of the MAC unit, and writes it down as a page: `make coverage`.

usage: scripts/coverage/coverage.py PART... OUTPUT
       scripts/coverage/coverage.py --merge PART... FILE.gz
       scripts/coverage/coverage.py --self-test

A PART is a folder where one run of the test program left its counts (IF4_COVERAGE), or a file that --merge made of several
parts; @FILE stands for the arguments that are lines of FILE. They add up, in any order; one of another build, one that is
cut, and one that is there twice are refused. Writes index.html and coverage.json to the folder OUTPUT.

  <unit>.<n>.dat, <unit>.<n>.toggles   Verilator's counts of each instance of a unit
  points.json                          the functional points
  build.json                           what the program was built from, a number of its own for the run, how many files

  line    a point where Verilator counts the execution of statements: a block, a branch taken or not taken
  toggle  one bit of one signal of one instance, seen to rise and to fall
  point   a line of testbench/coverage/points.txt

Every build of the unit is judged by itself, and each must be there. A hole, that is what no part covered, must be
explained in testbench/coverage/waivers*.txt, and what is explained there must be a hole. There is no waiver for a point.
Exit codes: 0 all well, 1 a hole without a waiver, a waiver without a hole, or a figure below its floor; 2 bad input.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import data
import page
import parts
import selftest
from planted import Parser, main_of


def main():
    parser = Parser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--self-test", action="store_true", help="judge made-up data, some of it bad")
    parser.add_argument("--merge", action="store_true", help="only add the parts, to one file")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PART... OUTPUT")
    args = parser.parse_args()
    if args.self_test:
        return selftest.run()
    if len(args.paths) < 2:
        parser.error("PART... OUTPUT, or --self-test")
    *given, output = args.paths
    part = parts.merged(map(parts.read, given))
    if args.merge:
        if output.suffix != ".gz":
            raise ValueError(f"{output}: the name of the file ends in .gz")
        parts.write(part, output)
        print(f"{output}: {len(part.runs)} runs of the tests, {len(part.units)} units")
        return 0
    report = data.judge_project(part)
    print(report.text())
    page.write(report, part, data.ROOT, output)
    return 0 if report.passed() else 1


if __name__ == "__main__":
    main_of("coverage.py", main)
