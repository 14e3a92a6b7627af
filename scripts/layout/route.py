"""Routing: qrouter draws the wires. That none is left over is asked of it and of the geometry.

qrouter knows no least area of metal. A port that nothing reads, or the pad of a via with no wire on its layer, is smaller
than the process allows; so such pieces are made longer here. Now and then it also ends a wire in a via down to the cells
beside a pin that it has reached already. That joins nothing, and a longer piece could meet a cell: it is left out.
"""

import math
import re

from circuit import GROUND, POWER
from osu018 import LAYERS
from placed import read_placed
from tools import ROOT, ToolError, obey, run
from wires import extract, shapes_of, touching

SUPPLIES = (POWER, GROUND)
LEAST_UM2 = 0.2    # of metal 1 to 5, by magic's rules of the process
CELLS = "metal1"   # where pins are: their own metal is enough


def router_script(top, process, obstructions, layers=LAYERS):
    """Vias are stacked at most one upon another, as the process asks for."""
    return f"""verbose 1
read_lef {process.lef}
catch {{layers {layers}}}
via stack 1
vdd {POWER}
gnd {GROUND}
{obstructions}read_def {top}.placed.def
qrouter::standard_route {top}.def false
quit
"""


def route(design, circuit, process, lef, source, work, layers=LAYERS):
    """Routes SOURCE/TOP.def into WORK/TOP.def; {net: Extracted}, and how many pads were made longer."""
    top, inside = circuit.top, ROOT / work
    (inside / f"{top}.placed.def").write_text((source / f"{top}.def").read_text())
    (inside / f"{top}.qrouter").write_text(router_script(top, process, (source / f"{top}.obs").read_text(), layers))
    run(["qrouter", "-nog", "-s", f"{top}.qrouter"], work / "qrouter.log", design, inside)
    log = (inside / "qrouter.log").read_text(errors="replace")
    check_router(design, log)
    if not (inside / f"{top}.def").is_file():
        raise ToolError(f"{design}: qrouter wrote no routes", "qrouter.log")
    placed = read_placed(inside / f"{top}.def", SUPPLIES)
    for mended in (without_idle_vias, with_longer_pads):
        text, longer = mended((inside / f"{top}.def").read_text(), placed, lef)
        if longer:
            (inside / f"{top}.def").write_text(text)
            placed = read_placed(inside / f"{top}.def", SUPPLIES)
    nets = extract_all(design, circuit, placed, lef)
    for name in (f"{top}.placed.def", f"{top}.rc"):
        (inside / name).unlink(missing_ok=True)
    return nets, longer


def idle_vias(net, placed, lef):
    """{(name, x, y)} of the vias down to the cells whose pads there touch neither a pin nor a wire of the net."""
    shapes = [shape for shape in shapes_of(net, placed, lef)[0] if shape.layer == CELLS]
    pads = {index: (shape.ends[0], shape.ends[1]) for index, shape in enumerate(shapes)
            if shape.ends is not None and shape.ends[:2] == shape.ends[2:]}
    busy = {index for pair in touching(shapes) for index, other in (pair, pair[::-1]) if pads.get(index) != pads.get(other)}
    idle = {pads[index] for index in pads.keys() - busy}
    return {(name, x, y) for name, x, y in net.vias if CELLS in lef.vias[name] and (x, y) in idle}


def without_vias(statement, idle, scale):
    """A statement of NETS without those vias, and without the pieces of route that were nothing but one."""
    head, *pieces = re.split(r"(?:\+ ROUTED|\bNEW)\s", statement.replace(";", ""))
    kept = []
    for piece in pieces:
        words, at, points, vias, left, place = piece.split(), None, 0, 0, [], 0
        while place < len(words):
            word = words[place]
            end = words.index(")", place) if word == "(" else place
            if word == "(":
                at = tuple(at[index] if words[place + 1 + index] == "*" else int(words[place + 1 + index]) / scale
                           for index in range(2))
                points += 1
            elif at is not None and (word, *at) in idle:
                place += 1
                continue
            elif at is not None:
                vias += 1
            left += words[place:end + 1]
            place = end + 1
        if points > 1 or vias:
            kept.append(" ".join(left))
    return head + ("+ ROUTED " + "\n  NEW ".join(kept) + " " if kept else "") + ";\n"


