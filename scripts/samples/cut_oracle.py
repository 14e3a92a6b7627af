#!/usr/bin/env python3
"""Cuts files of reference results down to a size that can be committed: a few rows of every input, in every format.

usage: cut_oracle.py FULL.safetensors... SUBSET.safetensors

The rows are spread over the input and include the one with the largest magnitude, so the tensor's amax, on which
every block depends, stays what it was. Of 2D blocks, which take 16 rows, only one input is kept. 4-bit codes are
packed two a byte, even elements in the low nibble. Inputs of the second and later files get a number: "normal.2".
"""
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "network"))
import safetensors

ROWS = 3
SQUARE_INPUTS = ("laplace",)  # that keep their 2D formats
SQUARE = 16
ROTATED_ROWS = 2
LARGEST = 230_000  # bytes of all tensors
ELEMENT_SIZE = {"U8": 1, "F32": 4}


def largest_row(x, rows, columns):
    values = struct.unpack(f"<{rows * columns}f", x)
    return max(range(rows * columns), key=lambda i: abs(values[i])) // columns


def packed(entry):
    """Codes below 16, two a byte."""
    name, dtype, (rows, columns), data = entry
    if max(data) > 15:
        return entry
    return name, dtype, [rows, columns // 2], bytes(data[i] | data[i + 1] << 4 for i in range(0, len(data), 2))


def untiled(data, rows, columns):
    """Scales in tiles of 128 x 4 back to rows."""
    across = (columns + 3) // 4
    return bytes(
        data[(r // 128 * across + c // 4) * 512 + r % 32 * 16 + r % 128 // 32 * 4 + c % 4]
        for r in range(rows)
        for c in range(columns)
    )


class Oracle:
    def __init__(self, path):
        self.tensors, self.metadata = safetensors.read(path)

    def take(self, name, rows=None):
        """The tensor, or only those rows of it, as an entry for write()."""
        dtype, shape, data = self.tensors[name]
        if rows is None:
            return name, dtype, shape, data
        if len(shape) == 1:
            x_rows, x_columns = self.shape(name.split("/")[0] + "/x")
            shape = [x_rows, x_columns // 16]
            data = untiled(data, *shape)
        row_bytes = shape[1] * ELEMENT_SIZE[dtype]
        parts = [data[row * row_bytes : (row + 1) * row_bytes] for row in rows]
        return name, dtype, [len(rows), shape[1]], b"".join(parts)

    def shape(self, name):
        return self.tensors[name][1]

    def formats(self, input_name):
        names = [name.split("/")[1] for name in self.tensors if name.startswith(input_name + "/") and name.count("/") == 2]
        return list(dict.fromkeys(names))


def cut(oracle, suffix, out):
    def keep(input_name, new_name, rows, formats):
        for entry in [oracle.take(f"{input_name}/x", rows)] + [
            entry
            for name in formats
            for part in ("codes", "q", "scales", "s", "amax")
            if f"{input_name}/{name}/{part}" in oracle.tensors
            for entry in [oracle.take(f"{input_name}/{name}/{part}", None if part == "amax" else rows)]
        ]:
            if entry[0].endswith(("/codes", "/q")):
                entry = packed(entry)
            out.append((entry[0].replace(input_name, new_name, 1), *entry[1:]))

    for input_name in [name[: -len("/x")] for name in oracle.tensors if name.endswith("/x")]:
        formats = oracle.formats(input_name)
        rows, columns = oracle.shape(f"{input_name}/x")
        if input_name == "swizzle":
            some = list(range(ROTATED_ROWS))
            out.append(oracle.take("swizzle/x", some))
            out.append(oracle.take("rht/matrix"))
            out.append(oracle.take("rht/x_rotated_bf16", some))
            continue
        largest = largest_row(oracle.take(f"{input_name}/x")[3], rows, columns)
        spread = sorted((largest + i * rows // ROWS) % rows for i in range(ROWS))
        keep(input_name, input_name + suffix, spread, [name for name in formats if not name.endswith(".2d")])
        square = [name for name in formats if name.endswith(".2d")]
        if input_name in SQUARE_INPUTS and square:
            top = largest // SQUARE * SQUARE
            keep(input_name, input_name + suffix + ".2d", list(range(top, top + SQUARE)), square)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    tensors = []
    oracles = [Oracle(path) for path in sys.argv[1:-1]]
    for number, oracle in enumerate(oracles, 1):
        cut(oracle, "" if number == 1 else f".{number}", tensors)
    metadata = oracles[0].metadata
    metadata["cut"] = (
        f"by scripts/samples/cut_oracle.py: of every input {ROWS} rows, the one with the largest magnitude among them; "
        f"2D formats of {' and '.join(SQUARE_INPUTS)} only, {SQUARE} rows; amax as it was"
    )
    # The wider type first: every tensor is then aligned to its elements.
    tensors.sort(key=lambda entry: -ELEMENT_SIZE[entry[1]])
    size = sum(len(entry[3]) for entry in tensors)
    if size > LARGEST:
        sys.exit(f"{sys.argv[-1]}: {size} bytes of tensors, more than {LARGEST}")
    safetensors.write(sys.argv[-1], tensors, metadata)
    print(f"{sys.argv[-1]}: {len(tensors)} tensors, {size} bytes")


if __name__ == "__main__":
    main()
