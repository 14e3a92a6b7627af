"""A netlist as gates of one or two inputs, in the order in which they can be evaluated, with a node for each pin.

What the fault simulator (testbench/faults/circuit.hpp has the text) and the proofs work on. The node of a pin has the value
that is seen there, so that a fault of the pin is a fault of its node. A flip-flop is a node that holds a bit, gates for
what its clear and preset make of it, and the node that gives what it holds after an edge of the clock; a clock pin is 1,
as an edge comes in every clock, and a fault of it is the 0 that holds it back.
"""

from dataclasses import dataclass, field

import netlist as nets
from netlist import PORT, Pin, functions
from tools import ToolError

INVERSE = {"and": "nand", "or": "nor", "xor": "xnor", "nand": "and", "nor": "or", "xnor": "xor", "buf": "not", "not": "buf"}
OPERATORS = {"&": "and", "|": "or", "^": "xor"}


@dataclass
class Circuit:
    nodes: list = field(default_factory=list)      # (kind, ...): ("input", name), ("state",), ("const", bool), (gate, a[, b])
    pins: dict = field(default_factory=dict)       # Pin: node
    outputs: list = field(default_factory=list)    # (name, node)
    states: list = field(default_factory=list)     # (state node, node after an edge, node between two edges)
    clocks: set = field(default_factory=set)       # Pins of clocks
    clock: str = ""                                # port

    def add(self, *node):
        self.nodes.append(node)
        return len(self.nodes) - 1

    def tree(self, tree, values, inverted=False):
        """The node of a function of named nodes."""
        if isinstance(tree, bool):
            return self.add("const", tree != inverted)
        if isinstance(tree, str):
            return self.add("not", values[tree]) if inverted else values[tree]
        if tree[0] == "!":
            return self.tree(tree[1], values, not inverted)
        operator = OPERATORS[tree[0]]
        return self.add(INVERSE[operator] if inverted else operator, self.tree(tree[1], values), self.tree(tree[2], values))

    def stuck(self, fault):
        """(node, value) that a fault is."""
        return self.pins[fault.pin], fault.value and fault.pin not in self.clocks

    def text(self, faults):
        """For the simulator; `faults` are numbered in their order."""
        lines = ["circuit 1"]
        for node in self.nodes:
            lines.append(" ".join(str(int(part)) if isinstance(part, bool) else str(part) for part in node))
        lines += [f"output {name} {node}" for name, node in self.outputs]
        lines += [f"next {state} {edge} {between}" for state, edge, between in self.states]
        for number, fault in enumerate(faults):
            node, value = self.stuck(fault)
            lines.append(f"fault {number} {node} {int(value)}")
        return "\n".join([*lines, f"end {len(self.nodes)} {len(faults)}", ""])


