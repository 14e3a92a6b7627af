"""The stuck-at faults of a netlist, and which of them are one and the same.

Every pin of every instance and every bit of a port can be stuck at 0 and at 1: the output pin of a gate is the stem of
its net, the input pins on it are the branches. Two faults are equivalent where the netlist with one behaves as the
netlist with the other. What is found of that is structural, and follows from the functions of the cells:

- two faults of pins of one gate that leave it with the same function: a 0 at an input and at the output of an AND;
- driver and sink of a net that has one sink;
- both faults of a pin of the clock: the flip-flops behind it keep what they hold.

Structural are also the faults that no test can show: of an output pin that leads nowhere, and of a pin after which its
gate does what it did before, as when it is tied to that very constant.
"""

import itertools
from typing import NamedTuple

import netlist as nets
from netlist import PORT, Pin, functions


class Fault(NamedTuple):
    """A pin that is stuck."""
    pin: Pin
    value: bool

    def __str__(self):
        return f"{self.pin} stuck at {int(self.value)}"


class Classes:
    """Sets of equivalent faults, each with a first one that stands for it."""

    def __init__(self, faults):
        self.parent = {fault: fault for fault in faults}
        self.order = {fault: number for number, fault in enumerate(faults)}

    def first(self, fault):
        while self.parent[fault] != fault:
            self.parent[fault] = self.parent[self.parent[fault]]
            fault = self.parent[fault]
        return fault

    def join(self, one, other):
        one, other = sorted((self.first(one), self.first(other)), key=self.order.get)
        self.parent[other] = one

    def groups(self):
        """{first: all of its class}"""
        groups = {}
        for fault in self.parent:
            groups.setdefault(self.first(fault), []).append(fault)
        return groups


def tables(cell, outputs, fixed, stuck=None):
    """What a gate computes, with some inputs fixed and maybe a pin stuck: a truth table of each of these outputs, over
    the inputs that are not fixed."""
    free = [name for name in cell.inputs if name not in fixed]
    rows = []
    for bits in itertools.product((False, True), repeat=len(free)):
        values = {**fixed, **dict(zip(free, bits))}
        if stuck and stuck[0] in values:
            values[stuck[0]] = stuck[1]
        rows.append(tuple(stuck[1] if stuck and stuck[0] == name else bool(functions.evaluate(cell.outputs[name], values))
                          for name in outputs))
    return tuple(rows)


class FaultList:
    """The faults of a netlist. `unseen`: those that no test can show, by the structure alone, with the reason."""

    def __init__(self, netlist):
        self.netlist = netlist
        self.faults = [Fault(pin, value) for pin in netlist.pins() for value in (False, True)]
        self.unseen = {}
        self.classes = Classes(self.faults)
        self._cells = {}  # what equivalent() found of a kind of cell
        for instance, cell in netlist.cells.items():
            self._join_cell(instance, cell)
        for net, driver in netlist.drivers.items():
            sinks = netlist.sinks.get(net, [])
            for value in (False, True):
                if not sinks:
                    self.unseen[Fault(driver, value)] = "its net leads nowhere"
                elif len(sinks) == 1:
                    self.classes.join(Fault(driver, value), Fault(sinks[0], value))
        for pin in netlist.inputs:
            if self._control(pin) == "clock":
                self.classes.join(Fault(pin, False), Fault(pin, True))
        for pin in netlist.outputs:
            if netlist.constant(pin) is not None:
                self.unseen[Fault(pin, netlist.constant(pin))] = "tied to it"
        self.groups = self.classes.groups()

    def _join_cell(self, instance, cell):
        for name in cell.outputs:
            if Pin(instance, name) not in self.netlist.nets:
                self.unseen.update({Fault(Pin(instance, name), value): "its net leads nowhere" for value in (False, True)})
        outputs = tuple(name for name in cell.outputs if Pin(instance, name) in self.netlist.nets)
        fixed = {name: self.netlist.constant(Pin(instance, name)) for name in cell.inputs}
        fixed = {name: value for name, value in fixed.items() if value is not None}
        key = (cell.name, outputs, tuple(sorted(fixed.items())))
        if key not in self._cells:
            self._cells[key] = equivalent(cell, outputs, fixed)
        alike, without = self._cells[key]
        for one, other in alike:
            self.classes.join(Fault(Pin(instance, one[0]), one[1]), Fault(Pin(instance, other[0]), other[1]))
        for (name, value), reason in without.items():
            self.unseen[Fault(Pin(instance, name), value)] = reason

    def unseen_reason(self, first):
        """Why no test can show a class of faults, or None where structure alone does not say so."""
        return next((self.unseen[fault] for fault in self.groups[first] if fault in self.unseen), None)

    def kind(self, fault):
        """clock, reset or logic: what a fault is a fault of. The clock's are those on nets that reach clock pins only."""
        return next((kind for member in self.groups[self.classes.first(fault)]
                     if (kind := self._control(member.pin)) != "logic"), "logic")

    def _control(self, pin):
        if pin.instance == PORT:
            if not self.netlist.drives(pin):
                return "logic"
            kinds = {self._control(sink) for sink in self.netlist.sinks.get(self.netlist.nets[pin], [])}
            return kinds.pop() if len(kinds) == 1 else "logic"
        cell = self.netlist.cells[pin.instance]
        if not cell.state:
            return "logic"
        return next(({"clocked_on": "clock", "clear": "reset", "preset": "reset"}[control]
                     for control in ("clocked_on", "clear", "preset")
                     if pin.name in functions.names(cell.controls.get(control, False))), "logic")


def equivalent(cell, outputs, fixed):
    """([(fault, fault) of one class], {fault that changes nothing: why}), a fault being (pin, value)."""
    pins = [*cell.inputs, *outputs]
    if cell.state:
        clock = nets.clock_pin(cell)[0]
        return [((clock, False), (clock, True))], {(name, value): "tied to it" for name, value in fixed.items()}
    good = tables(cell, outputs, fixed)
    alike, without, first = [], {}, {}
    for fault in itertools.product(pins, (False, True)):
        behaviour = tables(cell, outputs, fixed, fault)
        if behaviour == good:
            without[fault] = "tied to it" if fault[0] in fixed else "its gate does the same with it"
        if behaviour in first:
            alike.append((first[behaviour], fault))
        first.setdefault(behaviour, fault)
    return alike, without
