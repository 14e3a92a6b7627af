"""A netlist of lookup tables and flip-flops of one flat module with one clock, as Yosys' write_json has it, and what its
cells do as functions.

A net is the number that Yosys gives a bit, or False or True where a pin is tied to a constant. Functions are the trees of
scripts/area/functions.py: their names are the pins of the cell, and in what concerns a flip-flop also STATE.

  netlist.inputs, .outputs   nets of each port, bit 0 first; netlist.clock and .reset are nets of input ports
  netlist.cells              all cells; .combinational() has those without a state, each after what it reads;
                             .flipflops() has the others
  netlist.driver[net]        (cell, pin) that drives it, or None for an input port
  netlist.name_of(net)       a name of the RTL, with its hierarchy and its bit, or the one that Yosys made

  cell.inputs, .outputs      net of each pin; a pin without a net (an output that nothing reads) is left out
  cell.functions             tree of each output pin; for a flip-flop a tree of STATE
  cell.state                 None, or a FlipFlop: `next` is the tree of the state after a rising edge; `clear` and `preset`
                             are the trees that hold the state at 0 and at 1 as long as they are true, or None

What does not fit raises NetlistError with a reason: a cell of an unknown kind, a net with no driver or with two, a loop
of gates, a pin or port at x, a second clock, a falling edge, a latch, a reset that is not an input port.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "area"))
import functions  # noqa: E402

STATE = "state"  # the name of a flip-flop's state in trees


class NetlistError(ValueError):
    """The netlist is none that this module can read; the text says why."""


@dataclass(frozen=True)
class FlipFlop:
    next: object              # tree of the pins and STATE
    clock: str                # pin; its rising edge
    clear: object = None      # trees of the pins
    preset: object = None


@dataclass(frozen=True)
class CellType:
    """What a kind of cell does: trees of its output pins, and its state."""
    functions: dict
    state: FlipFlop = None


@dataclass
class Cell:
    name: str
    inputs: dict
    outputs: dict
    functions: dict
    state: FlipFlop = None

    def reads(self):
        """The nets of the pins, once each, without constants."""
        return list(dict.fromkeys(net for net in self.inputs.values() if not isinstance(net, bool)))


def active(pin, level):
    return pin if level == "P" else ("!", pin)


@lru_cache(maxsize=None)
def flip_flop(kind):
    """The type of one of Yosys' flip-flops, or None. The letters after its name are the polarities of clock, reset and
    enable, with the value after the reset; SDFFCE resets only where it is enabled."""
    match = re.fullmatch(r"\$_(S?DFF)(C?E)?_(.)(?:(.)([01]))?(.)?_", kind)
    if not match:
        return None
    family, enabled, edge, reset, value, enable = match.groups()
    if bool(enabled) != bool(enable) or (family == "SDFF") != bool(reset and family == "SDFF"):
        return None
    if edge != "P":
        raise NetlistError(f"a flip-flop takes the falling edge of its clock: {kind}")
    following = "D"
    if family == "SDFF" and enabled == "CE":
        following = set_to(following, active("R", reset), value)
    if enabled:
        takes = active("E", enable)
        following = ("|", ("&", takes, following), ("&", ("!", takes), STATE))
    if family == "SDFF" and enabled != "CE":
        following = set_to(following, active("R", reset), value)
    forced = {"01"[value == "1"]: active("R", reset)} if family == "DFF" and reset else {}
    return CellType({"Q": STATE}, FlipFlop(following, "C", forced.get("0"), forced.get("1")))


def set_to(tree, when, value):
    return ("|", when, tree) if value == "1" else ("&", ("!", when), tree)


def substitute(tree, values):
    """The tree with names replaced by trees; those that `values` lacks stay."""
    if isinstance(tree, str):
        return values.get(tree, tree)
    if isinstance(tree, bool):
        return tree
    return (tree[0], *(substitute(part, values) for part in tree[1:]))


@lru_cache(maxsize=None)
def smallest_trees():
    """The smallest tree of each function of three names, 0, 1 and 2, by truth table. An inverted operand of an AND costs
    nothing, since vectors have an instruction for it."""
    ones = 0xFF
    best = {0: (False, 0), ones: (True, 0), 0xAA: ("0", 0), 0xCC: ("1", 0), 0xF0: ("2", 0)}
    levels = [list(best)]
    while len(best) < 256:
        level, size = {}, len(levels)
        if size > 1:
            level.update({ones ^ one: ("!", best[one][0]) for one in levels[-1]})
        else:
            level.update({ones ^ one: ("!", best[one][0]) for one in (0xAA, 0xCC, 0xF0)})
        for first in range(size):
            for one in levels[first]:
                for other in levels[size - 1 - first]:
                    trees = best[one][0], best[other][0]
                    for table, tree in ((one & other, ("&", *trees)), (one | other, ("|", *trees)),
                                        (one ^ other, ("^", *trees)),
                                        (one & ~other & ones, ("&", trees[0], ("!", trees[1])))):
                        level.setdefault(table, tree)
        levels.append([table for table in level if table not in best])
        best.update({table: (level[table], size) for table in levels[-1]})
    return {table: tree for table, (tree, _) in best.items()}


@lru_cache(maxsize=None)
def table_tree(table, pins):
    """A small tree of the function with the truth table; bit i is the value where the pins, the first the lowest, are i."""
    if len(pins) <= 3:
        for size in range(len(pins), 3):
            table |= table << (1 << size)
        return substitute(smallest_trees()[table], dict(zip("012", pins)))
    half = 1 << (len(pins) - 1)
    without, having = (table_tree(part, pins[:-1]) for part in (table & ((1 << half) - 1), table >> half))
    return without if without == having else ("|", ("&", pins[-1], having), ("&", ("!", pins[-1]), without))


@dataclass
class Netlist:
    name: str
    inputs: dict
    outputs: dict
    cells: list
    names: dict = field(default_factory=dict)
    clock: int = None
    reset: int = None

    def __post_init__(self):
        self.driver = {}
        for port, nets in self.inputs.items():
            for net in nets:
                self.drive(net, None, port)
        for cell in self.cells:
            for pin, net in cell.outputs.items():
                self.drive(net, (cell, pin), f"{cell.name}.{pin}")
        for nets in [*(cell.inputs.values() for cell in self.cells), *self.outputs.values()]:
            for net in nets:
                if not isinstance(net, bool) and net not in self.driver:
                    raise NetlistError(f"{self.name}: nothing drives {self.name_of(net)}")
        self.find_controls()
        self.order = self.sort()

    def drive(self, net, place, name):
        if isinstance(net, bool):
            raise NetlistError(f"{self.name}: {name} drives a constant")
        if net in self.driver:
            raise NetlistError(f"{self.name}: {name} drives {self.name_of(net)}, which has another driver")
        self.driver[net] = place

    def find_controls(self):
        """The one clock, and the one reset, are input ports."""
        for cell in self.flipflops():
            self.clock = self.control(cell, cell.inputs.get(cell.state.clock), self.clock, "clock")
            for tree in (cell.state.clear, cell.state.preset):
                for pin in functions.names(tree) if tree is not None else ():
                    self.reset = self.control(cell, cell.inputs[pin], self.reset, "asynchronous reset")

    def control(self, cell, net, known, what):
        if isinstance(net, bool) or net not in self.driver or self.driver[net] is not None:
            raise NetlistError(f"{self.name}: the {what} of {cell.name} is no input port")
        if known not in (None, net):
            raise NetlistError(f"{self.name}: {cell.name} has a {what} of its own")
        return net

    def flipflops(self):
        return [cell for cell in self.cells if cell.state]

    def combinational(self):
        return self.order

    def sort(self):
        """Depth first from what is kept, so that a value is computed soon before it is used."""
        done, order = set(), []
        for net in [net for cell in self.flipflops() for net in cell.inputs.values()] + \
                [net for nets in self.outputs.values() for net in nets] + list(self.driver):
            stack = [net]
            while stack:
                place = self.driver.get(stack[-1]) if not isinstance(stack[-1], bool) else None
                if place is None or place[0].state or done.issuperset(place[0].outputs.values()):
                    stack.pop()
                    continue
                waits = [other for other in place[0].reads() if self.waits(other, done)]
                if waits:
                    if set(waits) & set(stack):
                        raise NetlistError(f"{self.name}: a loop of gates through {self.name_of(waits[0])}")
                    stack.append(waits[0])
                    continue
                done.update(place[0].outputs.values())
                order.append(place[0])
        return order

    def waits(self, net, done):
        place = self.driver[net]
        return place is not None and not place[0].state and net not in done

    def name_of(self, net):
        return self.names.get(net, f"net {net}")


def shown_names(module):
    """The name of each net: one of the RTL rather than one that Yosys made, and of these the shortest."""
    names = {}
    for name, wire in module.get("netnames", {}).items():
        for bit, net in enumerate(wire["bits"]):
            text = f"{name}[{bit}]" if len(wire["bits"]) > 1 else name
            rank = (wire.get("hide_name", 0) == 1, len(text), text)
            if not isinstance(net, str) and rank < names.get(net, ((True, 1 << 30, ""),))[0]:
                names[net] = (rank, text)
    return {net: text for net, (_, text) in names.items()}


def type_of(entry, where):
    """The type of a cell of the JSON; the inputs of a lookup table are A0, A1 and so on."""
    kind = entry["type"]
    if kind == "$lut":
        table = entry["parameters"]["LUT"]
        table = int(table, 2) if isinstance(table, str) else table
        pins = tuple(f"A{bit}" for bit in range(len(entry["connections"]["A"])))
        return CellType({"Y": table_tree(table & ((1 << (1 << len(pins))) - 1), pins)})
    found = flip_flop(kind)
    if found is None:
        raise NetlistError(f"{where}: no cell is known of the kind {kind}")
    return found


def read_cell(name, entry):
    cell_type = type_of(entry, name)
    pins = {}
    for pin, bits in entry["connections"].items():
        for number, bit in enumerate(bits):
            pins[f"{pin}{number}" if entry["type"] == "$lut" and pin == "A" else pin] = bit
        if len(bits) > 1 and entry["type"] != "$lut":
            raise NetlistError(f"{name}: the pin {pin} has {len(bits)} bits")
    inputs, outputs = {}, {}
    for pin, bit in pins.items():
        if pin in cell_type.functions:
            if not isinstance(bit, str):
                outputs[pin] = bit
        else:
            inputs[pin] = constant(bit, f"{name}: the pin {pin}")
    trees = [*cell_type.functions.values()]
    if cell_type.state:
        trees += [tree for tree in (cell_type.state.next, cell_type.state.clear, cell_type.state.preset)
                  if tree is not None]
    missing = set().union(*map(functions.names, trees)) - set(inputs) - {STATE}
    if missing:
        raise NetlistError(f"{name}: nothing is connected to the pin {min(missing)} of a {entry['type']}")
    return Cell(name, inputs, outputs, cell_type.functions, cell_type.state)


def constant(bit, where):
    if not isinstance(bit, str):
        return bit
    if bit not in ("0", "1"):
        raise NetlistError(f"{where} is tied to {bit}")
    return bit == "1"


def read(path):
    """The one module of the file, or the one that is marked as its top."""
    modules = json.loads(Path(path).read_text())["modules"]
    tops = [name for name, module in modules.items() if int(str(module.get("attributes", {}).get("top", "0")), 2)]
    if len(modules) != 1 and len(tops) != 1:
        raise NetlistError(f"{path}: {len(modules)} modules, and not one of them is the top")
    name = tops[0] if tops else next(iter(modules))
    module = modules[name]
    cells = [read_cell(cell, entry) for cell, entry in module["cells"].items()]
    ports = {"input": {}, "output": {}}
    for port, entry in module["ports"].items():
        if entry["direction"] not in ports:
            raise NetlistError(f"{path}: the port {port} is an {entry['direction']}")
        ports[entry["direction"]][port] = [constant(bit, f"the port {port}") for bit in entry["bits"]]
    return Netlist(name, ports["input"], ports["output"], cells, shown_names(module))
