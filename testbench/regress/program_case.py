#!/usr/bin/env python3
"""A case of the suite `program`: commands of if4 on random tensors and vectors, with random options.

usage: testbench/regress/program_case.py --bin DIR --seed N --folder DIR
"""

import json

from cases import FORMATS, Case


def products(case):
    """Two tensors through the Verilated unit, plain and quantized before, with stalls."""
    if4, pick = case.bin / "if4", case.random
    k = pick.randrange(1, 400)
    acts, weights = (case.tensor(name, pick.randrange(1, 24), k) for name in ("acts", "weights"))
    options = ["--format", pick.choice(["if4", "nvfp4"]), "--rule", pick.choice(["mse", "mae", "abs_max"])]
    reports = []
    for number in range(2):
        stalls = ["--stall-in", pick.choice([0, 0, 10, 50, 95]), "--stall-out", pick.choice([0, 0, 10, 50, 95])]
        report = case.folder / f"cosim{number}.json"
        operands = ["--acts", acts, "--weights", weights] + (options if number == 0 else [])
        text = case.run(if4, "cosim", *operands, *stalls, "--seed", pick.randrange(1, 1 << 30), "--json", report)
        case.count(text, r"checked +(\d+) results")
        reports.append(json.loads(report.read_text()))
        acts, weights = (quantized(case, path, options) for path in (acts, weights)) if number == 0 else (acts, weights)
    for key in ("m", "n", "k", "format", "results", "beats", "pair_beats", "nan_results", "overflow_results"):
        case.require(reports[0][key] == reports[1][key], f"'{key}' differs where the tensors were quantized before")


def quantized(case, path, options):
    result = path.with_suffix(".safetensors")
    case.run(case.bin / "if4", "quantize", path, "-o", result, *options)
    return f"{result}:{path.stem}"


def arrays(case):
    """A product on an array of random size, closed forms against SystemC."""
    pick, k = case.random, case.random.randrange(1, 200)
    acts, weights = (case.tensor(name, pick.randrange(1, 40), k) for name in ("array_acts", "array_weights"))
    options = ["--rows", pick.randrange(1, 9), "--columns", pick.randrange(1, 9), "--lanes", pick.choice([16, 32, 64]),
               "--format", pick.choice(FORMATS), "--order", pick.choice(["mn", "nm"]),
               "--dram-latency", pick.randrange(300), "--dram-bandwidth", pick.randrange(1, 100)]
    options += ["--snake"] if pick.random() < 0.5 else []
    options += ["--shared-output"] if pick.random() < 0.3 else []
    options += ["--depth", "1"] if pick.random() < 0.3 else []
    found = []
    for engine in ("fast", "systemc-model"):
        report = case.folder / f"{engine}.json"
        text = case.run(case.bin / "if4", "array", "--acts", acts, "--weights", weights, "--engine", engine, *options,
                        "--json", report)
        if engine != "fast":
            case.count(text, r"mismatches +0 of (\d+) results")
        found.append(numbers(json.loads(report.read_text())))
    for key in {**found[0], **found[1]}:
        fast, systemc = (one.get(key) for one in found)
        case.require(fast == systemc, f"{key} is {fast} in the fast model, {systemc} in SystemC")


def numbers(value, name=""):
    """The values of a report by their places in it, but for what differs from run to run, and from engine to engine, which
    compare more or fewer of the results with the golden model."""
    if not isinstance(value, (dict, list)):
        return {name: value}
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {place: number for key, one in pairs if key not in ("engine", "checked") and "seconds" not in str(key)
            for place, number in numbers(one, f"{name}.{key}").items()}


def vectors(case):
    """Random vectors of any format, replayed on the models and the unit."""
    path = case.folder / "vectors.txt"
    case.run(case.bin / "if4", "vectors", "--random", 400, "--beats", case.random.choice([1, 2, 5, 30]),
             "--format", case.random.choice(FORMATS), "--seed", case.seed, "-o", path)
    lines = [line for line in path.read_bytes().splitlines() if not line.startswith(b"#")]
    case.note("vectors", b"\n".join(lines))
    text = case.run(case.bin / "if4", "replay", path)
    case.count(text, r"exact model +(\d+) of \1 results equal")


def main():
    case = Case(__doc__.splitlines()[0])
    products(case)
    arrays(case)
    vectors(case)
    case.end()


if __name__ == "__main__":
    main()
