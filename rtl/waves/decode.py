#!/usr/bin/env python3
"""A filter of GTKWave that shows the signals of the IF4 units as numbers. GTKWave starts it for the save files beside it,
writes a value in hexadecimal to it, a line each, and reads a line for each.

What a value is shows in its number of digits:
   2   a scale byte                                  INT 1.5
   8   FP32                                          -936
  16   a sum in units of 2^-20 / 49                  -936
  18   a block, its scale byte above its codes       INT 1.5: 6 -0.857143 ...   the elements before they are scaled
A value of another kind, or one with unknown bits, stays as it is.
"""

import struct
import sys
from fractions import Fraction

FP4 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def scale(byte):
    """Element type and magnitude: E4M3, whose only NaN is 0x7F."""
    field, mantissa = byte >> 3 & 15, byte & 7
    nan = byte & 0x7F == 0x7F
    magnitude = "NaN" if nan else f"{((8 if field else 0) + mantissa) * 2.0 ** (max(field, 1) - 10):g}"
    return ("?red?" if nan else "") + ("INT " if byte & 0x80 else "FP ") + magnitude


def element(code, is_int):
    """FP4, or INT4 times 6/7."""
    if is_int:
        return float(Fraction(6, 7) * ((code ^ 8) - 8))
    return -FP4[code & 7] if code & 8 else FP4[code & 7]


def block(bits):
    """The scale and the 16 elements, the first one first."""
    is_int = bits >> 71 & 1
    return scale(bits >> 64) + ": " + " ".join(f"{element(bits >> 4 * i & 15, is_int):g}" for i in range(16))


def fp32(bits):
    value = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    return "?red?NaN" if value != value else f"{value:.9g}"


def fixed(bits):
    return f"{float(Fraction(bits - (bits >> 63 << 64), 49 << 20)):.9g}"


DECODERS = {2: scale, 8: fp32, 16: fixed, 18: block}


def decoded(text):
    """The number that the hexadecimal digits stand for, or the digits."""
    try:
        return DECODERS[len(text)](int(text, 16))
    except (KeyError, ValueError):
        return text


def main():
    for line in sys.stdin:
        print(decoded(line.strip()), flush=True)


if __name__ == "__main__":
    main()
