"""Reads of a Liberty file what synthesis and simulation of netlists need: cells, areas, pins, functions, flip-flops."""

import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|\\\r?\n|\s+|"(?P<string>(?:\\.|[^"\\])*)"|(?P<word>[^\s"(){}:;,/]+|/)|(?P<mark>[(){}:;,])',
                   re.DOTALL)


class LibertyError(ValueError):
    """Bad input; the text names the file, and the line where there is one."""


@dataclass
class Group:
    """name(arguments) { attributes; groups }"""
    kind: str
    arguments: list
    attributes: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)

    def all(self, kind):
        return [group for group in self.groups if group.kind == kind]


@dataclass
class Cell:
    """A cell. `outputs` has the function of each output pin, None where it has none or can be switched off."""
    name: str
    area: float
    inputs: list
    outputs: dict
    max_load: float = 0.0         # of the first output pin, in the library's unit
    state: Group = None           # its ff(...) group
    latch: bool = False
    dont_use: bool = False

    def is_function(self, inputs, table):
        """Whether the cell is one function of so many inputs, with this truth table in any order of the pins."""
        if self.state or self.latch or self.dont_use or len(self.inputs) != inputs or len(self.outputs) != 1:
            return False
        function = next(iter(self.outputs.values()))
        if function is None:
            return False
        values = [evaluate(function, dict(zip(self.inputs, bits)))
                  for bits in itertools.product([False, True], repeat=inputs)]
        return values == table


@dataclass
class Library:
    path: Path
    name: str
    cells: dict                   # name: Cell
    attributes: dict

    def smallest(self, what, inputs, table, least_load=0.0):
        found = [cell for cell in self.cells.values()
                 if cell.is_function(inputs, table) and cell.area > 0 and cell.max_load >= least_load]
        if not found:
            raise LibertyError(f"{self.path}: has no {what}")
        return min(found, key=lambda cell: (cell.area, cell.name))

    def nand2(self):
        return self.smallest("2-input NAND", 2, [True, True, True, False])

    def driving_cell(self):
        """A buffer of twice the strength of the smallest inverter: the smallest that may drive 1.8 times the load."""
        inverter = self.smallest("inverter", 1, [True, False])
        return self.smallest("buffer that drives twice the load of the smallest inverter", 1, [False, True],
                             1.8 * inverter.max_load)


def parse_groups(path, text):
    """The one outermost group, library(...)."""
    position, line = 0, 1
    stack, pending = [Group("file", [])], []   # tokens since the last ; { or }

    def fail(what):
        raise LibertyError(f"{path}:{line}: {what}")

    while position < len(text):
        match = TOKEN.match(text, position)
        if not match:
            fail("not Liberty")
        position = match.end()
        kind = match.lastgroup
        if kind in ("string", "word"):
            pending.append((kind, match.group(kind)))
        elif kind == "mark":
            mark = match.group()
            if mark == "{":
                words = [value for what, value in pending if what != "mark"]
                if not words or ("mark", "(") not in pending:
                    fail("a group without a name")
                group = Group(words[0], words[1:])
                stack[-1].groups.append(group)
                stack.append(group)
                pending = []
            elif mark == "}":
                finish(pending, stack[-1])
                pending = []
                if len(stack) == 1:
                    fail("a '}' too many")
                stack.pop()
            elif mark == ";":
                finish(pending, stack[-1])
                pending = []
            else:
                pending.append(("mark", mark))
        newlines = match.group().count("\n")
        line += newlines
        # An attribute may end with its line.
        if newlines and kind is None and not match.group().startswith(("\\", "/")) and complete(pending):
            finish(pending, stack[-1])
            pending = []
    if len(stack) != 1:
        fail(f"ends within {stack[-1].kind}({', '.join(stack[-1].arguments)})")
    groups = stack[0].all("library")
    if len(groups) != 1:
        raise LibertyError(f"{path}: not a Liberty file: it has {len(groups)} groups library(...)")
    return groups[0]


