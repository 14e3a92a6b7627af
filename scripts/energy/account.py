"""From counted transitions to energy: of each instance, in pJ for all clocks that were counted."""

from collections import Counter
from dataclasses import dataclass, field

from netlist import PORT, Pin
from transitions import Meaning

PARTS = ("switching", "internal", "clock")


@dataclass
class Spent:
    """What was counted: pJ by (instance, part), mW of leakage by instance; the pins of the top are the instance PORT."""
    energy: Counter = field(default_factory=Counter)
    leakage: Counter = field(default_factory=Counter)
    toggles: Counter = field(default_factory=Counter)   # of each net
    untold: float = 0.0                                 # changes of outputs for which the library has no internal_power
    outputs: float = 0.0                                # changes of outputs

    def total(self, part):
        return sum(value for (_, of), value in self.energy.items() if of == part)


class Loads:
    """The capacitance of each net, in pF: all its pins, and its wire, by its fan-out or as a layout has it."""

    def __init__(self, netlist, powers, wire, routed=None):
        self.of_net = Counter()
        for pin, net in netlist.nets.items():
            if pin.instance != PORT and not isinstance(net, bool):
                self.of_net[net] += powers[netlist.cells[pin.instance].name].capacitance.get(pin.name, 0.0)
        for net in netlist.drivers:
            self.of_net[net] += routed[net] if routed else wire(len(netlist.sinks.get(net, ())))


class Accountant:
    """Adds up one netlist. `powers`: {cell: CellPower}; `slews`: {Pin: (falling, rising)} in ns;
    `routed`: {net: pF of its wire}, where there is a layout."""

    def __init__(self, netlist, circuit, powers, wire, slews, volts, routed=None):
        self.netlist, self.powers, self.slews = netlist, powers, slews
        self.square = 0.5 * volts * volts
        self.loads = Loads(netlist, powers, wire, routed).of_net
        self.meanings = {name: Meaning(power) for name, power in powers.items()}
        self.clock = netlist.nets[next(pin for pin in circuit.clocks if pin.instance == PORT)] if circuit.clocks else None
        self.clocked = [pin.instance for pin in circuit.clocks if pin.instance != PORT]

    def _price(self, instance, event):
        """pJ of an event of an instance."""
        rule = self.powers[self.netlist.cells[instance].name].rules[event.pin][event.rule]
        slew = self.slews.get(Pin(instance, event.source), (0.0, 0.0))[event.source_rising]
        net = self.netlist.nets.get(Pin(instance, event.pin))
        others = [self.loads[self.netlist.nets[Pin(instance, name)]] for name in self.netlist.cells[instance].outputs
                  if name != event.pin and Pin(instance, name) in self.netlist.nets]
        return rule.tables[event.rising].at(slew, self.loads.get(net, 0.0), others[0] if others else 0.0)

    def spent(self, activity):
        found = Spent()
        for instance, cell in self.netlist.cells.items():
            events = Counter()
            for number, times in activity.transitions[instance]:
                for event, share in self.meanings[cell.name].events(number):
                    events[event] += share * times
            clock = self.meanings[cell.name].pins.clock
            for event, times in events.items():
                self._add(found, instance, event, times, clock, activity.clocks)
        self._ports(found, activity)
        return found

    def _add(self, found, instance, event, times, clock, clocks):
        if event.kind == "leak":
            power = self.powers[self.netlist.cells[instance].name]
            found.leakage[instance] += power.leakage[event.rule].leakage * times / clocks
        elif event.kind == "net":
            found.outputs += times
            net = self.netlist.nets.get(Pin(instance, event.pin))
            if net is not None:  # an output that leads nowhere has no net to charge
                found.toggles[net] += times
                found.energy[instance, "switching"] += self.square * self.loads[net] * times
        elif event.kind == "missing":
            found.untold += times
        else:
            part = "clock" if event.kind == "input" and event.pin == clock else "internal"
            found.energy[instance, part] += times * self._price(instance, event)

    def _ports(self, found, activity):
        """The nets of the top's inputs, by what their sinks see; and the clock's, which toggles twice in a clock and counts
        for the flip-flops that it drives, to equal parts."""
        for pin in self.netlist.inputs:
            net = self.netlist.nets[pin]
            sinks = [sink for sink in self.netlist.sinks.get(net, []) if sink.instance != PORT]
            if net == self.clock:
                found.toggles[net] += 2 * activity.clocks
                for instance in self.clocked:
                    found.energy[instance, "clock"] += (2 * activity.clocks * self.square * self.loads[net]
                                                        / len(self.clocked))
            elif sinks:
                instance, name = sinks[0]
                place = self.meanings[self.netlist.cells[instance].name].pins.inputs.index(name)
                count = self.meanings[self.netlist.cells[instance].name].pins.count
                times = sum(times for number, times in activity.transitions[instance]
                            if (number >> place ^ number >> (place + count)) & 1)
                found.toggles[net] += times
                found.energy[PORT, "switching"] += self.square * self.loads[net] * times
