"""The tensors of `make claims` that are drawn at random: the same on every machine and with every version of Python."""

import array
import math
import os
import random
import struct

ROWS = COLUMNS = 1024
SEED = 1


def normal(draw):
    """Box and Muller's transform, of which one of the two numbers is taken."""
    return math.sqrt(-2.0 * math.log(1.0 - draw())) * math.cos(2.0 * math.pi * draw())


def laplace(draw):
    magnitude = -math.log(1.0 - draw())
    return magnitude if draw() < 0.5 else -magnitude


DISTRIBUTIONS = {"normal": normal, "laplace": laplace}


def write(path, distribution):
    """Writes a .npy file [ROWS, COLUMNS] of FP32, complete or not at all. random() of Python is the same in all its versions; gauss() is not."""
    draw = random.Random(SEED).random
    one = DISTRIBUTIONS[distribution]
    values = array.array("f", (one(draw) for _ in range(ROWS * COLUMNS)))
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {COLUMNS}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
