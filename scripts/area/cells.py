"""What synthesis and simulation need of Liberty files: cells, areas, pins, functions, flip-flops, units.

A cell that the flow cannot use, such as a latch or one marked dont_use, has its reason in `unused`, and is left out of
what the tools are given (tables.py).
"""

import itertools
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import functions
from liberty import Group, LibertyError, printable, read_file

TIME_UNITS = ("1ps", "10ps", "100ps", "1ns")
OTHER_STATES = {"latch": "latch", "ff_bank": "bank of flip-flops", "latch_bank": "bank of latches",
                "statetable": "state table"}
SPECIAL = ("pad_cell", "is_level_shifter", "is_isolation_cell", "is_clock_isolation_cell")
NAME = re.compile(r"[A-Za-z_]\w*$")
INVERTER = [True, False]
BUFFER = [False, True]
NAND2 = [True, True, True, False]
NOR2 = [True, False, False, False]
# Library attributes that must agree where cells come from several files: the tables mean different things otherwise.
COMMON = re.compile(r"(nom_(voltage|temperature|process)|\w+_threshold_pct_(rise|fall)|slew_derate_from_library)$")


@dataclass
class Cell:
    """A cell. `outputs` has the function of each output pin as a tree of functions.py, None where it has none or can be
    switched off."""
    name: str
    group: Group
    library: Group
    area: float
    inputs: list
    outputs: dict
    max_load: float = 0.0         # of the first output pin, in the library's unit; 0: not given
    state: Group = None           # its ff(...) group
    controls: dict = field(default_factory=dict)  # trees of next_state, clocked_on, clear, preset
    inverted: bool = False        # `controls` and `outputs` are of the inverse of the state that the file has
    unused: str = None            # why the flow leaves it alone

    @property
    def resettable(self):
        return self.state is not None and not self.unused and bool(self.controls.keys() & {"clear", "preset"})

    def is_function(self, inputs, table):
        """Whether the cell is one function of so many inputs, with this truth table in any order of the pins."""
        if self.state or self.unused or len(self.inputs) != inputs or len(self.outputs) != 1:
            return False
        function = next(iter(self.outputs.values()))
        return [functions.evaluate(function, dict(zip(self.inputs, bits)))
                for bits in itertools.product([False, True], repeat=inputs)] == table


@dataclass
class Library:
    """The cells of one or more files."""
    paths: list
    groups: list                  # library(...) of each file
    cells: dict                   # name: Cell
    time_unit: str
    load_unit: tuple              # (number, "ff" or "pf")
    assumed: list                 # what no file says, as defaults: units, thresholds
    text: str = ""                # what the tools are given, by tables.py
    area_scale: float = 1.0       # of the areas in the text over the library's
    remarks: list = field(default_factory=list)  # what a reader of the results should know of the cells

    @property
    def name(self):
        return "+".join(dict.fromkeys(group.name or path.stem for group, path in zip(self.groups, self.paths)))

    @property
    def files(self):
        return " ".join(map(str, self.paths))

    @property
    def used(self):
        return [cell for cell in self.cells.values() if not cell.unused]

    def smallest(self, inputs, table, least_load=0.0):
        """The smallest cell with that function, or None."""
        found = [cell for cell in self.used if cell.is_function(inputs, table) and cell.max_load >= least_load]
        return min(found, key=lambda cell: (cell.area, cell.name), default=None)

    def nand2(self):
        return self.smallest(2, NAND2)

    def driving_cell(self):
        """A buffer of twice the strength of the smallest inverter: the smallest that may drive 1.8 times the load, or
        else the smallest of all."""
        inverter = self.smallest(1, INVERTER)
        return self.smallest(1, BUFFER, 1.8 * inverter.max_load) or self.smallest(1, BUFFER)


def number(group, name, default=None):
    """A number that an attribute is."""
    text = group.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise LibertyError(f"{group.place(name)}: {printable(name)} is not a number: '{printable(text)}'")
    return value


def is_true(group, name):
    return group.get(name, "false").lower() == "true"


def function_of(group, name, known, what):
    """The tree of an attribute that is a function of known names."""
    text = group.get(name)
    try:
        tree = functions.parse(text)
    except ValueError:
        raise LibertyError(f"{group.place(name)}: the {name} '{printable(text)}' of {what} cannot be read") from None
    unknown = functions.names(tree) - set(known)
    if unknown:
        raise LibertyError(f"{group.place(name)}: the {name} '{printable(text)}' of {what} names "
                           f"{printable(min(unknown))}, which is no pin of it")
    return tree


def invert_state(cell):
    """Writes a flip-flop that keeps the inverse of its input as one that keeps the input: dfflibmap of Yosys 0.23 gets
    the value after reset wrong in the former."""
    controls = cell.controls
    controls["next_state"] = functions.literal(controls["next_state"])[0]
    clear, preset = controls.pop("clear", None), controls.pop("preset", None)
    controls.update({name: tree for name, tree in (("clear", preset), ("preset", clear)) if tree is not None})
    cell.inverted = True


