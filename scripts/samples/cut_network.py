#!/usr/bin/env python3
"""Cuts testbench/data/network from the Universal Sentence Encoder Lite, as scripts/network/fetch.py makes it.

usage: cut_network.py FOLDER SENTENCES.txt testbench/data/network

What stays is layer 0 with two of its four heads, 128 of the 256 columns that go into it, 160 of the 512 that come out,
96 of the 1,536 within its feed-forward part, 64 of the 512 outputs, and the rows of the embedding that ten sentences use
or could use, all in BF16. `embeddings` is what this network gives for these sentences: computed here in double, by code
that shares nothing with the C++.
"""
import array
import json
import math
import operator
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "network"))
import safetensors
from convert import RESERVED, tokenizer
from package import SOURCE

SENTENCES = range(0, 96, 10)  # of the 96
HEADS, ALL_HEADS = 2, 4
INPUTS, WIDTH, HIDDEN, OUTPUTS = 128, 160, 96, 64  # columns, at even distances


def bf16(values):
    """The bits of the nearest BF16, ties to even."""
    for (bits,) in struct.iter_unpack("<I", array.array("f", values).tobytes()):
        yield (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def read(path):
    """Name to rows, or to a list of numbers where the tensor is a vector."""
    tensors = {}
    for name, (_, shape, data) in safetensors.read(path)[0].items():
        values = array.array("f", data)
        columns = shape[-1]
        rows = [values[i : i + columns] for i in range(0, len(values), columns)]
        tensors[name] = rows if len(shape) == 2 else rows[0]
    return tensors


def spread(rows, count):
    return [rows[i * len(rows) // count] for i in range(count)]


def cut(tensors, used):
    layer = {name: value for name, value in tensors.items() if not name.startswith("layers.1.")}
    size = len(tensors["layers.0.attention.qkv.weight"]) // 3 // ALL_HEADS * HEADS

    def columns(name, count):
        layer[name] = [spread(row, count) for row in layer[name]]

    def rows(part, count):
        for kind in ("weight", "bias"):
            layer[f"{part}.{kind}"] = spread(layer[f"{part}.{kind}"], count)

    layer["embedding.weight"] = [tensors["embedding.weight"][i] for i in used]
    columns("embedding.weight", INPUTS)
    # Half of the columns are sines and half are cosines of these, so the ones that stay belong to each other.
    layer["timing.inverse_periods"] = spread(layer["timing.inverse_periods"], INPUTS // 2)
    rows("layers.0.attention.norm", INPUTS)
    for kind in ("weight", "bias"):
        all_rows = tensors[f"layers.0.attention.qkv.{kind}"]
        third = len(all_rows) // 3
        layer[f"layers.0.attention.qkv.{kind}"] = [
            row for i in range(3) for row in all_rows[i * third : i * third + size]
        ]
    columns("layers.0.attention.qkv.weight", INPUTS)
    columns("layers.0.projection.weight", INPUTS)
    layer["layers.0.attention.output.weight"] = [row[:size] for row in layer["layers.0.attention.output.weight"]]
    for part in ("attention.output", "projection", "ffn.norm", "ffn.down"):
        rows(f"layers.0.{part}", WIDTH)
    columns("layers.0.ffn.up.weight", WIDTH)
    rows("layers.0.ffn.up", HIDDEN)
    columns("layers.0.ffn.down.weight", HIDDEN)
    columns("head.weight", WIDTH)
    rows("head", OUTPUTS)
    return layer


def rounded(value):
    """The numbers that BF16 keeps, and their bytes."""
    rows = value if isinstance(value[0], (list, array.array)) else [value]
    bits = [list(bf16(row)) for row in rows]
    numbers = [[struct.unpack("<f", struct.pack("<I", b << 16))[0] for b in row] for row in bits]
    data = b"".join(struct.pack(f"<{len(row)}H", *row) for row in bits)
    shape = [len(rows), len(rows[0])] if rows is value else [len(value)]
    return (numbers if rows is value else numbers[0]), shape, data


def product(rows, weights, bias=None):
    return [
        [sum(map(operator.mul, row, w)) + (bias[n] if bias else 0.0) for n, w in enumerate(weights)] for row in rows
    ]


def norm(rows, weight, bias):
    for row in rows:
        mean = sum(row) / len(row)
        variance = sum((x - mean) ** 2 for x in row) / len(row)
        yield [(x - mean) / math.sqrt(variance + 1e-6) * w + b for x, w, b in zip(row, weight, bias)]


def softmax(rows):
    for row in rows:
        powers = [math.exp(x - max(row)) for x in row]
        yield [x / sum(powers) for x in powers]


def added(a, b):
    return [[x + y for x, y in zip(*rows)] for rows in zip(a, b)]


def attention(qkv, scale):
    size = len(qkv[0]) // 3 // HEADS
    heads = []
    for head in range(HEADS):
        q, k, v = ([row[(i * HEADS + head) * size :][:size] for row in qkv] for i in range(3))
        scores = list(softmax(product([[x * scale for x in row] for row in q], k)))
        heads.append(product(scores, list(zip(*v))))
    return [sum((list(part) for part in parts), []) for parts in zip(*heads)]


def embedding(t, ids):
    periods = t["timing.inverse_periods"]
    x = [
        [2 * e + s for e, s in zip(t["embedding.weight"][i], [f(p * y) for f in (math.sin, math.cos) for y in periods])]
        for p, i in enumerate(ids)
    ]
    layer = {name.removeprefix("layers.0."): value for name, value in t.items()}
    h = list(norm(x, layer["attention.norm.weight"], layer["attention.norm.bias"]))
    qkv = product(h, layer["attention.qkv.weight"], layer["attention.qkv.bias"])
    a = attention(qkv, layer["attention.query_scale"][0])
    x = added(
        product(a, layer["attention.output.weight"], layer["attention.output.bias"]),
        product(x, layer["projection.weight"], layer["projection.bias"]),
    )
    h = product(list(norm(x, layer["ffn.norm.weight"], layer["ffn.norm.bias"])), layer["ffn.up.weight"],
                layer["ffn.up.bias"])
    h = [[max(value, 0.0) for value in row] for row in h]
    x = added(x, product(h, layer["ffn.down.weight"], layer["ffn.down.bias"]))
    mean = [[sum(column) / len(x) for column in zip(*x)]]
    (e,) = product(mean, t["head.weight"], t["head.bias"])
    e = [math.tanh(value) for value in e]
    return [value / math.sqrt(sum(v * v for v in e)) for value in e]


def description(text):
    network = json.loads(text)
    network["name"] = "cut of the Universal Sentence Encoder Lite"
    kept = [operation for operation in network["operations"] if not operation["name"].startswith("layers.1")]
    for operation in kept:
        if "heads" in operation:
            operation["heads"] = HEADS
        if operation["op"] == "mean":
            operation["in"] = "layers.0"
    rows = ",\n".join("    " + json.dumps(operation) for operation in kept)
    head = {key: value for key, value in network.items() if key != "operations"}
    return json.dumps(head, indent=2)[:-2] + ',\n  "operations": [\n' + rows + "\n  ]\n}\n"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, out = Path(sys.argv[1]), Path(sys.argv[3])
    sentences_file = Path(sys.argv[2])
    given, _ = safetensors.read(sentences_file.with_suffix(".safetensors"))
    (_, shape, ids_data), (_, _, lengths_data) = given["ids"], given["lengths"]
    ids, lengths = array.array("i", ids_data), array.array("i", lengths_data)
    chosen = [list(ids[s * shape[1] :][: lengths[s]]) for s in SENTENCES]
    document = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    lines = sentences_file.read_text().splitlines()
    # A character that is no piece of its own would be unknown, which costs the tokenizer nothing.
    characters = {"\u2581", *(c for s in SENTENCES for c in lines[s])}
    single = {i for i, (piece, _) in enumerate(document["pieces"]) if piece in characters}
    used = [*range(RESERVED), *sorted({i for sentence in chosen for i in sentence} | single - set(range(RESERVED)))]
    chosen = [[used.index(i) for i in sentence] for sentence in chosen]
    pieces = [document["pieces"][i] for i in used]
    kept = {"decompositions": [], "classes": [], "compositions": []}
    out.mkdir(exist_ok=True)
    (out / "tokenizer.json").write_text(tokenizer(pieces, RESERVED, kept), encoding="utf-8")
    (out / "network.json").write_text(description((source / "network.json").read_text()))
    (out / "sentences.txt").write_text("".join(lines[s] + "\n" for s in SENTENCES))

    numbers, parts = {}, []
    for name, value in cut(read(source / "model.safetensors"), used).items():
        numbers[name], size, data = rounded(value)
        parts.append((name, "BF16", size, data))
    safetensors.write(out / "model.safetensors", parts, {"source": SOURCE, "cut": "scripts/samples/cut_network.py"})
    most = max(map(len, chosen))
    padded = array.array("i", [i for s in chosen for i in s + [0] * (most - len(s))])
    results = array.array("f", [value for s in chosen for value in embedding(numbers, s)])
    safetensors.write(
        out / "sentences.safetensors",
        [
            ("ids", "I32", [len(chosen), most], padded.tobytes()),
            ("lengths", "I32", [len(chosen)], array.array("i", map(len, chosen)).tobytes()),
            ("embeddings", "F32", [len(chosen), OUTPUTS], results.tobytes()),
        ],
        {"made by": "scripts/samples/cut_network.py"},
    )


if __name__ == "__main__":
    main()
