#!/usr/bin/env python3
"""Cuts testbench/data/use_lite_*.safetensors from the whole Universal Sentence Encoder Lite.

usage: cut_model_sample.py use_lite.safetensors testbench/data

Rows are taken at even distances. `embedding.projected` is the input of the feed-forward width: the same token
embeddings times layers.0.projection.weight (transposed), without bias, summed in double and rounded to float32.
"""
import array
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "network"))
import safetensors


def spread(rows, count):
    return [rows[i * len(rows) // count] for i in range(count)]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tensors, metadata = safetensors.read(sys.argv[1])
    folder = Path(sys.argv[2])
    metadata["cut"] = "scripts/samples/cut_model_sample.py: rows at even distances"

    def rows(name):
        dtype, (_, columns), data = tensors[name]
        assert dtype == "F32", name
        values = array.array("f", data)
        return [values[i : i + columns] for i in range(0, len(values), columns)]

    def write(name, matrices):
        entries = [
            (matrix, "F32", [len(rows), len(rows[0])], b"".join(array.array("f", row).tobytes() for row in rows))
            for matrix, rows in matrices
        ]
        safetensors.write(folder / name, entries, metadata)

    embedding = spread(rows("embedding.weight"), 64)
    qkv, up = "layers.0.attention.qkv.weight", "layers.0.ffn.up.weight"
    write("use_lite_attention.safetensors", [("embedding.weight", embedding), (qkv, spread(rows(qkv), 64))])

    projection = rows("layers.0.projection.weight")
    projected = [[sum(x * w for x, w in zip(token, row)) for row in projection] for token in embedding]
    write("use_lite_ffn.safetensors", [("embedding.projected", projected), (up, spread(rows(up), 64))])


if __name__ == "__main__":
    main()