def invert_output(cell, pin_name):
    """The function of an output in terms of the inverse of the state."""
    state, function = cell.state.arguments, cell.outputs[pin_name]
    if function in state and len(state) == 2:
        cell.outputs[pin_name] = state[1 - state.index(function)]
    elif functions.names(function) & set(state):
        cell.unused = cell.unused or "flip-flop without a plain output"


def read_state(cell, what):
    """Reads the ff(...) group; why the flow cannot use such a flip-flop, or None. dfflibmap of Yosys takes those whose
    controls are each one pin or its inverse."""
    state = cell.state
    if not 1 <= len(state.arguments) <= 2 or not all(map(NAME.match, state.arguments)):
        raise LibertyError(f"{state.where}: ff({printable(', '.join(state.arguments))}) of {what} is not of two names")
    for name in ("next_state", "clocked_on", "clear", "preset"):
        if name in state.attributes:
            cell.controls[name] = function_of(state, name, [*cell.inputs, *state.arguments], what)
    for name in ("next_state", "clocked_on"):
        if name not in cell.controls:
            raise LibertyError(f"{state.where}: the flip-flop {what} has no {name}")
    pins = {name: functions.literal(tree) for name, tree in cell.controls.items()}
    plain = None not in pins.values() and {pin for pin, _ in pins.values()} == set(cell.inputs)
    if not plain or "clocked_on_also" in state.attributes:
        return "flip-flop with scan, enable or other logic"
    cell.controls = {name: ("!", pin) if inverted else pin for name, (pin, inverted) in pins.items()}
    if pins["next_state"][1]:
        invert_state(cell)
    return None


def related_pins(timing, cell):
    """The pins that a timing group is from."""
    related = timing.get("related_pin", "").split()
    unknown = set(related) - {*cell.inputs, *cell.outputs}
    if unknown or not related:
        raise LibertyError(f"{timing.place('related_pin')}: timing of {cell.name} is related to "
                           f"{printable(min(unknown, default='no pin'))}, which is no pin of it")
    return related


def has_delays(pin, cell, sources):
    """Whether an output has the delays and slews of both edges from each of these pins."""
    tables = {}
    for timing in pin.all("timing"):
        kinds = {"cell_rise", "cell_fall", "rise_transition", "fall_transition"} & {group.kind for group in timing.groups}
        for related in related_pins(timing, cell) if kinds else []:
            tables[related] = tables.get(related, set()) | kinds
    return all(len(tables.get(source, ())) == 4 for source in sources)


def why_unused(group, cell, area):
    """Why the flow cannot use a cell, without a look at functions: a word for cells of its kind; or None."""
    others = [OTHER_STATES[kind] for kind in OTHER_STATES if group.all(kind)]
    directions = {pin.get("direction") for pin in group.all("pin")}
    if is_true(group, "dont_use"):
        return "dont_use"
    if others:
        return others[0]
    if any(is_true(group, name) for name in SPECIAL) or "clock_gating_integrated_cell" in group.attributes:
        return "cell for pads, power domains or clock gates"
    if group.all("bus", "bundle") or len(group.all("ff")) > 1 or not directions <= {"input", "output"}:
        return "cell with buses or pins of both directions"
    if not all(NAME.match(name) for name in [cell.name, *cell.inputs, *cell.outputs]):
        return "cell with a name that is no identifier"
    if not cell.outputs:
        return "cell without an output"
    if not area:
        return "cell without an area"
    return None


def read_cell(group, library):
    name = group.name
    area = number(group, "area", 0.0)
    if not name:
        raise LibertyError(f"{group.where}: a cell has no name")
    if area < 0:
        raise LibertyError(f"{group.place('area')}: the area of {name} is {area:g}")
    cell = Cell(name, group, library, area, [], {})
    pins = [(pin, pin_name) for pin in group.all("pin") for pin_name in pin.arguments]
    for pin, pin_name in pins:
        if pin.get("direction") == "input":
            cell.inputs.append(pin_name)
        elif pin.get("direction") == "output":
            cell.outputs[pin_name] = None
    cell.unused = why_unused(group, cell, area)
    if cell.unused:
        return cell
    cell.state = next(iter(group.all("ff")), None)
    if cell.state:
        cell.unused = read_state(cell, name)
    known = cell.inputs + (cell.state.arguments if cell.state else [])
    for pin, pin_name in pins:
        if pin_name not in cell.outputs:
            continue
        if "function" not in pin.attributes or "three_state" in pin.attributes:
            cell.unused = "cell with an output that has no function or can be off"
            return cell
        cell.outputs[pin_name] = function_of(pin, "function", known, f"{pin_name} of {name}")
        if cell.inverted:
            invert_output(cell, pin_name)
        sources = functions.names(cell.controls["clocked_on"] if cell.state else cell.outputs[pin_name])
        if not has_delays(pin, cell, sources):
            cell.unused = cell.unused or "cell without tables of delays from each input"
    first = next(pin for pin, pin_name in pins if pin_name in cell.outputs)
    cell.max_load = number(first, "max_capacitance", 0.0)
    if cell.state and not cell.unused and not any(tree in cell.state.arguments for tree in cell.outputs.values()):
        cell.unused = "flip-flop without a plain output"
    return cell


