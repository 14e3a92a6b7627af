"""A placed and routed design, as a DEF file says it. Lengths in um."""

import re
from dataclasses import dataclass, field

from tools import ToolError


@dataclass
class Net:
    """`pins`: [(instance, pin)], a port as ("PIN", port); `wires`: [(layer, x0, y0, x1, y1, width or None)];
    `vias`: [(name, x, y)]."""
    pins: list = field(default_factory=list)
    wires: list = field(default_factory=list)
    vias: list = field(default_factory=list)


@dataclass
class Placed:
    """`cells`: {instance: (type, x, y, orientation)}; `ports`: {name: (layer, x, y)}; `nets`, with the stubs that the
    router put among the special ones; `supplies`: {name: Net}."""
    die: tuple
    cells: dict
    ports: dict
    nets: dict
    supplies: dict


def section(text, name, path):
    """The statements between NAME COUNT ; and END NAME, each without its dash."""
    found = re.search(rf"^{name}\s+(\d+)\s*;(.*?)^END {name}", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ToolError(f"{path}: no complete section {name}")
    return [part.strip() for part in re.split(r"^- ", found.group(2), flags=re.MULTILINE)[1:]]


def routed(words, scale, net):
    """Reads the words of ROUTED or FIXED: LAYER [WIDTH] ( X Y ) ( X Y ) VIA NEW LAYER ..."""
    layer, width, at, place = None, None, None, 0
    while place < len(words):
        word = words[place]
        if word in ("NEW", "+", "ROUTED", "FIXED"):
            layer, width, at = None, None, None
        elif word == "(":
            x, y = (at[index] if words[place + 1 + index] == "*" else int(words[place + 1 + index]) / scale
                    for index in range(2))
            if at is not None and (x, y) != at:
                net.wires.append((layer, *at, x, y, width))
            at = (x, y)
            place += words.index(")", place) - place
        elif layer is None:
            layer = word
        elif at is None:
            width = int(word) / scale
        elif word != ";":
            net.vias.append((word, *at))
        place += 1


def read_net(statement, scale, nets, path):
    head, _, rest = statement.partition("+")
    name = head.split()[0]
    net = nets.setdefault(name, Net())
    net.pins += re.findall(r"\(\s*(\S+)\s+(\S+)\s*\)", head)
    try:
        routed(rest.split(), scale, net)
    except (ValueError, TypeError, IndexError):
        raise ToolError(f"{path}: the route of net {name} cannot be read") from None


def read_placed(path, supplies):
    """Reads a DEF file; what it says of the nets `supplies` is apart from the others."""
    text = path.read_text()
    units = re.search(r"^UNITS DISTANCE MICRONS (\d+) ;", text, re.MULTILINE)
    die = re.search(r"^DIEAREA \( (\S+) (\S+) \) \( (\S+) (\S+) \)", text, re.MULTILINE)
    if not units or not die or not text.rstrip().endswith("END DESIGN"):
        raise ToolError(f"{path}: not a complete DEF file")
    scale = int(units.group(1))
    cells = {}
    for statement in section(text, "COMPONENTS", path):
        found = re.match(r"(\S+) (\S+) \+ (?:PLACED|FIXED) \( (-?\d+) (-?\d+) \) (\w+)", statement)
        if not found:
            raise ToolError(f"{path}: a cell is not placed: {statement.split()[0]}")
        name, kind, x, y, orientation = found.groups()
        cells[name] = (kind, int(x) / scale, int(y) / scale, orientation)
    ports = {}
    for statement in section(text, "PINS", path):
        found = re.search(r"^(\S+).*LAYER (\S+).*(?:PLACED|FIXED) \( (-?\d+) (-?\d+) \)", statement, re.DOTALL)
        if not found:
            raise ToolError(f"{path}: a port is not placed: {statement.split()[0]}")
        ports[found.group(1)] = (found.group(2), int(found.group(3)) / scale, int(found.group(4)) / scale)
    nets = {}
    for statement in section(text, "NETS", path):
        read_net(statement, scale, nets, path)
    if re.search(r"^SPECIALNETS", text, re.MULTILINE):
        for statement in section(text, "SPECIALNETS", path):
            read_net(statement, scale, nets, path)
    return Placed(tuple(int(part) / scale for part in die.groups()), cells, ports,
                  {name: net for name, net in nets.items() if name not in supplies},
                  {name: net for name, net in nets.items() if name in supplies})


def shape_of(macro, cell, rectangle):
    """A rectangle of a cell, (x0, y0, x1, y1), where the cell is placed."""
    _, x, y, orientation = cell
    x0, y0, x1, y1 = rectangle
    ox, oy = macro.origin
    x0, x1, y0, y1 = x0 + ox, x1 + ox, y0 + oy, y1 + oy
    if orientation in ("FN", "S"):
        x0, x1 = macro.width - x1, macro.width - x0
    if orientation in ("FS", "S"):
        y0, y1 = macro.height - y1, macro.height - y0
    if orientation not in ("N", "S", "FN", "FS"):
        raise ToolError(f"a cell is placed in the orientation {orientation}")
    return x + x0, y + y0, x + x1, y + y1
