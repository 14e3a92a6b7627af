"""Writes a library as one Liberty file for Yosys, abc and OpenSTA: the cells that the flow uses, their functions and
tables of delays, in the strictest form of the language and with the units named.

So all tools see the same cells, in whatever form and in however many files they came, and a table that a tool would
leave out with a warning is found here, with its place. Of operating conditions and models of wires, the default ones
are kept, which OpenSTA goes by; power is left out.
"""

import math
import re

import functions
from cells import check_needed, femtofarads, number, read_cells, related_pins
from liberty import Group, LibertyError, printable

DELAYS = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
CONSTRAINTS = ("rise_constraint", "fall_constraint")
# What a table may depend on, as OpenSTA 2.0.17 reads them.
DELAY_AXES = ("input_net_transition", "input_transition_time", "total_output_net_capacitance",
              "related_out_total_output_net_capacitance")
CONSTRAINT_AXES = ("constrained_pin_transition", "related_pin_transition", "related_out_total_output_net_capacitance")
TIMING_WORDS = {
    "timing_sense": ("positive_unate", "negative_unate", "non_unate"),
    "timing_type": (
        "combinational", "combinational_rise", "combinational_fall", "rising_edge", "falling_edge", "preset",
        "clear", "three_state_enable", "three_state_enable_rise", "three_state_enable_fall",
        "three_state_disable", "three_state_disable_rise", "three_state_disable_fall", "max_clock_tree_path",
        "min_clock_tree_path", "min_pulse_width", "minimum_period", "nochange_high_high", "nochange_high_low",
        "nochange_low_high", "nochange_low_low",
        *(f"{check}_{edge}"
          for check in ("setup", "hold", "recovery", "removal", "skew", "non_seq_setup", "non_seq_hold")
          for edge in ("rising", "falling")))}
LIBRARY_NUMBERS = re.compile(r"""(\w+_threshold_pct_(rise|fall) | slew_derate_from_library
                             | nom_(process|temperature|voltage)
                             | default_(max_transition|max_capacitance|max_fanout|fanout_load)
                             | default_wire_load_(resistance|capacitance|area) | k_\w+)$""", re.VERBOSE)
# Where on an edge delays and slews are measured, in percent: Liberty's defaults. OpenSTA reads no library without them.
THRESHOLDS = {**{f"{side}_threshold_pct_{edge}": 50 for side in ("input", "output") for edge in ("rise", "fall")},
              **{f"slew_lower_threshold_pct_{edge}": 20 for edge in ("rise", "fall")},
              **{f"slew_upper_threshold_pct_{edge}": 80 for edge in ("rise", "fall")}}
PIN_NUMBERS = ("capacitance", "rise_capacitance", "fall_capacitance", "max_capacitance", "max_transition")


def listed(text):
    """The numbers of an index or a row of a table."""
    return [float(word) for word in re.split(r"[\s,]+", text.strip(" \t\r\n,")) if word]


def numbers(group, name):
    """An attribute's lists of numbers as one list, or None where it is not given."""
    if name not in group.attributes:
        return None
    try:
        found = [value for text in group.attributes[name].values for value in listed(text)]
    except ValueError:
        found = [math.nan]
    if not found or not all(map(math.isfinite, found)):
        raise LibertyError(f"{group.place(name)}: {name} of {group.kind} is not a list of numbers")
    return found


def shown(values):
    return ", ".join(f"{value:.9g}" for value in values)


