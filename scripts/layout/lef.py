"""What the layout needs of a LEF file: wires of each layer, pads of vias, outlines and pins of cells. Lengths in um."""

import re
from dataclasses import dataclass, field

from tools import ToolError


@dataclass(frozen=True)
class Layer:
    """A routing layer: the width of its wires, ohms a square, pF a square um and pF a um of edge."""
    width: float
    resistance: float
    capacitance: float
    edge: float


@dataclass
class Macro:
    """A cell: its size, and {pin: [(layer, x0, y0, x1, y1)]}."""
    width: float = 0.0
    height: float = 0.0
    pins: dict = field(default_factory=dict)
    origin: tuple = (0.0, 0.0)


@dataclass
class Lef:
    layers: dict        # {name: Layer}
    vias: dict          # {name: {layer: half the width of its pad}}
    macros: dict        # {name: Macro}


def number(body, name, path):
    found = re.search(rf"\b{name}\s+([-+0-9.eE]+)\s*;", body)
    if not found:
        raise ToolError(f"{path}: a routing layer has no {name}")
    return float(found.group(1))


def rectangles(body):
    """[(layer, x0, y0, x1, y1)] of the LAYER and RECT lines."""
    found, layer = [], None
    for words in (line.split() for line in body.splitlines()):
        if words[:1] == ["LAYER"]:
            layer = words[1].rstrip(";")
        elif words[:1] == ["RECT"]:
            found.append((layer, *(float(word) for word in words[1:5])))
    return found


def read_macro(body):
    size = re.search(r"\bSIZE\s+([0-9.]+)\s+BY\s+([0-9.]+)", body)
    origin = re.search(r"\bORIGIN\s+([-0-9.]+)\s+([-0-9.]+)", body)
    macro = Macro(float(size.group(1)), float(size.group(2)),
                  origin=tuple(float(part) for part in origin.groups()) if origin else (0.0, 0.0))
    for name, pin in re.findall(r"^\s*PIN\s+(\S+)\s*$(.*?)^\s*END\s+\1\s*$", body, re.MULTILINE | re.DOTALL):
        macro.pins[name] = rectangles(pin)
    return macro


def blocks(text, kind):
    """[(name, body)] of KIND NAME ... END NAME."""
    found = re.findall(rf"^{kind}\s+(\S+)(?:\s+DEFAULT)?\s*$(.*?)^END\s+\1\s*$", text, re.MULTILINE | re.DOTALL)
    return found


def read_lef(path):
    text = path.read_text()
    layers = {name: Layer(number(body, "WIDTH", path), number(body, "RPERSQ", path), number(body, "CPERSQDIST", path),
                          number(body, "EDGECAPACITANCE", path))
              for name, body in blocks(text, "LAYER") if re.search(r"\bTYPE\s+ROUTING\b", body)}
    vias = {name: {layer: (x1 - x0) / 2 for layer, x0, _, x1, _ in rectangles(body) if layer in layers}
            for name, body in blocks(text, "VIA")}
    macros = {name: read_macro(body) for name, body in blocks(text, "MACRO")}
    if not layers or not vias or not macros:
        raise ToolError(f"{path}: no routing layer, via or cell was found")
    return Lef(layers, vias, macros)
