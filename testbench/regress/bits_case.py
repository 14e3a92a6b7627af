#!/usr/bin/env python3
"""A case of the suite `bits`: random products on the bits engine, each result against the golden model.

usage: testbench/regress/bits_case.py --bin DIR --seed N --folder DIR
"""

from cases import Case


def main():
    case = Case(__doc__.splitlines()[0])
    if4, pick = case.bin / "if4", case.random
    for number in range(2):
        # More rows than a vector has units, and fewer; without stalls all units go in step, with stalls each by itself.
        rows, k = pick.randrange(1, 700), pick.choice([1, 16, 17, 40, 300])
        acts = case.tensor(f"acts{number}", rows, k)
        weights = case.tensor(f"weights{number}", pick.randrange(1, 80), k)
        stalls = [pick.choice([0, 10, 50, 95]) for _ in range(2)] if number else [0, 0]
        text = case.run(if4, "cosim", "--engine", "bits", "--threads", 1, "--acts", acts, "--weights", weights,
                        "--rule", pick.choice(["mse", "mae", "abs_max"]), "--stall-in", stalls[0], "--stall-out", stalls[1],
                        "--seed", pick.randrange(1, 1 << 30))
        case.count(text, r"checked +(\d+) results")
    case.end()


if __name__ == "__main__":
    main()