class Writer:
    """The text of one file's cells. Templates are named anew, since two files may use one name for two of them."""

    def __init__(self, group, prefix, scale):
        self.group = group
        self.scale = scale    # of areas
        self.prefix = prefix
        self.templates = {template.name: template for template in group.all("lu_table_template")}
        self.written = {}     # name of a template: its text

    def axes(self, table):
        """[(what the table depends on, numbers)] of a table. A scalar has none."""
        if table.name in ("scalar", ""):
            return []
        template = self.templates.get(table.name)
        if not template:
            raise LibertyError(f"{table.where}: {table.kind} uses a template {printable(table.name)} "
                               "that the library lacks")
        axes = []
        for place in (1, 2, 3):
            variable = template.get(f"variable_{place}")
            if variable is None:
                break
            index = numbers(table, f"index_{place}") or numbers(template, f"index_{place}")
            if index is None:
                raise LibertyError(f"{table.where}: {table.kind} has no index_{place}, nor has its template")
            if any(one >= other for one, other in zip(index, index[1:])):
                owner = table if f"index_{place}" in table.attributes else template
                raise LibertyError(f"{owner.place(f'index_{place}')}: index_{place} of {table.kind} does not rise")
            axes.append((variable, index))
        return axes

    def table(self, table):
        """The lines of a table; none for a constraint that depends on what no tool reads."""
        axes = self.axes(table)
        values = numbers(table, "values")
        count = math.prod(len(index) for _, index in axes)
        if values is None or len(values) != count:
            raise LibertyError(f"{table.place('values')}: {table.kind} has {len(values or [])} values, not {count}")
        known = DELAY_AXES if table.kind in DELAYS else CONSTRAINT_AXES
        unknown = [variable for variable, _ in axes if variable not in known]
        if unknown and table.kind in DELAYS:
            raise LibertyError(f"{self.templates[table.name].where}: {table.kind} at {table.where} depends on "
                               f"{printable(unknown[0])}, which is not read")
        if unknown:
            return []
        name = "scalar"
        if axes:
            name = self.prefix + re.sub(r"\W", "_", table.name)
            lines = [f"variable_{place} : {variable};" for place, (variable, _) in enumerate(axes, 1)]
            default = [f'index_{place} ("{shown(numbers(self.templates[table.name], f"index_{place}") or index)}");'
                       for place, (_, index) in enumerate(axes, 1)]
            self.written[name] = f"  lu_table_template ({name}) {{ {' '.join(lines + default)} }}"
        row = len(axes[-1][1]) if axes else 1
        rows = [f'"{shown(values[at:at + row])}"' for at in range(0, count, row)]
        index = [f'index_{place} ("{shown(index)}");' for place, (_, index) in enumerate(axes, 1)]
        return [f"        {table.kind} ({name}) {{ {' '.join(index)}", f"          values ({', '.join(rows)}); }}"]

    def timing(self, timing, cell):
        """The lines of a timing group; none where no tables are left."""
        tables = [line for table in timing.all(*DELAYS, *CONSTRAINTS) for line in self.table(table)]
        if not tables:
            return []
        lines = [f'        related_pin : "{" ".join(related_pins(timing, cell))}";']
        for name in ("timing_sense", "timing_type"):
            if name in timing.attributes:
                word = timing.get(name)
                if word not in TIMING_WORDS[name]:
                    raise LibertyError(f"{timing.place(name)}: {name} is '{printable(word)}'")
                lines.append(f"        {name} : {word};")
        if "when" in timing.attributes:
            try:
                lines.append(f'        when : "{functions.to_liberty(functions.parse(timing.get("when")))}";')
            except ValueError:
                raise LibertyError(f"{timing.place('when')}: the when '{printable(timing.get('when'))}' "
                                   "cannot be read") from None
        return ["      timing () {", *lines, *tables, "      }"]

    def pin(self, cell, pin, name):
        lines = [f"    pin ({name}) {{", f"      direction : {pin.get('direction')};"]
        if pin.get("clock", "").lower() == "true":
            lines.append("      clock : true;")
        if name in cell.outputs:
            lines.append(f'      function : "{functions.to_liberty(cell.outputs[name])}";')
        default = number(self.group, "default_input_pin_cap" if name in cell.inputs else "default_output_pin_cap")
        for attribute in PIN_NUMBERS:
            value = number(pin, attribute, default if attribute == "capacitance" else None)
            if value is not None:
                lines.append(f"      {attribute} : {value:.9g};")
        for attribute in ("rise_capacitance_range", "fall_capacitance_range"):
            if attribute in pin.attributes:
                lines.append(f"      {attribute} ({shown(numbers(pin, attribute)[:2])});")
        for timing in pin.all("timing"):
            lines += self.timing(timing, cell)
        return [*lines, "    }"]

    def cell(self, cell):
        lines = [f"  cell ({cell.name}) {{", f"    area : {cell.area * self.scale:.9g};"]
        if cell.state:
            controls = "".join(f' {name} : "{functions.to_liberty(tree)}";' for name, tree in cell.controls.items())
            lines.append(f"    ff ({', '.join(cell.state.arguments)}) {{{controls} }}")
        for pin in cell.group.all("pin"):
            for name in pin.arguments:
                lines += self.pin(cell, pin, name)
        return [*lines, "  }"]


def numbers_in(group, names):
    """The lines of those attributes of a group that are numbers, or (numbers), which may be given more than once."""
    lines = []
    for one in group.every:
        if one.name in names:
            values = numbers(Group(group.kind, [], one.where, {one.name: one}), one.name)
            lines.append(f"    {one.name} : {shown(values[:1])};" if names[one.name] == 1 else
                         f"    {one.name} ({shown(values[:names[one.name]])});")
    return lines


def conditions(group):
    """The default operating conditions. Without them OpenSTA takes the tables as they are."""
    name = group.get("default_operating_conditions")
    found = next((one for one in group.all("operating_conditions") if one.name == name), None)
    if not found:
        return []
    lines = numbers_in(found, {"process": 1, "temperature": 1, "voltage": 1})
    if found.get("tree_type") in ("balanced_tree", "best_case_tree", "worst_case_tree"):
        lines.append(f"    tree_type : {found.get('tree_type')};")
    return [f'  operating_conditions ("{name}") {{', *lines, "  }", f'  default_operating_conditions : "{name}";']


