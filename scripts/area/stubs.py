"""The netlist by which sta gets the critical path of an array without all of it.

The logic around the parts is there whole. Of each kind of part, as it is connected, a few copies are there whole, with
the parts beside them. All other copies are stubs: the gates on the way to the nets that the
array drives or reads, such as those to `stall`, and every pin on these nets. So each net has its loads and its wire
load, each path between parts is there at least once, and a path through a part is there in the copies that are whole.
"""

import re
from collections import defaultdict

from fanout import TREE, base_name
from sta import CLOCK, RESET
from tools import ToolError


class Netlist:
    """A mapped module, as write_json has it, with what drives each net and what is on it."""

    def __init__(self, module, library):
        self.cells, self.ports, self.names = module["cells"], module["ports"], module["netnames"]
        self.library = library
        self.driver, self.sinks = {}, defaultdict(list)
        self.input_ports, self.output_ports = {}, defaultdict(list)
        for name, cell in self.cells.items():
            for pin, bits in cell["connections"].items():
                if pin in library.cells[cell["type"]].outputs:
                    self.driver.update((bit, name) for bit in bits)
                else:
                    for bit in bits:
                        self.sinks[bit].append((name, pin))
        for port, entry in self.ports.items():
            for index, bit in enumerate(entry["bits"]):
                if entry["direction"] == "input":
                    self.input_ports[bit] = (port, index)
                else:
                    self.output_ports[bit].append((port, index))
        self.ideal = {bit for port in (CLOCK, RESET) if port in self.ports for bit in self.ports[port]["bits"]}
        self.numbers = {name: number for number, name in enumerate(self.cells)}

    def is_flip_flop(self, name):
        return self.library.cells[self.cells[name]["type"]].state is not None

    def register(self, number):
        """What the flip-flop with that number is called in the RTL."""
        cell = list(self.cells.values())[number]
        bits = {bit for pin, connected in cell["connections"].items()
                if pin in self.library.cells[cell["type"]].outputs for bit in connected}
        found = [f"{name}[{net['bits'].index(bit)}]" if len(net["bits"]) > 1 else name
                 for name, net in self.names.items() if not net.get("hide_name") for bit in bits & set(net["bits"])]
        return min(found, key=lambda name: (name.count("."), name), default=f"cell {number}")

    def stub(self, kept, what):
        """The cells of a stub that shows the bits `kept` of the ports: {cell: its pins that are connected}, and the
        bits that have all their loads."""
        drivers, todo = set(), [self.ports[port]["bits"][index] for port, index in kept
                                if self.ports[port]["direction"] == "output"]
        seen = {self.ports[port]["bits"][index] for port, index in kept if self.ports[port]["direction"] == "input"}
        while todo:
            bit = todo.pop()
            if bit in seen or bit in self.ideal or not isinstance(bit, int):
                continue
            if bit not in self.driver:
                raise ToolError(f"{what}: an output depends on {'%s[%d]' % self.input_ports.get(bit, ('nothing', 0))}, "
                                "which comes straight from another part")
            seen.add(bit)
            name = self.driver[bit]
            if name not in drivers:
                drivers.add(name)
                todo += [other for pin, bits in self.cells[name]["connections"].items() for other in bits
                         if pin in self.library.cells[self.cells[name]["type"]].outputs or not self.is_flip_flop(name)]
        seen |= {bit for name in drivers for pin, bits in self.cells[name]["connections"].items()
                 if pin in self.library.cells[self.cells[name]["type"]].outputs for bit in bits}
        chosen = {}
        for name in drivers | {cell for bit in seen for cell, _ in self.sinks[bit]}:
            cell = self.cells[name]
            outputs = self.library.cells[cell["type"]].outputs
            chosen[name] = [pin for pin, bits in cell["connections"].items()
                            if (bits[0] in seen if pin not in outputs else name in drivers) or
                            (CLOCK in self.ports and bits[0] in self.ports[CLOCK]["bits"]) or
                            (name in drivers and not self.is_flip_flop(name))]
        return chosen, seen


def natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


