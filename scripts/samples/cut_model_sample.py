#!/usr/bin/env python3
"""Cuts testbench/data/use_lite_*.safetensors from the whole Universal Sentence Encoder Lite.

usage: cut_model_sample.py use_lite.safetensors testbench/data

Rows are taken at even distances. `embedding.projected` is the input of the feed-forward width: the same token
embeddings times layers.0.projection.weight (transposed), without bias, summed in double and rounded to float32.
"""
import array
import json
import struct
import sys
from pathlib import Path


def read(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__")

    def rows(name):
        entry = header[name]
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        values = array.array("f", data[begin:end])
        columns = entry["shape"][1]
        return [values[i : i + columns] for i in range(0, len(values), columns)]

    return rows, metadata


def spread(rows, count):
    return [rows[i * len(rows) // count] for i in range(count)]


def write(path, tensors, metadata):
    header, offset, data = {"__metadata__": metadata}, 0, b""
    for name, rows in tensors:
        body = b"".join(array.array("f", row).tobytes() for row in rows)
        header[name] = {
            "dtype": "F32",
            "shape": [len(rows), len(rows[0])],
            "data_offsets": [offset, offset + len(body)],
        }
        data += body
        offset += len(body)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows, metadata = read(sys.argv[1])
    folder = Path(sys.argv[2])
    metadata["cut"] = "scripts/samples/cut_model_sample.py: rows at even distances"

    embedding = spread(rows("embedding.weight"), 64)
    write(
        folder / "use_lite_attention.safetensors",
        [
            ("embedding.weight", embedding),
            ("layers.0.attention.qkv.weight", spread(rows("layers.0.attention.qkv.weight"), 64)),
        ],
        metadata,
    )

    projection = rows("layers.0.projection.weight")
    projected = [[sum(x * w for x, w in zip(token, row)) for row in projection] for token in embedding]
    write(
        folder / "use_lite_ffn.safetensors",
        [
            ("embedding.projected", projected),
            ("layers.0.ffn.up.weight", spread(rows("layers.0.ffn.up.weight"), 64)),
        ],
        metadata,
    )


if __name__ == "__main__":
    main()
