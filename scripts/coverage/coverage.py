#!/usr/bin/env python3
"""Judges what the test suite covered of the MAC unit, and writes it down as a page: `make coverage`.

usage: scripts/coverage/coverage.py DATA OUTPUT
       scripts/coverage/coverage.py --self-test

Reads from the folder DATA what the test program left there (IF4_COVERAGE): Verilator's counts of each unit,
<unit>.<n>.dat, and the functional points, points.json. Writes index.html and coverage.json to the folder OUTPUT.

  line    a point where Verilator counts the execution of statements: a block, a branch taken or not taken
  toggle  one bit of one signal of one instance, seen to rise and to fall
  point   a line of testbench/coverage/points.txt

Every build of the unit is judged by itself. A hole, that is what was not covered, must be explained in
testbench/coverage/waivers.txt, and what is explained there must be a hole. There is no waiver for a point.
Exit codes: 0 all well, 1 a hole without a waiver, a waiver without a hole, or a figure below its floor; 2 bad input.
"""

import argparse
import sys
from pathlib import Path

import data
import page
import selftest

ROOT = Path(__file__).resolve().parents[2]
POINTS = ROOT / "testbench" / "coverage" / "points.txt"
WAIVERS = ROOT / "testbench" / "coverage" / "waivers.txt"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--self-test", action="store_true", help="judge made-up data, some of it bad")
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("output", nargs="?", type=Path, metavar="OUTPUT")
    args = parser.parse_args()
    if args.self_test:
        return selftest.run()
    if args.data is None or args.output is None:
        parser.error("DATA and OUTPUT, or --self-test")
    report = data.judge(args.data, ROOT, POINTS, WAIVERS)
    print(report.text())
    page.write(report, ROOT, args.output)
    return 0 if report.passed() else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, OSError) as error:
        print(f"coverage.py: {error}", file=sys.stderr)
        sys.exit(2)
