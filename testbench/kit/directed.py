#!/usr/bin/env python3
"""Writes a small directed set of vectors for the testbench, with results from exact fractions.

usage: directed.py FOLDER [--format NAME] [--lanes N] [--accwidth N] [--scaled] [--seed N] [--short]

--scaled leaves the factor 1 / r^2 of the format out of the results. --short leaves out the overflows, which take most of the
beats.

It is the second opinion of the tests: it shares no code with the golden model, and its arithmetic is the text of the
formats, written down once more (scripts/kit/formats.py). The files are those of `if4 vectors --memh`, which
model/kit/memh.hpp describes.
"""

import argparse
import json
import random
import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "kit"))
sys.dont_write_bytecode = True

from formats import BLOCK, FORMATS, QUIET_NAN, Format, default_acc_width, fp32  # noqa: E402


def dot_product(form, acc_width, factor, beats):
    """(result, nan, overflow) of a list of pairs (a, w) of lists of blocks; results are `factor` times as large."""
    total, nan, overflow = Fraction(0), False, False
    for a, w in beats:
        value = form.beat(a, w)
        nan = nan or value is None
        total += value or 0
        overflow = overflow or not -(1 << (acc_width - 1)) <= total / form.unit() < 1 << (acc_width - 1)
    if nan or overflow:
        return QUIET_NAN, nan, overflow and not nan
    return fp32(total * factor), False, False


class Writer:
    def __init__(self, form, lanes, acc_width, scaled):
        self.form, self.lanes, self.acc_width, self.scaled = form, lanes, acc_width, scaled
        self.factor = form.scaled_factor() if scaled else 1
        self.arg_digits = (2 * lanes * form.bits + lanes) // 4
        self.points, self.lines, self.expected = [], [], []

    def point(self, name):
        self.points.append(name)

    def line(self, op, arg=0):
        self.lines.append(f"{op:02X}{len(self.points) - 1:04X}{arg:0{self.arg_digits}X}")

    def beat(self, a, w, last):
        arg = 0
        for blocks in (w, a):
            for _, codes in reversed(blocks):
                for code in reversed(codes):
                    arg = arg << self.form.bits | code
        for blocks in (w, a):
            for scale, _ in reversed(blocks):
                arg = arg << 8 | scale
        self.line(3 if last else 1, arg)

    def dot(self, beats):
        for index, (a, w) in enumerate(beats):
            self.beat(a, w, index == len(beats) - 1)
        result, nan, overflow = dot_product(self.form, self.acc_width, self.factor, beats)
        self.expected.append((len(self.points) - 1) << 48 | overflow << 33 | nan << 32 | result)

    def stall(self, inputs, outputs):
        self.line(0x10, outputs << 8 | inputs)

    def wait(self, clocks):
        self.line(0x30, len(self.expected) << 16 | clocks)

    def hold(self, clocks):
        self.line(0x40, clocks)

    def idle(self, clocks):
        self.line(0x50, clocks)

    def reset(self, clocks, between):
        self.line(0x20, len(self.expected) << 16 | clocks << 8 | between)

    def save(self, folder, seed):
        self.line(0xFF)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stimulus.memh").write_text("\n".join(self.lines) + "\n")
        (folder / "expected.memh").write_text("".join(f"{word:016X}\n" for word in self.expected))
        (folder / "points.memh").write_text("".join(f"{name.encode().hex():0>128}\n" for name in self.points))
        numbers = {"CODE_BITS": self.form.bits, "LANES": self.lanes, "STIMULI": len(self.lines),
                   "RESULTS": len(self.expected), "POINTS": len(self.points)}
        (folder / "if4_kit_config.svh").write_text(
            "`ifndef IF4_KIT_CONFIG\n`define IF4_KIT_CONFIG\n"
            + "".join(f"`define IF4_KIT_{name} {number}\n" for name, number in numbers.items()) + "`endif\n")
        (folder / "index.json").write_text(json.dumps({
            "format": self.form.name, "lanes": self.lanes, "code_bits": self.form.bits, "accumulator": self.acc_width,
            "rounding": "exact", "seed": seed, "generator": "directed.py", "version": 2, "scaled": self.scaled,
            "testpoints": [{"id": i, "name": name} for i, name in enumerate(self.points)]}, indent=2) + "\n")