class Array:
    """An array: the netlist around its parts, and the netlist of each kind of them by the name of its module."""

    def __init__(self, top, parts, library, every=False):
        """`every`: all copies are whole, which is what stubs are checked against."""
        self.library, self.parts = library, parts
        self.instances = {name: top["cells"][name] for name in sorted(top["cells"], key=natural)
                          if base_name(top["cells"][name]["type"]) != top["cells"][name]["type"]}
        self.around = Netlist({**top, "cells": {name: cell for name, cell in top["cells"].items()
                                                if name not in self.instances}}, library)
        self.pins = defaultdict(list)  # of parts, by net
        for name, cell in self.instances.items():
            for port, bits in cell["connections"].items():
                for index, bit in enumerate(bits):
                    self.pins[bit].append((name, port, index))
        self.kept = {name: self.shared_pins(name) for name in self.instances}
        self.whole = set(self.instances) if every else self.choose()
        self.stubs = {}
        self.load_outputs()

    def part(self, name):
        return self.parts[self.instances[name]["type"]]

    def is_shared(self, bit):
        """Whether a net is more than the way from one part to another."""
        return bit in self.around.driver or bool(self.around.sinks.get(bit)) or bit in self.around.input_ports or \
            bit in self.around.output_ports or len(self.pins[bit]) > 2

    def shared_pins(self, name):
        return frozenset((port, index) for port, bits in self.instances[name]["connections"].items()
                         for index, bit in enumerate(bits)
                         if isinstance(bit, int) and bit not in self.around.ideal and self.is_shared(bit))

    def choose(self):
        """The copies that are whole: the first and the last of each kind, and the neighbours of the first."""
        kinds = defaultdict(list)
        for name, cell in self.instances.items():
            constant = frozenset(port for port, bits in cell["connections"].items()
                                 if not any(isinstance(bit, int) for bit in bits))
            kinds[cell["type"], self.kept[name], constant].append(name)
        whole = set()
        for names in kinds.values():
            whole |= {names[0], names[-1]}
            for bits in self.instances[names[0]]["connections"].values():
                whole |= {other for bit in bits if isinstance(bit, int) and not self.is_shared(bit) and
                          bit not in self.around.ideal for other, _, _ in self.pins[bit]}
        return whole

    def stub(self, name):
        key = self.instances[name]["type"], self.kept[name]
        if key not in self.stubs:
            self.stubs[key] = self.part(name).stub(self.kept[name], base_name(key[0]))
        return self.stubs[key]

    def load_outputs(self):
        """A whole copy, or a gate of a stub, may also drive the next part: that shows what it has on that net."""
        more = defaultdict(set)
        for name in self.instances:
            outputs = self.part(name).output_ports
            for bit in outputs if name in self.whole else self.stub(name)[1]:
                for port, index in outputs.get(bit, ()):
                    net = self.instances[name]["connections"][port][index]
                    for other, port_, index_ in self.pins[net]:
                        if other != name and (port_, index_) not in self.kept[other]:
                            more[other].add((port_, index_))
        for name, pins in more.items():
            self.kept[name] |= pins

    # Verilog ---------------------------------------------------------------------------------------------------------

    def join(self):
        """Nets that a part makes one: {net: what it is called by}."""
        same = {}

        def found(bit):
            while bit in same:
                bit = same[bit]
            return bit

        for name, cell in self.instances.items():
            inner = {}
            for port, entry in self.part(name).ports.items():
                for bit, outer in zip(entry["bits"], cell["connections"][port]):
                    one, other = found(outer), found(bit if not isinstance(bit, int) else inner.setdefault(bit, outer))
                    if one != other and isinstance(one, int):
                        same[one] = other
                    elif one != other and isinstance(other, int):
                        same[other] = one
        return found

    def verilog(self, name="if4_array"):
        """One flat module, and its nets that are the root of a tree of buffers."""
        found = self.join()
        names = {}
        for port, entry in self.around.ports.items():
            for index, bit in enumerate(entry["bits"]):
                names.setdefault(found(bit), port if len(entry["bits"]) == 1 else f"{port}__{index}")

        def net(bit):
            bit = found(bit)
            return names.get(bit, f"n{bit}") if isinstance(bit, int) else "1'b1" if bit == "1" else "1'b0"

        ports = [(names[found(bit)], entry["direction"]) for entry in self.around.ports.values() for bit in entry["bits"]
                 if isinstance(bit, int)]
        ports = list(dict(ports).items())
        lines = [f"module {name} ({', '.join(port for port, _ in ports)});",
                 *(f"  {direction} {port};" for port, direction in ports)]
        for cell, entry in self.around.cells.items():
            pins = ", ".join(f".{pin}({net(bits[0])})" for pin, bits in entry["connections"].items())
            lines.append(f"  {entry['type']} g_{self.around.numbers[cell]} ({pins});")
        for number, (instance, box) in enumerate(self.instances.items()):
            part = self.part(instance)
            outer = {bit: found(net_) for port, entry in part.ports.items()
                     for bit, net_ in zip(entry["bits"], box["connections"][port])}
            cells = {cell: list(entry["connections"]) for cell, entry in part.cells.items()} \
                if instance in self.whole else self.stub(instance)[0]
            for cell, pins in cells.items():
                bits = part.cells[cell]["connections"]
                text = ", ".join(
                    f".{pin}({net(outer[bits[pin][0]]) if bits[pin][0] in outer else self.inner(number, bits[pin][0])})"
                    for pin in pins)
                lines.append(f"  {part.cells[cell]['type']} i{number}_{part.numbers[cell]} ({text});")
        roots = {net(bits[0]) for cell, entry in self.around.cells.items() if cell.startswith(TREE)
                 for pin, bits in entry["connections"].items()
                 if pin not in self.library.cells[entry["type"]].outputs and
                 not self.around.driver.get(bits[0], "").startswith(TREE)}
        return "\n".join([*lines, "endmodule", ""]), sorted(roots)

    @staticmethod
    def inner(number, bit):
        return f"i{number}_n{bit}" if isinstance(bit, int) else "1'b1" if bit == "1" else "1'b0"

    def end(self, name):
        """What an end of a path is called in the RTL."""
        gate = re.fullmatch(r"(?:g|i(\d+))_(\d+)", name)
        if not gate:
            return re.sub(r"__(\d+)$", r"[\1]", name)
        if gate.group(1) is None:
            return self.around.register(int(gate.group(2)))
        instance = list(self.instances)[int(gate.group(1))]
        return f"{instance}.{self.part(instance).register(int(gate.group(2)))}"