def wires(group):
    """The model of wires that the library names as its default. Without one OpenSTA takes wires as nothing."""
    name = group.get("default_wire_load")
    found = next((one for one in group.all("wire_load") if one.name == name), None)
    if not found:
        return []
    lines = numbers_in(found, {"resistance": 1, "capacitance": 1, "area": 1, "slope": 1, "fanout_length": 2})
    mode = group.get("default_wire_load_mode")
    return [f'  wire_load ("{name}") {{', *lines, "  }", f'  default_wire_load : "{name}";',
            *([f"  default_wire_load_mode : {mode};"] if mode in ("top", "segmented", "enclosed") else [])]


def head_of(library):
    """What holds for all cells."""
    group = library.groups[0]
    lines = [f"library ({re.sub(r'[^A-Za-z0-9_]', '_', library.name)}) {{", "  delay_model : table_lookup;",
             f'  time_unit : "{library.time_unit}";',
             f"  capacitive_load_unit ({femtofarads(library.load_unit):.9g}, ff);",
             '  voltage_unit : "1V";', '  current_unit : "1mA";',
             f'  pulling_resistance_unit : "{resistance_unit(group)}";']
    lines += [f"  {name} : {number(group, name):.9g};" for name in group.attributes if LIBRARY_NUMBERS.match(name)]
    absent = [name for name in THRESHOLDS if name not in group.attributes]
    lines += [f"  {name} : {THRESHOLDS[name]};" for name in absent]
    if absent:
        library.assumed.append(f"{len(absent)} thresholds of 50, 20 and 80 %")
    modelled = wires(group)
    if modelled:
        name = printable(group.get("default_wire_load"))
        library.remarks.append(f"Wires: for sta as the library's default wire load {name} has them.")
    return lines + conditions(group) + modelled


def resistance_unit(group):
    """The unit of a wire load's resistance; Liberty's own default where it is left out."""
    unit = re.sub(r"\s", "", group.get("pulling_resistance_unit", "1kohm")).lower()
    if not re.match(r"(1|10|100)(k?)ohm$", unit):
        raise LibertyError(f"{group.place('pulling_resistance_unit')}: pulling_resistance_unit is '{printable(unit)}'")
    return unit


def has_setup(cell, text):
    """Whether the text of a flip-flop has a setup time that a tool reads."""
    return not cell.state or "timing_type : setup_" in text


def check_capacitances(library):
    """abc fails without a word on an input that takes no charge, or more than any cell may drive."""
    loads = [cell.max_load for cell in library.used]
    most = max(loads) if min(loads) > 0 else math.inf
    for cell in library.used:
        default = number(cell.library, "default_input_pin_cap", 0.0)
        for pin in cell.group.all("pin"):
            capacitance = number(pin, "capacitance", default)
            least = 0 if cell.state else 1e-30
            if pin.get("direction") == "input" and not least <= capacitance <= most:
                raise LibertyError(f"{pin.place('capacitance')}: the capacitance of input {pin.name} of {cell.name} is "
                                   f"{capacitance:g}"
                                   + (f", more than any cell may drive ({most:g})" if capacitance > most else ""))


def area_scale(library):
    """What areas are multiplied by for the tools: abc is handed two decimals of an area, with which it could not tell
    cells of a few hundredths apart."""
    scale = 1.0
    while min(cell.area for cell in library.used) * scale < 1:
        scale *= 10
    return scale


def write(library):
    """Fills in the library's text and remarks."""
    head = head_of(library)
    library.area_scale = area_scale(library)
    templates, bodies, untimed = {}, [], []
    writers = {id(group): Writer(group, f"t{place}_", library.area_scale) for place, group in enumerate(library.groups)}
    for cell in library.used:
        text = "\n".join(writers[id(cell.library)].cell(cell))
        bodies.append(text)
        if not has_setup(cell, text):
            untimed.append(cell.name)
    for writer in writers.values():
        templates.update(writer.written)
    library.text = "\n".join([*head, *templates.values(), *bodies, "}", ""])
    reasons = {}
    for cell in library.cells.values():
        if cell.unused:
            reasons.setdefault(cell.unused, []).append(cell.name)
    if library.assumed:
        library.remarks.append(f"The library leaves out what Liberty has defaults for: {', '.join(library.assumed)}.")
    if untimed:
        library.remarks.append(f"No setup time that can be read: {', '.join(untimed)}. "
                               "Paths to their inputs are not timed.")
    for reason, names in sorted(reasons.items()):
        library.remarks.append(f"Not used, {reason}: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}"
                               f" ({len(names)}).")


def read_library(text):
    """The library in the files of LIBERTY=, ready for the tools. Raises LibertyError where it cannot be used."""
    library = read_cells(text)
    check_needed(library)
    check_capacitances(library)
    write(library)
    return library