def time_unit(group):
    """One of TIME_UNITS, or None where the library leaves it out."""
    text = group.get("time_unit")
    if text is None:
        return None
    unit = re.sub(r"\s", "", text).lower()
    if unit not in TIME_UNITS:
        raise LibertyError(f"{group.place('time_unit')}: time_unit is '{printable(text)}', "
                           f"not one of {', '.join(TIME_UNITS)}")
    return unit


def load_unit(group):
    """(number, "ff" or "pf"), or None where the library leaves it out."""
    if "capacitive_load_unit" not in group.attributes:
        return None
    where, values = group.place("capacitive_load_unit"), group.attributes["capacitive_load_unit"].values
    try:
        size, unit = float(values[0]), values[1].lower()
    except (IndexError, ValueError):
        size, unit = math.nan, ""
    if not (0 < size < math.inf) or unit not in ("ff", "pf"):
        raise LibertyError(f"{where}: capacitive_load_unit is ({printable(', '.join(values))}), "
                           "not a number and ff or pf")
    return (size, unit)


def femtofarads(unit):
    return round(unit[0] * (1000 if unit[1] == "pf" else 1), 9)


def agree(groups):
    """Raises LibertyError unless what tables mean is the same in all files."""
    first = groups[0]

    def compare(name, one, other, group):
        if one != other:
            raise LibertyError(f"{group.place(name)}: {name} is {group.get(name, 'not given')}, "
                               f"but {first.get(name, 'not given')} at {first.place(name)}")

    for group in groups[1:]:
        compare("time_unit", time_unit(first) or "1ns", time_unit(group) or "1ns", group)
        compare("capacitive_load_unit", femtofarads(load_unit(first) or (1, "pf")),
                femtofarads(load_unit(group) or (1, "pf")), group)
        for name in sorted(filter(COMMON.match, {*first.attributes, *group.attributes})):
            compare(name, number(first, name), number(group, name), group)


def check_needed(library):
    """Raises LibertyError where a cell is missing that abc or the RTL cannot do without."""
    def missing(what, alike):
        left = next((cell for cell in library.cells.values() if cell.unused and alike(cell)), None)
        where = library.groups[0].where if len(library.groups) == 1 else library.files
        raise LibertyError(f"{left.group.where if left else where}: no {what} that the flow can use"
                           + (f"; not used, {left.unused}: {printable(left.name)}" if left else ""))

    def gate(inputs):
        return lambda cell: len(cell.inputs) == inputs and len(cell.outputs) == 1 and not cell.state

    for what, inputs, tables in (("inverter", 1, [INVERTER]), ("buffer", 1, [BUFFER]),
                                 ("2-input NAND or NOR", 2, [NAND2, NOR2])):
        if not any(library.smallest(inputs, table) for table in tables):
            missing(what, gate(inputs))
    if not any(cell.resettable for cell in library.used):
        missing("flip-flop with an asynchronous reset", lambda cell: cell.group.all("ff", "ff_bank"))


def path_list(text):
    """The files of LIBERTY=: their names separated by blanks, or one name that has blanks in it."""
    if os.path.exists(text) or not text.split():
        return [Path(text)]
    return [Path(name) for name in text.split()]


def read_cells(text):
    """The library of one or more files, before its tables are read."""
    paths = path_list(str(text))
    groups = [read_file(path) for path in paths]
    cells = {}
    for group in groups:
        model = group.get("delay_model", "table_lookup")
        if model != "table_lookup":
            raise LibertyError(f"{group.place('delay_model')}: the delay_model '{printable(model)}' is not read, "
                               "only table_lookup")
        for cell_group in group.all("cell"):
            cell = read_cell(cell_group, group)
            if cell.name in cells:
                raise LibertyError(f"{cell_group.where}: cell {cell.name} is also at {cells[cell.name].group.where}")
            cells[cell.name] = cell
    agree(groups)
    assumed = [what for what, unit in (("time_unit 1ns", time_unit(groups[0])),
                                       ("capacitive_load_unit (1, pf)", load_unit(groups[0]))) if unit is None]
    return Library(paths, groups, cells, time_unit(groups[0]) or "1ns", load_unit(groups[0]) or (1.0, "pf"), assumed)