class Directed:
    """The set: each method is a testpoint."""

    def __init__(self, writer, generator):
        self.out, self.random = writer, generator
        self.form, self.blocks = writer.form, writer.lanes // BLOCK
        self.types = (0x00, 0x80) if self.form.both else (0x00,)
        values = self.form.floats or self.form.ints
        self.one = values.index(1)
        self.minus_one = values.index(-1)
        self.int_one = 1

    def block(self, scale, codes=None):
        return scale, codes or [self.random.randrange(1 << self.form.bits) for _ in range(BLOCK)]

    def single(self, code, scale, lane=0):
        """Blocks of zeros but for one code."""
        codes = [[0] * BLOCK for _ in range(self.blocks)]
        codes[lane // BLOCK][lane % BLOCK] = code
        return [(scale, block) for block in codes]

    def term(self, scale_a, scale_w, negative=False):
        """A beat that is the product of two scales."""
        return self.single(self.minus_one if negative else self.one, scale_a), self.single(self.one, scale_w)

    def finite_scale(self):
        return self.random.choice([byte for byte in range(256) if byte & 0x7F != 0x7F])

    def random_beats(self, count):
        return [tuple([self.block(self.finite_scale()) for _ in range(self.blocks)] for _ in range(2)) for _ in range(count)]

    def codes(self):
        some = range(1 << self.form.bits) if self.form.bits < 6 else [*range(0, 64, 5), 31, 32, 33, 63]
        for types in [(a, w) for a in self.types for w in self.types]:
            for a in some:
                lane = self.random.randrange(self.out.lanes)
                self.out.dot([(self.single(a, types[0] | 0x38, lane), self.single(w, types[1] | 0x38, lane)) for w in some])

    def scales(self):
        for byte in range(256):
            other = self.finite_scale()
            pair = (byte, other) if byte % 2 else (other, byte)
            self.out.dot([(self.single(self.one, pair[0]), self.single(self.one, pair[1]))])

    def ties(self):
        for sign in (False, True):
            for odd in (0, 1):
                for rest in (None, False, True):
                    beats = [self.term(0x78, 0x78, sign)]                    # 2^16
                    beats += [self.term(0x00 | 0x18, 0x20, sign)] * odd      # 2^-7, an ulp
                    beats += [self.term(0x18, 0x18, sign)]                   # 2^-8, half of one
                    beats += [self.term(0x01, 0x01, rest)] if rest is not None else []
                    self.out.dot(beats)
                    self.out.dot(beats[::-1])
                    if self.form.both:                                   # nor a multiple of the divisor
                        small = self.single(self.int_one, 0x81), self.single(self.minus_one if rest else self.one, 0x01)
                        self.out.dot([*beats, small])
        for negative in (False, True):  # rounding up carries into the exponent
            self.out.dot([self.term(0x78, 0x78, negative), self.term(0x10, 0x10, not negative)])

    def zeros(self):
        for first in (False, True):
            self.out.dot([self.term(0x50, 0x38, first), self.term(0x38, 0x50, not first)])
        self.out.dot([self.term(0x00, 0x38)])
        self.out.dot([self.term(0x00, 0x38, True)])
        self.out.dot([(self.single(1 << (self.form.bits - 1), 0x38), self.single(self.one, 0x38))] * 2)

    def nans(self):
        for byte in (0x7F, 0xFF):
            for side in (0, 1):
                for position in range(3):
                    for lane in range(self.blocks):
                        beats = self.random_beats(3)
                        scale, codes = beats[position][side][lane]
                        beats[position][side][lane] = (byte, codes)
                        self.out.dot(beats)
                        self.out.dot(self.random_beats(1))
                self.out.dot([tuple([self.block(byte)] * self.blocks for _ in range(2))])
                self.out.dot(self.random_beats(2))

    def overflow(self):
        best = max((max(abs(v) for v in values), top) for values, top in
                   ((self.form.floats, 0x00), (self.form.ints, 0x80)) if values)
        values = self.form.values(best[1])
        top = {sign: next(c for c, v in enumerate(values) if v == sign * best[0] or (sign > 0 and v == max(values)))
               for sign in (1, -1) if sign < 0 or max(values) > 0}
        for sign in (1, -1):
            scale = best[1] | 0x7E
            w_code = top[1]
            a_code = top[1] if sign > 0 else top[-1]
            big = ([self.block(scale, [a_code] * BLOCK)] * self.blocks, [self.block(scale, [w_code] * BLOCK)] * self.blocks)
            count = int((Fraction(1 << (self.out.acc_width - 1)) * self.form.unit()) / abs(self.form.beat(*big))) + 1
            if count > 2500:
                continue
            back = ([self.block(scale, [top[-1] if sign > 0 else top[1]] * BLOCK)] * self.blocks, big[1])
            beats = [big] * count
            self.out.dot(beats[:-1])
            self.out.dot(self.random_beats(1))
            self.out.dot(beats)
            self.out.dot(self.random_beats(2))
            self.out.dot([*beats, *[back] * 2])
            self.out.dot([*beats, ([self.block(0x7F)] * self.blocks, big[1])])
            self.out.dot(self.random_beats(1))

    def randoms(self):
        for number in range(100):
            beats = self.random_beats(self.random.randint(1, 6))
            if number % 8 == 0:
                beats[-1][1][0] = self.block(0x7F)
            self.out.dot(beats)

    def one_beat(self):
        for _ in range(60):
            self.out.dot(self.random_beats(1))

    def stalls(self):
        for inputs, outputs in ((128, 0), (0, 200), (100, 100), (0, 250), (0, 0)):
            self.out.stall(inputs, outputs)
            self.one_beat() if outputs == 200 else self.randoms()
            self.out.wait(150)
        for _ in range(8):
            self.out.hold(20)
            self.out.dot(self.random_beats(2))
            self.out.hold(3)
            self.out.dot(self.random_beats(1))
            self.out.wait(20)

    def resets(self):
        for number in range(40):
            for _ in range(self.random.randint(0, 2)):
                self.out.dot(self.random_beats(self.random.randint(1, 2)))
            beats = self.random_beats(self.random.randint(0, 3))
            if beats and number % 3 == 0:
                beats[0][0][0] = self.block(0xFF)
            for a, w in beats:
                self.out.beat(a, w, False)
            self.out.stall(0, 250 if number % 4 == 0 else 0)
            self.out.reset(self.random.randrange(12), number % 2)
            for _ in range(2):
                self.out.dot(self.random_beats(self.random.randint(1, 3)))
            self.out.stall(0, 0)
        self.out.wait(150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", choices=FORMATS, default="if4")
    parser.add_argument("--lanes", type=int, choices=(16, 32, 64), default=16)
    parser.add_argument("--accwidth", type=int)
    parser.add_argument("--scaled", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    form = Format(args.format)
    writer = Writer(form, args.lanes, args.accwidth or default_acc_width(form, args.lanes), args.scaled)
    directed = Directed(writer, random.Random(args.seed))
    points = ["codes", "scales", "ties", "zeros", "nans", "randoms", "one_beat", "stalls", "resets"]
    for name in points if args.short else [*points, "overflow"]:
        writer.point(f"directed.{name}")
        getattr(directed, name)()
    writer.save(args.folder, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
