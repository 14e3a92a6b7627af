"""What a transition of a cell means for its energy: which nets toggle, which rules of the library apply.

A transition is the values of a cell's pins in one clock and in the next, both settled. What happens between them:

- A gate. All inputs that differ change; an output that differs follows. Its internal energy is that of the inputs that
  changed, those alone that the library relates it to, an equal part of it from each. `when` is read with the values after.
- A flip-flop. First the edge of the clock that counts, with data and contents as they were; then its outputs; then the data,
  half of it while the clock is 1 and half while it is 0; then the other edge, half of it with the data before and half after.
  Asynchronous controls count as data; an output that changes while one of them is active is theirs.
"""

import functools
from typing import NamedTuple

import functions
from netlist import clock_pin
from power import chosen

HALVES = (False, True)


class Event(NamedTuple):
    """One thing that takes energy. `net`: an output toggles its net. `output`: an output changes as `source` does, by
    `rule`. `input`: an input changes, by `rule`. `leak`: the cell leaks by `rule` for a clock. Of `missing`, an output
    changes and no rule of the library says what it takes."""
    kind: str
    pin: str
    rising: bool = False      # of the pin
    source: str = ""
    source_rising: bool = False
    rule: int = -1            # its place among the rules of the pin, or of the leakage


class Pins:
    """The pins of a cell that are looked at, in the order of the bits of a transition: all inputs of a gate; of a flip-flop
    all but the clock, and last the bit that it holds."""

    def __init__(self, cell):
        self.cell = cell
        self.clock, self.falling = clock_pin(cell) if cell.state else ("", False)
        self.inputs = [name for name in cell.inputs if name != self.clock]
        self.count = len(self.inputs) + (1 if cell.state else 0)

    def values(self, bits):
        """Of inputs, contents and outputs; the clock is left out."""
        cell = self.cell
        values = {name: bool(bits >> place & 1) for place, name in enumerate(self.inputs)}
        if cell.state:
            held = bool(bits >> len(self.inputs) & 1)
            values.update({name: held == (place == 0) for place, name in enumerate(cell.state.arguments)})
        outputs = {name: functions.evaluate(tree, values) for name, tree in cell.outputs.items()}
        if cell.inverted:  # `when` has the names of the file
            values.update({name: not values[name] for name in cell.state.arguments})
        return {**values, **outputs}


class Meaning:
    """The events of each transition of a cell."""

    def __init__(self, power):
        self.power = power
        self.cell = power.cell
        self.pins = Pins(self.cell)

    @functools.lru_cache(maxsize=None)
    def events(self, number):
        """((event, how often), ...) of transition `number` of testbench/energy/activity.hpp."""
        mask = (1 << self.pins.count) - 1
        before, after = self.pins.values(number & mask), self.pins.values(number >> self.pins.count)
        found = {}

        def add(event, share=1.0):
            found[event] = found.get(event, 0.0) + share

        if self.cell.state:
            self._flip_flop(before, after, add)
        else:
            self._gate(before, after, add)
        return tuple(found.items())

    def _gate(self, before, after, add):
        changed = [name for name in self.pins.inputs if before[name] != after[name]]
        for name in changed:
            self._input(name, after[name], after, add)
        for name in self.cell.outputs:
            if before[name] != after[name]:
                self._output(name, after[name], [(source, after[source]) for source in changed], after, add)
        self._leak(after, add)

    def _flip_flop(self, before, after, add):
        clock = self.pins.clock
        active = not self.pins.falling
        self._input(clock, active, {**before, clock: active}, add)
        controls = [tree for name, tree in self.cell.controls.items() if name in ("clear", "preset")]
        asynchronous = sorted(set().union(*map(functions.names, controls))) if controls else []
        forced = [(name, after[name]) for name in asynchronous if before[name] != after[name]]
        acting = any(functions.evaluate(tree, after) for tree in controls)
        sources = forced if forced and acting else [(clock, active)]
        for name in self.cell.outputs:
            if before[name] != after[name]:
                self._output(name, after[name], sources, {**before, clock: active}, add)
        for name in self.pins.inputs:
            if before[name] != after[name]:
                for level in HALVES:
                    self._input(name, after[name], {**after, clock: level}, add, 0.5)
        for data in (before, after):
            held = {name: after[name] for name in (*self.cell.outputs, *self.cell.state.arguments)}
            self._input(clock, not active, {**data, **held, clock: not active}, add, 0.5)
        for level in HALVES:
            self._leak({**after, clock: level}, add, 0.5)

    def _rules(self, kind, pin, rules, values):
        every = self.power.leakage if kind == "leak" else self.power.rules.get(pin, [])
        return [next(place for place, one in enumerate(every) if one is rule) for rule in chosen(rules, values)]

    def _input(self, pin, rising, values, add, share=1.0):
        rules = [rule for rule in self.power.rules.get(pin, []) if rising in rule.tables]
        for place in self._rules("input", pin, rules, values):
            add(Event("input", pin, rising, pin, rising, place), share)

    def _output(self, pin, rising, sources, values, add):
        add(Event("net", pin, rising))
        known = {}
        for source, edge in sources:
            rules = [rule for rule in self.power.rules.get(pin, [])
                     if rising in rule.tables and (not rule.related or source in rule.related)]
            places = self._rules("output", pin, rules, values)
            if places:
                known[source, edge] = places
        if not known:
            add(Event("missing", pin, rising))
        for (source, edge), places in known.items():
            for place in places:
                add(Event("output", pin, rising, source, edge, place), 1 / len(known))

    def _leak(self, values, add, share=1.0):
        for place in self._rules("leak", "", self.power.leakage, values):
            add(Event("leak", "", rule=place), share)

