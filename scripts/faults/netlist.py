"""A mapped netlist: instances of library cells, and the nets between their pins."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "area"))
import functions  # noqa: E402
from cells import Cell  # noqa: E402
from tools import ToolError, run  # noqa: E402

PORT = ""  # the instance that the pins of the top belong to


class Pin(NamedTuple):
    """A pin of an instance, or a bit of a port of the top: ("", "a_codes_i[3]")."""
    instance: str
    name: str

    def __str__(self):
        return f"{self.instance}/{self.name}" if self.instance else self.name


@dataclass
class Netlist:
    """Nets are numbers; those of the constants are False and True. An input of the top drives its net as an output pin of
    an instance does, and an output of the top is a sink."""
    cells: dict = field(default_factory=dict)    # instance: Cell
    nets: dict = field(default_factory=dict)     # Pin: net; an output pin that leads nowhere is left out
    inputs: list = field(default_factory=list)   # Pins of the top
    outputs: list = field(default_factory=list)
    names: dict = field(default_factory=dict)    # net: its name in the netlist

    def __post_init__(self):
        self.index()

    def index(self):
        """Finds driver and sinks of each net. Raises ToolError where a net has no driver, or two."""
        self.drivers, self.sinks, self._driving = {}, {}, set(self.inputs)
        for pin, net in self.nets.items():
            if self.drives(pin):
                if net in self.drivers:
                    raise ToolError(f"a net is driven by {self.drivers[net]} and by {pin}")
                self.drivers[net] = pin
            else:
                self.sinks.setdefault(net, []).append(pin)
        for net, pins in self.sinks.items():
            if net not in self.drivers and not isinstance(net, bool):
                raise ToolError(f"nothing drives {pins[0]}")

    def drives(self, pin):
        return pin in self._driving if pin.instance == PORT else pin.name in self.cells[pin.instance].outputs

    def pins(self):
        """Every pin: those of the top first, then those of the instances, unconnected ones too."""
        return [*self.inputs, *self.outputs,
                *(Pin(instance, name) for instance, cell in self.cells.items() for name in [*cell.inputs, *cell.outputs])]

    def constant(self, pin):
        """The constant that a pin is tied to, or None."""
        net = self.nets.get(pin)
        return net if isinstance(net, bool) else None


def read_netlist(folder, top, library, work=None):
    """The netlist that scripts/area/synthesis.py left in a folder, read with files in `work`. Raises ToolError where it has what is no cell of the
    library, or what a fault cannot be defined for."""
    work = work or folder
    text = work / "netlist.json"
    run(["yosys", "-Q", "-T", "-p", f"read_liberty -lib -ignore_miss_func {folder}/cells.lib; read_verilog "
         f"{folder}/netlist.v; hierarchy -check -top {top}; write_json {text}"], work / "json.log", top)
    return netlist_of(json.loads(text.read_text())["modules"][top], library.cells)


def net_of(bit, what):
    if bit in ("0", "1"):
        return bit == "1"
    if not isinstance(bit, int):
        raise ToolError(f"{what} is tied to {bit}")
    return bit


def netlist_of(module, cells):
    netlist = Netlist()
    for name, port in module["ports"].items():
        if port["direction"] not in ("input", "output"):
            raise ToolError(f"port {name} is neither an input nor an output")
        for i, bit in enumerate(port["bits"]):
            pin = Pin(PORT, f"{name}[{i}]" if len(port["bits"]) > 1 else name)
            (netlist.inputs if port["direction"] == "input" else netlist.outputs).append(pin)
            netlist.nets[pin] = net_of(bit, str(pin))
    for name, instance in module["cells"].items():
        cell = cells.get(instance["type"])
        if not isinstance(cell, Cell) or cell.unused:
            raise ToolError(f"{name} is of {instance['type']}, which is no cell of the library that can be used")
        netlist.cells[name] = cell
        for pin_name in [*cell.inputs, *cell.outputs]:
            bits = instance["connections"].get(pin_name, [])
            pin = Pin(name, pin_name)
            if len(bits) == 1 and (bits[0] != "x" or pin_name in cell.inputs):
                netlist.nets[pin] = net_of(bits[0], str(pin))
            elif pin_name in cell.inputs:
                raise ToolError(f"{pin} is not connected")
    for name, wire in module.get("netnames", {}).items():
        for i, bit in enumerate(wire["bits"]):
            if isinstance(bit, int) and not (bit in netlist.names and wire.get("hide_name")):
                netlist.names[bit] = f"{name}[{i}]" if len(wire["bits"]) > 1 else name
    netlist.index()
    return netlist


def clock_pin(cell):
    """(pin, whether the falling edge counts) of a flip-flop."""
    return functions.literal(cell.controls["clocked_on"])