def complete(pending):
    return len(pending) >= 3 and pending[1] == ("mark", ":") and pending[-1][0] != "mark"


def finish(pending, group):
    """Notes `name : value` or `name (values)`."""
    words = [value for what, value in pending if what != "mark"]
    if len(words) >= 2:
        group.attributes[words[0]] = words[1] if len(words) == 2 else " ".join(words[1:])


def number(path, where, text):
    try:
        return float(text)
    except ValueError:
        raise LibertyError(f"{path}: {where} is not a number: '{text}'") from None


def read_cell(path, group):
    name = group.arguments[0] if group.arguments else ""
    inputs, outputs, max_load = [], {}, 0.0
    for pin in group.all("pin"):
        direction = pin.attributes.get("direction", "")
        for pin_name in pin.arguments:
            if direction == "input":
                inputs.append(pin_name)
            elif direction == "output":
                if not outputs:
                    max_load = number(path, f"max_capacitance of {name}", pin.attributes.get("max_capacitance", "0"))
                outputs[pin_name] = None if "three_state" in pin.attributes else pin.attributes.get("function")
    states = group.all("ff")
    latch = bool(group.all("latch") or group.all("statetable") or group.all("ff_bank") or group.all("latch_bank"))
    return Cell(name, number(path, f"the area of {name}", group.attributes.get("area", "0")), inputs, outputs, max_load,
                states[0] if states else None, latch, group.attributes.get("dont_use", "false") == "true")


def read_library(path):
    path = Path(path)
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise LibertyError(f"{path}: cannot read: {error.strerror}") from None
    group = parse_groups(path, text)
    cells = {}
    for cell_group in group.all("cell"):
        cell = read_cell(path, cell_group)
        cells[cell.name] = cell
    if not any(cell.state and not cell.dont_use for cell in cells.values()):
        raise LibertyError(f"{path}: has no flip-flop")
    library = Library(path, group.arguments[0] if group.arguments else path.stem, cells, group.attributes)
    library.nand2()
    library.driving_cell()
    return library


# Functions -----------------------------------------------------------------------------------------------------------

def to_verilog(function):
    """A Liberty function as a Verilog expression: ' after an operand inverts it, a space is an AND, ^ binds tightest of
    the binary operators, then AND, then OR. Raises ValueError where it is not a function."""
    tokens = re.findall(r"[A-Za-z_][\w\[\]]*|[01]|[!'*&+|^()]|\S", function)
    position = 0

    def peek():
        return tokens[position] if position < len(tokens) else None

    def take():
        nonlocal position
        position += 1
        return tokens[position - 1]

    def operand():
        token = take() if peek() is not None else ""
        if token == "!":
            text = f"(~{operand()})"
        elif token == "(":
            text = either()
            if peek() != ")":
                raise ValueError(function)
            take()
        elif token in ("0", "1"):
            text = f"1'b{token}"
        elif re.match(r"[A-Za-z_]", token):
            text = token
        else:
            raise ValueError(function)
        while peek() == "'":
            take()
            text = f"(~{text})"
        return text

    def differ():
        text = operand()
        while peek() == "^":
            take()
            text = f"({text} ^ {operand()})"
        return text

    def both():
        text = differ()
        while peek() is not None and peek() not in ("+", "|", ")", "'", "^"):
            if peek() in ("*", "&"):
                take()
            text = f"({text} & {differ()})"
        return text

    def either():
        text = both()
        while peek() in ("+", "|"):
            take()
            text = f"({text} | {both()})"
        return text

    text = either()
    if peek() is not None:
        raise ValueError(function)
    return text


def evaluate(function, pins):
    """The value of a function, with the values of its pins."""
    text = re.sub(r"~", " not ", to_verilog(function)).replace("&", " and ").replace("|", " or ").replace("^", "!=")
    text = text.replace("1'b0", "False").replace("1'b1", "True")
    return bool(eval(text.strip(), {"__builtins__": {}}, pins))  # names, constants and operators only, see to_verilog
