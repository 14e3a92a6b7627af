"""What a library says of energy: units, capacitances of pins, internal_power and leakage_power of cells.

By Liberty's definition internal_power leaves out what charges the net behind an output, so that this comes on top; its unit
is capacitive_load_unit * voltage_unit^2. Here capacitances are in pF, voltages in V, energies in pJ, leakage in mW and slews
in ns, whatever the units of the library.
"""

import bisect
import math
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "area"))
import functions  # noqa: E402
from cells import femtofarads, function_of, number  # noqa: E402
from liberty import LibertyError, printable  # noqa: E402
from tables import numbers  # noqa: E402

SLEW, LOAD, OTHER_LOAD = "slew", "load", "other load"
AXES = {"input_transition_time": SLEW, "input_net_transition": SLEW, "total_output_net_capacitance": LOAD,
        "output1_net_capacitance": LOAD, "output2_net_capacitance": OTHER_LOAD,
        "equal_or_opposite_output_net_capacitance": OTHER_LOAD}
TABLES = {"rise_power": (True,), "fall_power": (False,), "power": (True, False)}
PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}


def unit(group, name, letter, default):
    """A unit such as "1nW" as a number in W or V; `default` where the library leaves it out."""
    text = group.get(name)
    if text is None:
        return default
    match = re.match(rf"([0-9.]+(?:e[-+]?\d+)?)\s*([munpf]?){letter}$", text.strip(), re.IGNORECASE)
    size = float(match[1]) if match and re.match(r"\d*\.?\d+(e[-+]?\d+)?$|\d+\.$", match[1], re.IGNORECASE) else 0.0
    if not 0 < size < math.inf:
        raise LibertyError(f"{group.place(name)}: {name} is '{printable(text)}', not a number of {letter}")
    return size * PREFIXES[match[2].lower()]


@dataclass
class Units:
    """What a number of the library is worth."""
    capacitance: float   # pF
    voltage: float       # V
    leakage: float       # mW
    time: float          # ns

    @property
    def energy(self):
        """pJ"""
        return self.capacitance * self.voltage * self.voltage


def units_of(library):
    """Raises LibertyError where two files of a library differ in a unit of energy."""
    found = []
    for group in library.groups:
        found.append((unit(group, "voltage_unit", "V", 1.0), 1e3 * unit(group, "leakage_power_unit", "W", 1e-9)))
        if found[-1] != found[0]:
            raise LibertyError(f"{group.where}: its units of voltage and leakage are not those of {library.groups[0].where}")
    scale, name = re.match(r"(\d+)(\w+)", library.time_unit).groups()
    return Units(femtofarads(library.load_unit) / 1000, *found[0], int(scale) * {"ns": 1.0, "ps": 1e-3}[name])


def supply(library, units):
    """The voltage of the default operating conditions, or the nominal one, in V."""
    group = library.groups[0]
    name = group.get("default_operating_conditions")
    chosen = next((one for one in group.all("operating_conditions") if one.name == name), None)
    volts = number(chosen, "voltage") if chosen else None
    if volts is None:
        chosen, volts = group, number(group, "nom_voltage")
    if volts is None:
        raise LibertyError(f"{group.where}: neither nom_voltage nor default_operating_conditions say the supply's voltage")
    if volts <= 0:
        raise LibertyError(f"{chosen.where}: a supply of {volts:g}")
    return volts * units.voltage


class Table:
    """Energies in pJ over slews in ns and loads in pF. Beyond the ends of an axis it is read at the end."""

    def __init__(self, group, templates, units):
        self.axes = []
        if group.name not in ("scalar", ""):
            template = templates.get(group.name)
            if not template:
                raise LibertyError(f"{group.where}: {group.kind} uses a template {printable(group.name)} that the library lacks")
            self._read_axes(group, template, units)
        values = numbers(group, "values")
        count = math.prod(len(index) for _, index in self.axes)
        if values is None or len(values) != count:
            raise LibertyError(f"{group.place('values')}: {group.kind} has {len(values or [])} values, not {count}")
        self.values = [value * units.energy for value in values]

    def _read_axes(self, group, template, units):
        for place in (1, 2, 3):
            variable = template.get(f"variable_{place}")
            if variable is None:
                break
            if variable not in AXES:
                raise LibertyError(f"{template.where}: {group.kind} at {group.where} depends on {printable(variable)}, "
                                   "which is not read")
            index = numbers(group, f"index_{place}") or numbers(template, f"index_{place}")
            if index is None or any(one >= other for one, other in zip(index, index[1:])):
                raise LibertyError(f"{group.where}: index_{place} of {group.kind} is missing or does not rise")
            scale = units.time if AXES[variable] == SLEW else units.capacitance
            self.axes.append((AXES[variable], [value * scale for value in index]))

    def at(self, slew, load, other_load=0.0):
        return self._at(0, 0, {SLEW: slew, LOAD: load, OTHER_LOAD: other_load})

    def _at(self, axis, start, place):
        if axis == len(self.axes):
            return self.values[start]
        kind, index = self.axes[axis]
        stride = math.prod(len(other) for _, other in self.axes[axis + 1:])
        value = min(max(place[kind], index[0]), index[-1])
        low = min(max(bisect.bisect_right(index, value) - 1, 0), max(len(index) - 2, 0))
        below = self._at(axis + 1, start + low * stride, place)
        if len(index) == 1:
            return below
        share = (value - index[low]) / (index[low + 1] - index[low])
        return below if share == 0 else below + share * (self._at(axis + 1, start + (low + 1) * stride, place) - below)


