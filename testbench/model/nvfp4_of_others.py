#!/usr/bin/env python3
"""NVFP4 files of compressed-tensors and ModelOpt, written and decoded without any code of the project.

usage: nvfp4_of_others.py make FOLDER SEED     compressed-tensors.safetensors and modelopt.safetensors with random
                                               bits, and what they decode to in NAME.expected.safetensors
       nvfp4_of_others.py decode FILE OUT      all tensors of the two layouts, decoded to FP32

The order of operations is that of the decoders of both tools, in FP32: the scale of a block divided by the global scale
(compressed-tensors) or multiplied with it (ModelOpt), then each code times that.
"""

import json
import struct
import sys

import numpy as np

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
DTYPES = {"U8": np.uint8, "F8_E4M3": np.uint8, "F32": np.float32, "BF16": np.uint16}


def e4m3(bytes_):
    """The numbers with these bits: a sign, 4 bits of exponent, 3 of mantissa, NaN for S.1111.111, no infinity."""
    table = []
    for byte in range(256):
        exponent, mantissa = byte >> 3 & 15, byte & 7
        value = (1 + mantissa / 8) * 2.0 ** (exponent - 7) if exponent else mantissa / 8 * 2.0**-6
        table.append(float("nan") if byte & 127 == 127 else -value if byte & 128 else value)
    return np.array(table, np.float32)[bytes_]


def read(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, info in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in info["data_offsets"])
        tensors[name] = (info["dtype"], np.frombuffer(data[begin:end], DTYPES[info["dtype"]]).reshape(info["shape"]))
    return tensors


def write(path, tensors):
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def decode(packed, scales, global_scale, divides):
    codes = np.stack([packed & 15, packed >> 4], -1).reshape(*packed.shape[:-1], -1)
    values = E2M1[codes & 7]
    if divides:  # the decoder of compressed-tensors multiplies with -1, that of ModelOpt has 0 in its table
        values = np.where(codes & 8, -values, values)
    else:
        values = np.where(codes > 8, -values, values)
    if global_scale.size > 1:  # one for each matrix of the last two dimensions
        global_scale = global_scale.reshape(*packed.shape[:-2], 1, 1)
    else:
        global_scale = global_scale.reshape(())
    with np.errstate(all="ignore"):
        step = e4m3(scales) / global_scale if divides else e4m3(scales) * global_scale
        blocks = values.reshape(*step.shape, 16) * step[..., None]
    assert blocks.dtype == np.float32
    return blocks.reshape(codes.shape)


def decode_file(tensors):
    result = {}
    for name, (_, array) in tensors.items():
        if name.endswith("_packed"):
            base = name[: -len("_packed")]
            parts = tensors[base + "_scale"][1], tensors[base + "_global_scale"][1], True
        elif name + "_scale_2" in tensors:
            base, parts = name, (tensors[name + "_scale"][1], tensors[name + "_scale_2"][1], False)
        elif name + "_weight_scale_2" in tensors:
            base, parts = name, (tensors[name + "_weight_scale"][1], tensors[name + "_weight_scale_2"][1], False)
        else:
            continue
        result[base] = ("F32", decode(array, *parts))
    return result


def make(folder, seed):
    random = np.random.default_rng(seed)

    def f32(*shape):
        return np.exp(random.uniform(-8, 8, shape)).astype(np.float32)

    shapes = {  # of the values, and of the global scale
        "model.layers.0.mlp.up_proj.weight": ((32, 64), (1,)),
        "model.layers.0.mlp.down_proj.weight": ((5, 16), ()),
        "vector.weight": ((48,), (1,)),
        "model.layers.0.mlp.experts.gate_up_proj": ((4, 6, 32), (1,)),
        "model.layers.1.mlp.experts.gate_up_proj": ((4, 6, 32), (4,)),
        "model.layers.1.mlp.experts.down_proj": ((4, 6, 16), (4, 1, 1)),
        "two.experts.weight": ((2, 3, 5, 32), (6,)),
        "nan.weight": ((16, 16), (1,)),
    }
    for layout in "compressed-tensors", "modelopt":
        tensors = {}
        for name, (shape, global_shape) in shapes.items():
            packed = random.integers(0, 256, (*shape[:-1], shape[-1] // 2), np.uint8)
            scales = random.integers(0, 127, (*shape[:-1], shape[-1] // 16), np.uint8)
            if name == "nan.weight":
                scales[3] = 127
            if layout == "modelopt":
                prefix = name if name.endswith("weight") else name + "_weight"
                names = name, prefix + "_scale", prefix + "_scale_2"
            else:
                names = name + "_packed", name + "_scale", name + "_global_scale"
            tensors[names[0]] = "U8", packed
            tensors[names[1]] = "F8_E4M3", scales
            tensors[names[2]] = "F32", f32(*global_shape)
            if name.endswith(".weight"):  # the scales of activations, which are of no use here
                tensors[name[:-6] + ("input_global_scale" if layout != "modelopt" else "input_scale")] = "F32", f32(1)
        tensors["model.norm.weight"] = "BF16", random.integers(0, 0x7F80, 64, np.uint16)
        write(f"{folder}/{layout}.safetensors", tensors)
        write(f"{folder}/{layout}.expected.safetensors", decode_file(tensors))


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]))
else:
    write(sys.argv[3], decode_file(read(sys.argv[2])))
