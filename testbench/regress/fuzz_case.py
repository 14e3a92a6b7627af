#!/usr/bin/env python3
"""A case of the suite `fuzz`: one of the fuzzers with inputs that the seed decides.

usage: testbench/regress/fuzz_case.py --bin DIR --seed N --folder DIR

The fuzzer prints the digest of its inputs itself; its own seed decides nothing but which it makes.
"""

import os
import sys

from cases import Case

# Name, inputs that take about a second, and its options.
FUZZERS = (("readers", 20000, ["-malloc_limit_mb=64"]), ("vectors", 20000, ["-malloc_limit_mb=64"]),
           ("array", 20000, ["-malloc_limit_mb=64"]), ("network", 20000, ["-malloc_limit_mb=64"]),
           ("quantizer", 2000, ["-max_len=16384", "-len_control=1"]))


def main():
    case = Case(__doc__.splitlines()[0])
    name, runs, options = case.random.choice(FUZZERS)
    for folder in ("corpus", "found"):
        (case.folder / folder).mkdir()
    case.run(case.bin / "make_corpus", case.folder / "corpus")
    corpus = case.folder / {"readers": "corpus", "quantizer": "found"}.get(name, f"corpus_{name}")
    program = str(case.bin / f"fuzz_{name}")
    sys.stdout.flush()
    os.execv(program, [program, f"-seed={case.seed}", f"-runs={runs}", f"-artifact_prefix={case.folder}/", *options,
                       str(case.folder / "found"), str(corpus)])


if __name__ == "__main__":
    main()
