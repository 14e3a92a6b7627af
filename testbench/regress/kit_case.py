#!/usr/bin/env python3
"""A case of the suite `kit`: random vectors in the portable testbench, in Icarus Verilog, on a unit of a random format.

usage: testbench/regress/kit_case.py --bin DIR --seed N --folder DIR
"""

import sys

from cases import FORMATS, ROOT, Case


def main():
    case = Case(__doc__.splitlines()[0])
    number = case.random.randrange(len(FORMATS))
    iterative, beats = case.random.randrange(2), case.random.choice([1, 2, 3, 10])
    scaled = case.random.randrange(2)
    vectors = case.folder / "vectors"
    case.run(case.bin / "if4", "vectors", "--random", 1 + (200 if iterative else 1200) // beats, "--beats", beats,
             "--format", FORMATS[number], "--seed", case.seed, "--memh", vectors, *(["--scaled"] if scaled else []))
    lines = [line for line in (vectors / "stimulus.memh").read_bytes().splitlines() if not line.startswith(b"//")]
    case.note("vectors", b"\n".join(lines))
    text = case.run(sys.executable, "-B", ROOT / "scripts/kit/verify.py", "--dut", f"-F {ROOT}/rtl/if4_mac.f",
                    "--top", "if4_mac", "--params", f"Format={number} Iterative={iterative} Scaled={scaled}",
                    "--format", FORMATS[number], "--scaled", scaled, "--sim", "icarus", "--vectors", vectors,
                    "--seed", 1 + case.seed % 1000000, "--out", case.folder / "out")
    case.count(text, r"checks +(\d+) in ")
    case.end()


if __name__ == "__main__":
    main()
