"""The $readmemh files of a verification: how they are made, and what beats a result is the sum of, as numbers."""

import json
import struct
from fractions import Fraction

from formats import BLOCK, Format, fp32, scale_value
from process import KitError, run

BEAT, LAST, RESET = 0x01, 0x03, 0x20
MOST_BEATS = 4  # of a result that are shown, from its begin and its end


def write(program, folder, options, work):
    """Lets the program if4 write the vectors of the test plan into `folder`."""
    log = work / "vectors.log"
    code, _ = run([program, "vectors", "--plan", *options, "--memh", folder], work, log)
    if code != 0:
        said = log.read_text(errors="replace").strip().splitlines()
        raise KitError(said[-1].removeprefix("if4: ") if said else f"{program} vectors failed")


def decimal(value):
    """A fraction as a decimal number, with ~ in front where the digits go on."""
    if value is None:
        return "NaN"
    shown = f"{float(value):.12g}"
    if Fraction(shown) == value:
        return shown
    exact = f"{float(value):.17g}"
    return exact if Fraction(exact) == value else f"~{exact}"


def fp32_text(bits):
    """The bits of an FP32 number as it is printed by the testbench, and the number."""
    if not all(digit in "0123456789abcdefABCDEF" for digit in bits):
        return f"0x{bits.upper()} (bits are unknown)"
    value = struct.unpack(">f", bytes.fromhex(bits))[0]
    return f"0x{bits.upper()} = {value:.9g}"


class Vectors:
    """The files of a folder."""

    def __init__(self, folder):
        self.folder = folder
        try:
            index = json.loads((folder / "index.json").read_text())
            self.form, self.lanes = Format(index["format"]), int(index["lanes"])
            self.acc_width, self.rounding = int(index["accumulator"]), index["rounding"]
            self.names = [point["name"] for point in index["testpoints"]]
            self.seed = index["seed"]
            self.scaled = index.get("scaled", False)
            if self.scaled not in (True, False):
                raise ValueError("scaled is neither true nor false")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KitError(f"{folder / 'index.json'} is not the index of vectors: {error}") from None
        self.digits = (2 * self.lanes * self.form.bits + self.lanes) // 4
        self.expected = [int(word, 16) for word in (folder / "expected.memh").read_text().split()]

    def lines(self):
        """(op, argument) of each line of stimulus."""
        with open(self.folder / "stimulus.memh") as lines:
            for line in lines:
                word = line.strip()
                if word and not word.startswith("//"):
                    yield int(word[:2], 16), int(word[6:], 16)

    def beats_in_all(self):
        return sum(op in (BEAT, LAST) for op, _ in self.lines())

    def beats(self, wanted):
        """The beats of each result whose number is in the set `wanted`: {number: [(a, w)]}, as lists of (scale, codes)."""
        found, beats, number = {}, [], 0
        for op, argument in self.lines():
            if op == RESET:
                beats = []
            if op in (BEAT, LAST):
                beats.append(argument)
            if op == LAST:
                if number in wanted:
                    found[number] = [self.operands(beat) for beat in beats]
                beats, number = [], number + 1
        return found

    def operands(self, argument):
        scale_bits, code_bits = self.lanes // 2, self.lanes * self.form.bits
        fields = []
        for width in (scale_bits, scale_bits, code_bits, code_bits):
            fields.append(argument & ((1 << width) - 1))
            argument >>= width
        return [self.blocks(fields[side], fields[2 + side]) for side in (0, 1)]

    def blocks(self, scales, codes):
        bits = self.form.bits
        values = [codes >> bits * i & ((1 << bits) - 1) for i in range(self.lanes)]
        return [(scales >> 8 * b & 0xFF, values[BLOCK * b:BLOCK * (b + 1)]) for b in range(self.lanes // BLOCK)]

    def describe(self, beats):
        """Lines that say the operands of a result as numbers, and its exact sum."""
        lines, total, nan = [], Fraction(0), False
        for index, (a, w) in enumerate(beats):
            value = self.form.beat(a, w)
            nan = nan or value is None
            total += value or 0
            if MOST_BEATS <= index < len(beats) - MOST_BEATS:
                if index == MOST_BEATS:
                    lines.append(f"... {len(beats) - 2 * MOST_BEATS} beats")
                continue
            for name, blocks in (("a", a), ("w", w)):
                for number, block in enumerate(blocks):
                    place = f"beat {index + 1}" if name == "a" and number == 0 else ""
                    block_name = f"{name}[{number}]" if len(blocks) > 1 else name
                    lines.append(f"{place:11}{block_name:5}{self.describe_block(*block)}")
            lines.append(f"{'':11}{'sum':5}{decimal(value)}, together {'NaN' if nan else decimal(total)}")
        if not nan and self.rounding == "exact":
            units = total / self.form.unit()
            factor = self.form.scaled_factor() if self.scaled else 1
            times = f", scaled by {factor}" if factor != 1 else ""
            lines.append(f"exact      {decimal(total)}{times}, in FP32 {fp32_text(f'{fp32(total * factor):08X}')}; "
                         f"in the accumulator {units}")
        return lines

    def describe_block(self, scale, codes):
        factor = scale_value(scale)
        bits = self.form.bits
        number = sum(code << bits * i for i, code in enumerate(codes))
        values = [self.form.values(scale)[code] * (1 if factor is None else factor) for code in codes]
        shown = [short(value) for value in values]
        alike = next((i for i in range(BLOCK) if values[BLOCK - 1 - i] != values[-1]), BLOCK)
        if alike > 2:
            shown[BLOCK - alike:] = [*(["and"] if alike < BLOCK else []), f"{alike} times {shown[-1]}"]
        kind = "int" if self.form.is_int(scale) else "float"
        times = " (without the scale)" if factor is None else ""
        return f"scale {scale:02X} = {kind} x {decimal(factor)}, codes {number:0{4 * bits}X} = {' '.join(shown)}{times}"


def short(value):
    """A fraction in few characters: exact, as a decimal number or as a fraction."""
    text = f"{float(value):.6g}"
    return text if Fraction(text) == value else str(value)