@dataclass
class Rule:
    """One internal_power or leakage_power group."""
    when: object                # a tree, or None
    supply_pin: str             # related_pg_pin: what goes through each of them is added up
    related: tuple = ()         # pins; none: whichever changed
    tables: dict = field(default_factory=dict)   # whether it rises: Table
    leakage: float = 0.0        # mW


def chosen(rules, values):
    """The rules that hold while the pins have these values: of each supply pin the first one whose `when` is true, or else
    the first one without a `when`."""
    found = {}
    for rule in rules:
        if rule.when is not None and rule.supply_pin not in found and functions.evaluate(rule.when, values):
            found[rule.supply_pin] = rule
    for rule in rules:
        if rule.when is None:
            found.setdefault(rule.supply_pin, rule)
    return list(found.values())


class CellPower:
    """Capacitances of all pins, and the rules of outputs, inputs and leakage."""

    def __init__(self, cell, units):
        self.cell = cell
        names = [*cell.inputs, *cell.outputs, *(cell.state.arguments if cell.state else [])]
        templates = {template.name: template for template in cell.library.all("power_lut_template", "lu_table_template")}
        self.capacitance, self.rules = {}, {}
        for pin in cell.group.all("pin"):
            rules = [self._internal(group, names, templates, units) for group in pin.all("internal_power")]
            for name in pin.arguments:
                self.rules[name] = rules
                self.capacitance[name] = units.capacitance * capacitance(pin, cell.library, name in cell.inputs)
        self.leakage = [self._leakage(group, names, units) for group in cell.group.all("leakage_power")]
        if not any(rule.when is None for rule in self.leakage):
            whole = number(cell.group, "cell_leakage_power")
            if whole is None:
                whole = number(cell.library, "default_cell_leakage_power")
            self.says_leakage = whole is not None or bool(self.leakage)
            if not self.leakage or whole is not None:
                supply_pin = self.leakage[0].supply_pin if self.leakage else ""
                self.leakage.append(Rule(None, supply_pin, leakage=units.leakage * (whole or 0.0)))
        else:
            self.says_leakage = True

    def _when(self, group, names):
        return None if group.get("when") is None else function_of(group, "when", names, self.cell.name)

    def _internal(self, group, names, templates, units):
        related = tuple(group.get("related_pin", "").split())
        unknown = set(related) - set(names)
        if unknown:
            raise LibertyError(f"{group.place('related_pin')}: internal_power of {self.cell.name} is related to "
                               f"{printable(min(unknown))}, which is no pin of it")
        tables = {}
        for table in group.groups:
            for edge in TABLES.get(table.kind, ()):
                tables[edge] = Table(table, templates, units)
        return Rule(self._when(group, names), group.get("related_pg_pin", ""), related, tables)

    def _leakage(self, group, names, units):
        value = number(group, "value")
        if value is None:
            raise LibertyError(f"{group.where}: leakage_power of {self.cell.name} has no value")
        return Rule(self._when(group, names), group.get("related_pg_pin", ""), leakage=units.leakage * value)


def capacitance(pin, library, is_input):
    """Of a pin, in the library's unit: the mean of both edges where it has one for each."""
    both = [number(pin, f"{edge}_capacitance") for edge in ("rise", "fall")]
    if None not in both:
        return sum(both) / 2
    default = number(library, "default_input_pin_cap" if is_input else "default_output_pin_cap", 0.0)
    return number(pin, "capacitance", default)


def wire_capacitance(library, units):
    """A function: how much a wire with so many sinks has, in pF, by the library's default wire load; and its name, which is
    None where there is none, so that wires count nothing. As in the paths of `make area`."""
    group = library.groups[0]
    name = group.get("default_wire_load")
    found = next((one for one in group.all("wire_load") if one.name == name), None)
    if not found:
        return (lambda fanout: 0.0), None
    points = []
    for attribute in found.every:
        if attribute.name == "fanout_length":
            try:
                fanout, length = (float(value) for value in attribute.values[:2])
            except ValueError:
                raise LibertyError(f"{attribute.where}: fanout_length is not two numbers") from None
            points.append((fanout, length))
    points.sort()
    slope = number(found, "slope", 0.0)
    of_length = number(found, "capacitance", 0.0) * units.capacitance

    def length(fanout):
        if not points:
            return slope * fanout
        if fanout <= points[0][0]:
            return points[0][1]
        for (low, start), (high, end) in zip(points, points[1:]):
            if fanout <= high:
                return start + (end - start) * (fanout - low) / (high - low)
        return points[-1][1] + slope * (fanout - points[-1][0])

    return (lambda fanout: of_length * length(fanout) if fanout else 0.0), name
