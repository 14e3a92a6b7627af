"""The numbers of the nine formats that a MAC multiplies, as exact fractions, from the text of the formats."""

from fractions import Fraction

BLOCK = 16
QUIET_NAN = 0x7FC00000
# Bits of a code, float type as (exponent bits, mantissa bits) or None, int code ("two": two's complement, "sign": sign and
# magnitude) or None, value of an int code of 1, common denominator of all elements.
FORMATS = {
    "if4": (4, (2, 1), "two", Fraction(6, 7), 14),
    "mixfp4": (4, (2, 1), "sign", Fraction(1), 2),
    "nvfp4": (4, (2, 1), None, None, 2),
    "nvint4": (4, None, "two", Fraction(1), 1),
    "if3": (3, (2, 0), "sign", Fraction(4, 3), 3),
    "if6_e2m3": (6, (2, 3), "sign", Fraction(15, 62), 8 * 31),
    "if6_e3m2": (6, (3, 2), "sign", Fraction(28, 31), 16 * 31),
    "nvfp6_e2m3": (6, (2, 3), None, None, 8),
    "nvfp6_e3m2": (6, (3, 2), None, None, 16),
}


def small_float(code, exponent_bits, mantissa_bits):
    """The value of the magnitude `code` in ExMy, with a bias of 1 for two bits of exponent and of 3 for three."""
    exponent, mantissa = code >> mantissa_bits, Fraction(code & ((1 << mantissa_bits) - 1), 1 << mantissa_bits)
    bias = 1 if exponent_bits == 2 else 3
    return mantissa * Fraction(2) ** (1 - bias) if exponent == 0 else (1 + mantissa) * Fraction(2) ** (exponent - bias)


class Format:
    """A format: floats[code] and ints[code] are the values of its codes before the scale, None for a type it lacks."""

    def __init__(self, name):
        self.name = name
        self.bits, self.float_type, self.int_code, self.int_unit, self.denominator = FORMATS[name]
        self.both = self.float_type is not None and self.int_code is not None
        self.floats = [self._float_value(code) for code in range(1 << self.bits)] if self.float_type else None
        self.ints = [self._int_value(code) for code in range(1 << self.bits)] if self.int_code else None

    def _parts(self, code):
        return code >> (self.bits - 1), code & ((1 << (self.bits - 1)) - 1)

    def _float_value(self, code):
        sign, magnitude = self._parts(code)
        value = small_float(magnitude, *self.float_type)
        return -value if sign else value

    def _int_value(self, code):
        sign, magnitude = self._parts(code)
        if self.int_code == "two":
            return (code - (1 << self.bits) if sign else code) * self.int_unit
        return (-magnitude if sign else magnitude) * self.int_unit

    def is_int(self, scale):
        """Whether the codes of a block with that scale byte are integers."""
        return bool(scale & 0x80) if self.both else self.floats is None

    def values(self, scale):
        """The values of all codes in a block with that scale byte, before the scale."""
        return self.ints if self.is_int(scale) else self.floats

    def unit(self):
        """What a sum of 1 in the accumulator stands for."""
        return Fraction(1, (1 << 18) * self.denominator ** 2)

    def scaled_factor(self):
        """How many times as large as its value a scaled result is: the square of the odd part of the denominator."""
        odd = self.denominator
        while odd % 2 == 0:
            odd //= 2
        return odd ** 2

    def beat(self, a, w):
        """The exact sum of the products of two lists of blocks (scale, codes), or None with a NaN scale."""
        total = Fraction(0)
        for (a_scale, a_codes), (w_scale, w_codes) in zip(a, w):
            factors = scale_value(a_scale), scale_value(w_scale)
            if None in factors:
                return None
            a_values, w_values = self.values(a_scale), self.values(w_scale)
            total += factors[0] * factors[1] * sum(a_values[x] * w_values[y] for x, y in zip(a_codes, w_codes))
        return total


def scale_value(byte):
    """The magnitude of a scale byte, or None: NaN."""
    exponent, mantissa = (byte >> 3) & 15, Fraction(byte & 7, 8)
    if byte & 0x7F == 0x7F:
        return None
    return mantissa / 64 if exponent == 0 else (1 + mantissa) * Fraction(2) ** (exponent - 7)


def fp32(value):
    """The bits of the FP32 number next to `value`, ties to even. Results are neither subnormal nor infinite."""
    if value == 0:
        return 0
    sign, magnitude = value < 0, abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    significand = round(magnitude / Fraction(2) ** (exponent - 23))  # of a Fraction: exact, ties to even
    return (sign << 31) + ((exponent + 127) << 23) + significand - (1 << 23)


def default_acc_width(form, lanes):
    """The narrowest accumulator that holds 1,024 of the largest beats."""
    largest = max(abs(v) for values in (form.floats, form.ints) if values for v in values)
    beat = (largest * form.denominator) ** 2 * lanes * (448 * 512) ** 2
    return int(beat * 1024).bit_length() + 1
