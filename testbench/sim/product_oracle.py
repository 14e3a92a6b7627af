#!/usr/bin/env python3
"""The errors that `if4 compare` reports of two tensors and of their product, held to exact rationals.

usage: product_oracle.py REPORT PLAIN ACTS WEIGHTS FORMAT[/RULE[+search]]=FILE...

REPORT is the JSON of `if4 compare --acts PLAIN:ACTS --weights PLAIN:WEIGHTS`, and each FILE what `if4 quantize` made of
PLAIN in that format. Codes and scales are decoded here from the text of the formats, without any code of the project but the reader of files. All
sums are exact: of integers, times a rational at the end. Exit code 1: a figure differs by more than one part in 100,000,
which is more than FP32 may have rounded.
"""

import json
import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "network"))
import safetensors  # noqa: E402

TOLERANCE = 1e-5
KINDS = {"U8": np.uint8, "F32": "<f4"}
HALVES = [0, 1, 2, 3, 4, 6, 8, 12]
FP4 = [Fraction(h, 2) for h in HALVES] + [Fraction(-h, 2) for h in HALVES]
INT4 = [Fraction(q if q < 8 else q - 16) for q in range(16)]
SIGNED = [Fraction(q if q < 8 else 8 - q) for q in range(16)]
# The elements of floats and of integers, and what amax is divided by.
FORMATS = {
    "if4": (FP4, [q * Fraction(6, 7) for q in INT4], 6 * 448),
    "mixfp4": (FP4, SIGNED, 6 * 448),
    "nvfp4": (FP4, None, 6 * 448),
    "nvfp4_46": (FP4, None, 6 * 256),
    "nvfp4_4": (FP4, None, 4 * 448),
    "nvint4": (INT4, None, 7 * 448),
    "mxfp4": (FP4, None, 1),
}


def read(path):
    tensors, _ = safetensors.read(path)
    return {name: np.frombuffer(data, KINDS[kind]).reshape(shape) for name, (kind, shape, data) in tensors.items() if kind in KINDS}


def scale(format_name, byte):
    if format_name == "mxfp4":
        return Fraction(2) ** (byte - 127)
    exponent, mantissa = byte >> 3 & 15, byte & 7
    return Fraction(8 + mantissa if exponent else mantissa, 8) * Fraction(2) ** (max(exponent, 1) - 7)


def decode(format_name, tensors, name):
    """The values as integers in units of a rational, the unit, and the share of blocks of integers."""
    floats, ints, divisor = FORMATS[format_name]
    codes, scales = tensors[name + ".codes"], tensors[name + ".scales"]
    size = 32 if format_name == "mxfp4" else 16
    nibbles = np.stack([codes & 15, codes >> 4], -1).reshape(codes.shape[0], -1)
    unit = Fraction(1, 2**128) if format_name == "mxfp4" else Fraction(1, 14 * 2**9)
    table = {}
    for byte in map(int, np.unique(scales)):
        elements = ints if ints and byte & 128 else floats
        values = [element * scale(format_name, byte) / unit for element in elements]
        if any(value.denominator != 1 for value in values):
            sys.exit(f"{format_name}: scale {byte:#x} is no whole number of units")
        table[byte] = [int(value) for value in values]
    rows = [[table[int(scales[r, c // size])][int(nibbles[r, c])] for c in range(nibbles.shape[1])]
            for r in range(nibbles.shape[0])]
    share = np.count_nonzero(scales & 128) / scales.size if ints else float(floats is INT4)
    return np.array(rows, object), unit * Fraction(float(tensors[name + ".amax"][0])) / divisor, share


def whole(values):
    """FP32 numbers as integers in units of 2^-149."""
    return np.array([[int(Fraction(float(x)) * 2**149) for x in row] for row in values], object)


def error(exact, exact_unit, found, found_unit):
    """sum((x - x')^2) / sum(x^2)"""
    ratio = found_unit / exact_unit
    noise = sum((x * ratio.denominator - y * ratio.numerator) ** 2 for x, y in zip(exact.flat, found.flat))
    return Fraction(noise, ratio.denominator**2 * sum(x * x for x in exact.flat))


class Check:
    def __init__(self):
        self.figures, self.wrong = 0, 0

    def figure(self, what, found, expected):
        self.figures += 1
        if not abs(found - expected) <= TOLERANCE * abs(expected):
            self.wrong += 1
            print(f"{what}: {found!r}, but the exact figure is {float(expected)!r}")

    def errors(self, what, entry, expected):
        self.figure(what + " relative_mse", entry["relative_mse"], expected)
        self.figure(what + " sqnr_db", entry["sqnr_db"], -10 * math.log10(expected))


def main():
    report, plain, acts, weights = sys.argv[1:5]
    names = {"activations": acts, "weights": weights}
    originals = {key: whole(read(plain)[name]) for key, name in names.items()}
    entries = json.load(open(report))["formats"]
    product = originals["activations"] @ originals["weights"].T
    check = Check()
    for argument in sys.argv[5:]:
        way, path = argument.split("=", 1)
        format_name, _, rule = way.partition("/")
        rule, _, search = rule.partition("+")
        wanted = (format_name, rule or None, bool(search))
        (entry,) = [e for e in entries if (e["format"], e["rule"], e["search"]) == wanted]
        decoded = {}
        for key, name in names.items():
            values, unit, share = decode(format_name, read(path), name)
            decoded[key] = values, unit
            check.errors(f"{way}: {key}", entry[key], error(originals[key], Fraction(1, 2**149), values, unit))
            check.figure(f"{way}: {key} int_share", entry[key]["int_share"], share)
        (a, a_unit), (w, w_unit) = decoded["activations"], decoded["weights"]
        check.errors(way + ": product", entry["product"],
                     error(product, Fraction(1, 2**298), a @ w.T, a_unit * w_unit))
    print(f"{check.figures} figures against exact rationals, {check.wrong} wrong")
    return 1 if check.wrong or not check.figures else 0


if __name__ == "__main__":
    sys.exit(main())
