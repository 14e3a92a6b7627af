"""Resistances and capacitances of routed nets, from the geometry of their wires and what the LEF file says of a layer.

Every piece of metal of a net is a rectangle: a wire, the pad of a via, a pin of a cell, a port. Where two on one layer
touch they are joined, so that what is connected follows from the geometry alone and not from what the router says.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from placed import shape_of

JOINT_OHM = 0.001   # of what has no resistance in the LEF file: vias, and pins that a wire touches
BUCKET_UM = 8.0     # rectangles are looked up by squares of this size
TOUCH_UM = 1e-6


@dataclass
class Extracted:
    """The tree of resistors from the driver of a net. Nodes are whole numbers; `pins`: {(instance, pin): node};
    `resistors`: [(node, parent, ohm)]; `capacitances`: {node: pF}; `missed`: pins that no metal joins to the driver;
    `loose_um`: length of the wires that nothing joins to it."""
    pins: dict = field(default_factory=dict)
    resistors: list = field(default_factory=list)
    capacitances: dict = field(default_factory=lambda: defaultdict(float))
    missed: list = field(default_factory=list)
    length_um: float = 0.0
    loose_um: float = 0.0

    def total(self):
        """pF of the wires of the net."""
        return sum(self.capacitances.values())


@dataclass
class Shape:
    """A rectangle of metal: `ends` are those of a wire's middle line, the same for a pad; `node` that of a pin, which is
    one node wherever it is touched."""
    layer: str
    box: tuple
    ends: tuple = None
    width: float = 0.0
    node: object = None
    cuts: set = field(default_factory=set)

    def at(self, x, y):
        """The node of the shape that is next to a point."""
        if self.node is not None:
            return self.node
        x0, y0, x1, y1 = self.ends
        x, y = min(max(x, min(x0, x1)), max(x0, x1)), min(max(y, min(y0, y1)), max(y0, y1))
        point = (self.layer, round(x, 4), round(y, 4))
        self.cuts.add(point)
        return point


def shapes_of(net, placed, lef):
    """The metal of a net, and the joints of its vias."""
    found, joints = [], []
    for layer, x0, y0, x1, y1, given in net.wires:
        width = given or lef.layers[layer].width
        # The ends of a wire of the router reach half a width beyond its points, those of a special one do not.
        beyond = 0.0 if given else width / 2
        across = width / 2
        dx, dy = (beyond, across) if y0 == y1 else (across, beyond)
        box = (min(x0, x1) - dx, min(y0, y1) - dy, max(x0, x1) + dx, max(y0, y1) + dy)
        found.append(Shape(layer, box, (x0, y0, x1, y1), width))
    for name, x, y in net.vias:
        nodes = []
        for layer, half in lef.vias[name].items():
            shape = Shape(layer, (x - half, y - half, x + half, y + half), (x, y, x, y))
            found.append(shape)
            nodes.append(shape.at(x, y))
        joints += zip(nodes, nodes[1:])
    for pin in net.pins:
        instance, name = pin
        if instance == "PIN":
            layer, x, y = placed.ports[name]
            half = lef.layers[layer].width / 2
            found.append(Shape(layer, (x - half, y - half, x + half, y + half), node=pin))
            continue
        cell = placed.cells[instance]
        macro = lef.macros[cell[0]]
        for layer, *rectangle in macro.pins[name]:
            found.append(Shape(layer, shape_of(macro, cell, rectangle), node=pin))
    return found, joints


def touching(shapes):
    """All pairs of shapes on one layer that touch, each once."""
    buckets = defaultdict(list)
    for index, shape in enumerate(shapes):
        x0, y0, x1, y1 = (int(part // BUCKET_UM) for part in shape.box)
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                buckets[shape.layer, x, y].append(index)
    pairs = set()
    for inside in buckets.values():
        for place, one in enumerate(inside):
            a = shapes[one].box
            for other in inside[place + 1:]:
                b = shapes[other].box
                if (a[0] <= b[2] + TOUCH_UM and b[0] <= a[2] + TOUCH_UM and
                        a[1] <= b[3] + TOUCH_UM and b[1] <= a[3] + TOUCH_UM):
                    pairs.add((one, other))
    return pairs


def graph_of(shapes, joints, lef):
    """{node: [(neighbour, ohm)]} and {node: pF} of the metal, and the lengths of pieces by their nodes."""
    edges, capacitances, pieces = defaultdict(list), defaultdict(float), []

    def join(one, other, ohm):
        edges[one].append((other, ohm))
        edges[other].append((one, ohm))

    for one, other in joints:
        join(one, other, JOINT_OHM)
    for one, other in sorted(touching(shapes)):
        a, b = shapes[one], shapes[other]
        x = (max(a.box[0], b.box[0]) + min(a.box[2], b.box[2])) / 2
        y = (max(a.box[1], b.box[1]) + min(a.box[3], b.box[3])) / 2
        nodes = a.at(x, y), b.at(x, y)
        if nodes[0] != nodes[1]:
            join(*nodes, JOINT_OHM)
    for shape in shapes:
        if shape.node is not None or shape.ends[:2] == shape.ends[2:]:
            continue
        layer, (x0, y0, x1, y1) = lef.layers[shape.layer], shape.ends
        shape.at(x0, y0), shape.at(x1, y1)
        cuts = sorted(shape.cuts)
        for one, other in zip(cuts, cuts[1:]):
            length = abs(other[1] - one[1]) + abs(other[2] - one[2])
            join(one, other, layer.resistance * length / shape.width)
            charge = length * (shape.width * layer.capacitance + 2 * layer.edge)
            capacitances[one] += charge / 2
            capacitances[other] += charge / 2
            pieces.append((one, length))
    return edges, capacitances, pieces


def extract(net, driver, placed, lef):
    """The wires of a net as a tree from its driver. Where metal makes a ring, each node hangs on the way of least
    resistance; the capacitance of what closes the ring remains."""
    shapes, joints = shapes_of(net, placed, lef)
    edges, capacitances, pieces = graph_of(shapes, joints, lef)
    found = Extracted()
    numbers, parents, heap = {}, {}, [(0.0, 0, driver, None, 0.0)]
    order = 0
    while heap:
        distance, _, node, parent, ohm = heapq.heappop(heap)
        if node in numbers:
            continue
        numbers[node] = len(numbers)
        parents[node] = parent
        if parent is not None:
            found.resistors.append((numbers[node], numbers[parent], ohm))
        for neighbour, step in edges[node]:
            if neighbour not in numbers:
                order += 1
                heapq.heappush(heap, (distance + step, order, neighbour, node, step))
    for node, charge in capacitances.items():
        if node in numbers:
            found.capacitances[numbers[node]] += charge
    for node, length in pieces:
        found.length_um += length
        if node not in numbers:
            found.loose_um += length
    for pin in net.pins:
        if pin in numbers:
            found.pins[pin] = numbers[pin]
        else:
            found.missed.append(pin)
    return found


def spef(top, extracted, inputs, drivers):
    """The wires of all nets in SPEF: {net: Extracted}."""
    lines = ['*SPEF "IEEE 1481-1998"', f'*DESIGN "{top}"', '*DATE "-"', '*VENDOR "-"', '*PROGRAM "if4"', '*VERSION "1"',
             '*DESIGN_FLOW "NETLIST_TYPE_VERILOG"', "*DIVIDER /", "*DELIMITER :", "*BUS_DELIMITER []", "*T_UNIT 1 NS",
             "*C_UNIT 1 PF", "*R_UNIT 1 OHM", "*L_UNIT 1 HENRY", ""]
    for name, net in extracted.items():
        names = {}
        connections = []
        for pin, node in net.pins.items():
            instance, port = pin
            if instance == "PIN":
                names[node] = port
                connections.append(f"*P {port} {'I' if port in inputs else 'O'}")
            else:
                names[node] = f"{instance}:{port}"
                connections.append(f"*I {instance}:{port} {'O' if pin == drivers[name] else 'I'}")
        nodes = {node: names.get(node, f"{name}:{node}") for pair in net.resistors for node in pair[:2]}
        lines += [f"*D_NET {name} {net.total():.6g}", "*CONN", *connections]
        if net.capacitances:
            lines.append("*CAP")
            lines += [f"{place} {nodes[node]} {charge:.6g}" for place, (node, charge) in enumerate(net.capacitances.items(), 1)]
        if net.resistors:
            lines.append("*RES")
            lines += [f"{place} {nodes[one]} {nodes[other]} {ohm:.6g}"
                      for place, (one, other, ohm) in enumerate(net.resistors, 1)]
        lines += ["*END", ""]
    return "\n".join(lines)
