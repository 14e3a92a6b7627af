"""Safetensors files, written without packages."""
import json
import struct


def write(path, tensors, metadata):
    """tensors: (name, dtype, shape, bytes)."""
    header, offset = {"__metadata__": metadata}, 0
    for name, dtype, shape, data in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for *_, data in tensors:
            file.write(data)


def read(path):
    """Name to (dtype, shape, bytes), and the metadata. Raises ValueError where the file is cut."""
    with open(path, "rb") as file:
        start = file.read(8)
        if len(start) != 8:
            raise ValueError(f"{path}: is cut")
        (length,) = struct.unpack("<Q", start)
        header = json.loads(file.read(length))
        data = file.read()
    if any(entry["data_offsets"][1] > len(data) for name, entry in header.items() if name != "__metadata__"):
        raise ValueError(f"{path}: is cut")
    metadata = header.pop("__metadata__", {})
    tensors = {
        name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])]) for name, entry in header.items()
    }
    return tensors, metadata