class Lowering:
    def __init__(self, netlist):
        self.netlist = netlist
        self.circuit = Circuit()
        self.of_net = {}
        self.held = {}    # instance: state node
        self.kept = {}    # instance: node of what the flip-flop holds between two edges
        self._find_clock()
        for pin in netlist.inputs:
            node = self.circuit.add("input", pin.name)
            self.circuit.pins[pin] = self.of_net[netlist.nets[pin]] = node
        for instance, cell in netlist.cells.items():
            if cell.state:
                self.held[instance] = self.circuit.add("state")
        for instance in netlist.cells:
            self._instance(instance)
        for instance in self.held:
            self._edge(instance)
        for pin in netlist.outputs:
            self.circuit.outputs.append((pin.name, self._pin(pin)))

    def _find_clock(self):
        """All flip-flops must go by one edge of one port, which nothing else reads."""
        clocks = {}
        for instance, cell in self.netlist.cells.items():
            if cell.state:
                name, falling = nets.clock_pin(cell)
                pin = Pin(instance, name)
                clocks.setdefault((self.netlist.nets[pin], falling), []).append(pin)
        if not clocks:
            return
        (net, _), pins = next(iter(clocks.items()))
        driver = self.netlist.drivers.get(net)
        if len(clocks) > 1 or driver is None or driver.instance != PORT or len(self.netlist.sinks[net]) != len(pins):
            raise ToolError("the flip-flops do not all go by one edge of a clock that is a port and goes nowhere else")
        self.circuit.clock = driver.name
        self.circuit.clocks = {driver, *pins}

    def _net(self, net):
        if isinstance(net, bool):
            if net not in self.of_net:
                self.of_net[net] = self.circuit.add("const", net)
        elif net not in self.of_net:
            self._instance(self.netlist.drivers[net].instance)
        return self.of_net[net]

    def _pin(self, pin):
        """The node of a pin that reads its net."""
        if pin not in self.circuit.pins:
            net = self._net(self.netlist.nets[pin])
            self.circuit.pins[pin] = self.circuit.add("buf", net)
        return self.circuit.pins[pin]

    def _sources(self, instance):
        """The nets that the outputs of an instance follow within a clock."""
        cell = self.netlist.cells[instance]
        read = cell.inputs if not cell.state else set().union(
            *(functions.names(cell.controls[control]) for control in ("clear", "preset") if control in cell.controls))
        return [net for name in cell.inputs if name in read
                for net in [self.netlist.nets[Pin(instance, name)]] if not isinstance(net, bool)]

    def _instance(self, top):
        """Makes the nodes of an instance after those of all that it reads, without recursion: paths are long."""
        stack, open_now = [top], set()
        while stack:
            instance = stack[-1]
            cell = self.netlist.cells[instance]
            if any(Pin(instance, name) in self.circuit.pins for name in cell.outputs):
                stack.pop()
                continue
            waiting = [self.netlist.drivers[net].instance for net in self._sources(instance) if net not in self.of_net]
            if waiting and instance in open_now:
                raise ToolError(f"{instance} is on a loop without a flip-flop")
            if waiting:
                open_now.add(instance)
                stack += waiting
                continue
            open_now.discard(instance)
            self._outputs(instance, cell)
            stack.pop()

    def _outputs(self, instance, cell):
        circuit = self.circuit
        if cell.state:
            value = self.kept[instance] = self._overridden(instance, cell, self.held[instance])
            values = {cell.state.arguments[0]: value}
            for name in cell.state.arguments[1:]:
                values[name] = circuit.add("not", value)
        else:
            values = {name: self._pin(Pin(instance, name)) for name in cell.inputs}
        for name, function in cell.outputs.items():
            pin = Pin(instance, name)
            node = circuit.pins[pin] = circuit.add("buf", circuit.tree(function, values))
            if pin in self.netlist.nets:
                self.of_net[self.netlist.nets[pin]] = node

    def _overridden(self, instance, cell, node):
        """What preset and clear make of a bit that a flip-flop would hold. Clear wins."""
        for control, operator, invert in (("preset", "or", False), ("clear", "and", True)):
            if control in cell.controls:
                values = {name: self._pin(Pin(instance, name)) for name in functions.names(cell.controls[control])}
                node = self.circuit.add(operator, node, self.circuit.tree(cell.controls[control], values, invert))
        return node

    def _edge(self, instance):
        circuit, cell = self.circuit, self.netlist.cells[instance]
        tick = self._pin(Pin(instance, nets.clock_pin(cell)[0]))
        values = {name: self._pin(Pin(instance, name)) for name in functions.names(cell.controls["next_state"])}
        taken = circuit.add("and", circuit.tree(cell.controls["next_state"], values), tick)
        left = circuit.add("and", self.held[instance], circuit.add("not", tick))
        edge = self._overridden(instance, cell, circuit.add("or", taken, left))
        circuit.states.append((self.held[instance], edge, self.kept[instance]))


def circuit_of(netlist):
    """Raises ToolError where the netlist has a loop, or more than one clock."""
    return Lowering(netlist).circuit
