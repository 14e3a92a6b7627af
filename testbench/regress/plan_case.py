#!/usr/bin/env python3
"""A case of the suite `plan`: the test plan in the portable testbench, in Icarus Verilog, on a unit of a random format.

usage: testbench/regress/plan_case.py --bin DIR --seed N --folder DIR

Prints the counts of every testpoint as the testbench does, which the report adds up.
"""

import subprocess
import sys

from cases import FORMATS, ROOT, Case


def main():
    case = Case(__doc__.splitlines()[0])
    number, iterative = case.random.randrange(len(FORMATS)), case.random.randrange(2)
    scaled = case.random.randrange(2)
    vectors = case.folder / "vectors"
    case.run(case.bin / "if4", "vectors", "--plan", "--format", FORMATS[number], "--seed", case.seed, "--memh", vectors,
             *(["--scaled"] if scaled else []))
    lines = [line for line in (vectors / "stimulus.memh").read_bytes().splitlines() if not line.startswith(b"//")]
    case.note("vectors", b"\n".join(lines))
    verify = [sys.executable, "-B", ROOT / "scripts/kit/verify.py", "--dut", f"-F {ROOT}/rtl/if4_mac.f", "--top", "if4_mac",
              "--params", f"Format={number} Iterative={iterative} Scaled={scaled}", "--format", FORMATS[number],
              "--scaled", str(scaled), "--sim", "icarus",
              "--vectors", vectors, "--seed", str(1 + case.seed % 1000000), "--out", case.folder / "out"]
    done = subprocess.run(verify, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    for log in sorted((case.folder / "out").glob("*/simulation.log")):
        print("\n".join(line for line in log.read_text(errors="replace").splitlines() if line.startswith("testpoint ")))
    case.require(done.returncode == 0, f"make verify ends with exit code {done.returncode}\n{done.stdout}{done.stderr}")
    case.count(done.stdout, r"checks +(\d+) in ")
    case.end()


if __name__ == "__main__":
    main()