def without_idle_vias(text, placed, lef):
    """The text of a DEF file without the vias that join nothing, and how many there were."""
    idle = {name: vias for name, vias in ((name, idle_vias(net, placed, lef)) for name, net in placed.nets.items()) if vias}
    if not idle:
        return text, 0
    scale = int(re.search(r"^UNITS DISTANCE MICRONS (\d+)", text, re.MULTILINE).group(1))
    section = re.search(r"^NETS .*?^END NETS", text, re.MULTILINE | re.DOTALL)
    statements = re.split(r"^(?=- )", section.group(0), flags=re.MULTILINE)
    for index, statement in enumerate(statements[1:], 1):
        name = statement.split()[1]
        if name in idle:
            body, closing, _ = statement.partition("END NETS")
            statements[index] = without_vias(body, idle[name], scale) + closing
    return text[:section.start()] + "".join(statements) + text[section.end():], sum(len(vias) for vias in idle.values())


def small_pieces(net, placed, lef):
    """[(layer, x, y)] of the pads of vias and of the ports that are below LEAST_UM2 and have no wire of the net on them."""
    pads = {(layer, x, y) for name, x, y in net.vias for layer in lef.vias[name]}
    pads |= {placed.ports[name] for instance, name in net.pins if instance == "PIN"}
    found = []
    for layer, x, y in sorted(pads):
        half = pad_of(layer, lef)
        touched = any(on == layer and min(x0, x1) - half <= x <= max(x0, x1) + half and
                      min(y0, y1) - half <= y <= max(y0, y1) + half for on, x0, y0, x1, y1, _ in net.wires)
        if not touched and layer != CELLS and (2 * half) ** 2 < LEAST_UM2:
            found.append((layer, x, y))
    return found


def pad_of(layer, lef):
    """Half the width of a via's pad."""
    return next(pads[layer] for pads in lef.vias.values() if layer in pads)


def with_longer_pads(text, placed, lef):
    """The text of a DEF file with a wire as wide as a via's pad on each small piece, and how many there are. It lies across
    the horizontal tracks, which are further apart than the vertical ones."""
    pieces, scale = [], int(re.search(r"^UNITS DISTANCE MICRONS (\d+)", text, re.MULTILINE).group(1))
    for name, net in placed.nets.items():
        for layer, x, y in small_pieces(net, placed, lef):
            half = pad_of(layer, lef)
            reach = math.ceil(LEAST_UM2 / (2 * half) / 2 * scale / 10) * 10
            middle = round(y * scale)
            pieces.append(f"- {name}\n+ ROUTED {layer} {round(2 * half * scale)} "
                          f"( {round(x * scale)} {middle - reach} ) ( * {middle + reach} ) ;\n")
    if not pieces:
        return text, 0
    found = re.search(r"^SPECIALNETS (\d+) ;\n", text, re.MULTILINE)
    if not found:
        section = f"SPECIALNETS {len(pieces)} ;\n{''.join(pieces)}END SPECIALNETS\n\n"
        return text.replace("END DESIGN", f"{section}END DESIGN"), len(pieces)
    return (text[:found.start()] + f"SPECIALNETS {int(found.group(1)) + len(pieces)} ;\n" + "".join(pieces) +
            text[found.end():]), len(pieces)


def check_router(design, log):
    """What qrouter says at its end of nets that it left over."""
    said = re.findall(r"^Final: (.*)$", log, re.MULTILINE)
    if not said:
        raise ToolError(f"{design}: qrouter did not come to its end", "qrouter.log")
    if said[-1] != "No failed routes!":
        failed = re.findall(r"^Failed (?:to route )?net:? (\S+)", log, re.MULTILINE)
        raise ToolError(f"{design}: not all nets are routed: {said[-1]}" + (f" ({', '.join(failed[-3:])})" if failed else ""),
                        "qrouter.log")


def extract_all(design, circuit, placed, lef):
    """{net: Extracted}. An error where metal does not join all pins of a net, or is joined to nothing."""
    found = {}
    for name, pins in circuit.nets().items():
        obey()
        net = placed.nets.get(name)
        if net is None or set(net.pins) != set(pins):
            raise ToolError(f"{design}: the routed net {name} does not have the pins of the netlist's", "qrouter.log")
        found[name] = extract(net, circuit.drivers[name], placed, lef)
    open_nets = [name for name, net in found.items() if net.missed]
    if open_nets:
        raise ToolError(f"{design}: {len(open_nets)} of {len(found)} nets are not joined by their wires: "
                        f"{', '.join(open_nets[:3])}", "qrouter.log")
    loose = [name for name, net in found.items() if net.loose_um > 0]
    if loose:
        raise ToolError(f"{design}: wires of {len(loose)} nets are joined to no pin: {', '.join(loose[:3])}", "qrouter.log")
    return found


def remaining(log):
    """What a line of progress says of qrouter's log."""
    found = re.findall(r"Nets remaining: (\d+)", log)
    return f"{found[-1]} nets to go in this pass" if found else ""
