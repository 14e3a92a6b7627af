"""The netlist of `make area` in the names of the layout, and the files that the tools read of it.

Tools disagree about brackets, backslashes and constants in names. So cells are called by their type and a number, which
is what qflow's scripts expect, nets by a number, and a bit of a port NAME_BIT; constants are the supplies. Nothing else
of the netlist changes, but for outputs that no tool can place: see `buffered`.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field

from synthesis import yosys
from tools import ROOT, ToolError

POWER, GROUND = "vdd", "gnd"
CONSTANTS = {"0": GROUND, "1": POWER, "x": GROUND}


@dataclass
class Circuit:
    """`cells`: {instance: (type, {pin: net})}; `inputs`, `outputs`: names of ports, each that of its net; `drivers`:
    {net: the pin that drives it}; `original`, `instances`: {name of a net or of a cell: that in the netlist};
    `buffered`: ports that a buffer was added for, since they would be on the net of another port or on a supply."""
    top: str
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    cells: dict = field(default_factory=dict)
    drivers: dict = field(default_factory=dict)
    original: dict = field(default_factory=dict)
    instances: dict = field(default_factory=dict)
    buffered: list = field(default_factory=list)

    def nets(self):
        """{net: its pins as (instance, pin), a port as ("PIN", port)}, without the supplies."""
        found = {name: [("PIN", name)] for name in self.inputs + self.outputs}
        for instance, (_, pins) in self.cells.items():
            for pin, net in pins.items():
                if net not in (POWER, GROUND):
                    found.setdefault(net, []).append((instance, pin))
        return found


def plain(name):
    """A name without brackets: a[3] is a_3."""
    return re.sub(r"[^A-Za-z0-9_]", "_", re.sub(r"\[(\d+)\]", r"_\1", name))


def read_netlist(folder, work, top):
    """The module `top` of FOLDER/netlist.v as Yosys reads it, and the directions of the pins of its cells."""
    yosys([f"read_liberty -lib {folder}/cells.lib", f"read_verilog {folder}/netlist.v", f"hierarchy -check -top {top}",
           "splitnets -ports", f"write_json {work}/netlist.json"], work / "netlist.log", top)
    path = ROOT / work / "netlist.json"
    modules = json.loads(path.read_text())["modules"]
    path.unlink()
    kinds = {name: {pin: port["direction"] for pin, port in module["ports"].items()}
             for name, module in modules.items() if name != top}
    return modules[top], kinds


def circuit_of(module, kinds, top, buffer):
    """The circuit of a flat netlist as write_json has it. `buffer`: (type, input pin, output pin)."""
    circuit, names, sinks = Circuit(top), dict(CONSTANTS), []
    for name, port in module["ports"].items():
        if port["direction"] == "input":
            names[port["bits"][0]] = plain(name)
            circuit.inputs.append(plain(name))
            circuit.drivers[plain(name)] = ("PIN", plain(name))
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            circuit.outputs.append(plain(name))
            if port["bits"][0] in names:
                sinks.append((plain(name), port["bits"][0]))
            else:
                names[port["bits"][0]] = plain(name)
    taken = Counter(circuit.inputs + circuit.outputs)
    if any(count > 1 for count in taken.values()):
        raise ToolError(f"{top}: two ports are both called {taken.most_common(1)[0][0]} without brackets", "netlist.log")
    numbers = Counter()

    def add(kind, pins, output, name=None):
        numbers[kind] += 1
        instance = f"{kind}_{numbers[kind]}"
        circuit.instances[instance] = name
        circuit.cells[instance] = (kind, pins)
        for pin in output:
            if pin in pins and circuit.drivers.setdefault(pins[pin], (instance, pin)) != (instance, pin):
                raise ToolError(f"{top}: two pins drive the net {pins[pin]}", "netlist.log")

    for name, cell in module["cells"].items():
        kind = cell["type"]
        if kind not in kinds:
            raise ToolError(f"{top}: {kind} is no cell of the library", "netlist.log")
        add(kind, {pin: names.setdefault(bits[0], f"n{bits[0]}") for pin, bits in cell["connections"].items() if bits},
            [pin for pin, direction in kinds[kind].items() if direction == "output"], name)
    for port, bit in sinks:
        kind, pin_in, pin_out = buffer
        add(kind, {pin_in: names[bit], pin_out: port}, [pin_out])
        circuit.buffered.append(port)
    for net in circuit.nets():
        if net not in circuit.drivers:
            raise ToolError(f"{top}: nothing drives the net {net}", "netlist.log")
    for name in module["ports"]:
        circuit.original[plain(name)] = name
    for name, entry in sorted(module["netnames"].items(), key=lambda item: item[1].get("hide_name", 0)):
        if entry["bits"][0] in names:
            circuit.original.setdefault(names[entry["bits"][0]], name)
    return circuit


def wrapped(words, width=100):
    """Words in lines that SPICE continues with a plus."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) > width:
            lines.append(line)
            line = "+"
        line += (" " if line else "") + word
    return "\n".join([*lines, line])


def blif(circuit):
    """For qflow's blif2cel: cells in order, as it numbers them."""
    gates = [f".gate {kind} " + " ".join(f"{pin}={net}" for pin, net in pins.items())
             for kind, pins in circuit.cells.values()]
    return "\n".join([f".model {circuit.top}", ".inputs " + " ".join(circuit.inputs),
                      ".outputs " + " ".join(circuit.outputs), *gates, ".end", ""])


def spice(circuit, pins_of):
    """For LVS: cells are black boxes with the pins `pins_of`[type], supplies among them."""
    boxes = [f".subckt {kind} {' '.join(pins_of[kind])}\n.ends" for kind in sorted({kind for kind, _ in circuit.cells.values()})]
    supplies = {POWER: POWER, GROUND: GROUND}
    cells = []
    for instance, (kind, pins) in circuit.cells.items():
        nets = {**supplies, **pins}
        # A pin that the netlist leaves open is a net of its own.
        cells.append(wrapped([f"X{instance}", *(nets.get(pin, f"{instance}/{pin}") for pin in pins_of[kind]), kind]))
    ports = wrapped([".subckt", circuit.top, POWER, GROUND, *circuit.inputs, *circuit.outputs])
    return "\n".join([f"* {circuit.top}", *boxes, ports, *cells, ".ends", ""])


def verilog(circuit):
    """For sta: constants are constants."""
    values = {POWER: "1'b1", GROUND: "1'b0"}
    ports = set(circuit.inputs + circuit.outputs)
    lines = [f"module {circuit.top}(" + ", ".join(circuit.inputs + circuit.outputs) + ");"]
    lines += [f"  input {name};" for name in circuit.inputs] + [f"  output {name};" for name in circuit.outputs]
    lines += [f"  wire {net};" for net in circuit.nets() if net not in ports]
    for instance, (kind, pins) in circuit.cells.items():
        lines.append(f"  {kind} {instance} (\n" +
                     ",\n".join(f"    .{pin}({values.get(net, net)})" for pin, net in pins.items()) + "\n  );")
    return "\n".join([*lines, "endmodule", ""])
