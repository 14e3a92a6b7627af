#!/usr/bin/env python3
"""Cut an oracle file down to a size that can be committed: 8 rows of every input, 4 formats.

usage: cut_oracle.py FULL.safetensors SUBSET.safetensors

The rows are evenly spaced and include the row with the largest magnitude, so the tensor's amax, on which every
block depends, stays what it was. Inputs without codes in the layout "one code a byte" are left out.
"""
import json
import struct
import sys

ROWS = 8
FORMATS = ("if4.mse", "if4.mae", "if4.abs_max", "nvfp4.static_6")
LARGEST_FILE = 290_000
ELEMENT_SIZE = {"U8": 1, "F32": 4}


def read(path):
    """Header entries and data of a safetensors file."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        return header, file.read()


def write(path, tensors, metadata):
    """tensors: list of (name, dtype, shape, data), written in that order."""
    header = {"__metadata__": metadata}
    offset = 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    size = 8 + len(text) + offset
    if size > LARGEST_FILE:
        sys.exit(f"{path}: {size} bytes, more than {LARGEST_FILE}")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, _, data in tensors:
            file.write(data)
    return size


def chosen_rows(x, rows, columns):
    """Indices of evenly spaced rows, the one with the largest magnitude among them."""
    values = struct.unpack(f"<{rows * columns}f", x)
    largest = max(range(rows * columns), key=lambda i: abs(values[i])) // columns
    step = max(rows // ROWS, 1)
    return [row for row in range(rows) if row % step == largest % step][:ROWS]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    header, data = read(sys.argv[1])
    metadata = header.pop("__metadata__")

    def take(name, rows=None):
        """The tensor, or only those rows of it, as an entry for write()."""
        info = header[name]
        begin, end = info["data_offsets"]
        shape = info["shape"]
        if rows is None:
            return name, info["dtype"], shape, data[begin:end]
        row_bytes = shape[1] * ELEMENT_SIZE[info["dtype"]]
        parts = [data[begin + row * row_bytes : begin + (row + 1) * row_bytes] for row in rows]
        return name, info["dtype"], [len(rows), shape[1]], b"".join(parts)

    inputs = [name[: -len("/x")] for name in header if name.endswith("/x")]
    wide, narrow = [], []
    for input_name in inputs:
        if f"{input_name}/{FORMATS[0]}/codes" not in header:
            continue
        _, _, (rows, columns), x = take(f"{input_name}/x")
        chosen = chosen_rows(x, rows, columns)
        wide.append(take(f"{input_name}/x", chosen))
        for name in FORMATS:
            prefix = f"{input_name}/{name}"
            wide.append(take(f"{prefix}/amax"))
            narrow.append(take(f"{prefix}/codes", chosen))
            narrow.append(take(f"{prefix}/scales", chosen))
    if not wide:
        sys.exit(f"{sys.argv[1]}: no input with {FORMATS[0]}")

    metadata["cut"] = (
        f"by scripts/cut_oracle.py: of every input {ROWS} evenly spaced rows, the one with the largest magnitude "
        f"among them; formats {', '.join(FORMATS)} only; amax as it was"
    )
    # The wider type first: every tensor is then aligned to its elements.
    size = write(sys.argv[2], wide + narrow, metadata)
    print(f"{sys.argv[2]}: {len(wide) + len(narrow)} tensors, {size} bytes")


if __name__ == "__main__":
    main()
