"""Which module, file and line a signal of a simulated unit comes from, by the text of the RTL. See coverage.py."""

import re
from dataclasses import dataclass

MODULE = re.compile(r"^(?:/\*.*\*/ *)?module +(\w+)")
GENERATE = re.compile(r"\bbegin *: *(\w+)")
FUNCTION = re.compile(r"^ *(end)?function\b")
SIGNAL = re.compile(r"^ *(?:(?:input|output) +)?logic\b(?: +signed\b)? *(.*)")
INSTANCE = re.compile(r"^ *(?:(\w+) +(?:#\(.*\) *)?|\) +)(u_\w+) \(")
INSTANTIATED = re.compile(r"^ *(\w+) +#\($")


@dataclass(frozen=True)
class Place:
    """A line point or a bit, of every instance in every unit."""
    kind: str     # line or toggle
    file: str
    line: int
    column: int
    module: str
    name: str     # of a line point: block, if, else, elsif, case; of a toggle: signal[bit]


def names_of(declaration):
    """'[7:0] a_i, // text' -> ['a_i']"""
    text = re.split(r";|//", declaration)[0]
    less = None
    while less != text:
        less, text = text, re.sub(r"\[[^\[\]]*\]|\([^()]*\)|=.*", "", text)
    return [name.strip() for name in text.split(",") if re.fullmatch(r"\w+", name.strip())]


class Module:
    def __init__(self, name, file):
        self.name, self.file = name, file
        self.signals = {}    # (generate block or None, name): line; the block that begins last before it
        self.instances = {}  # (generate block or None, instance): module name


class Rtl:
    """The modules of some files, and a top module."""

    def __init__(self, root, files, top):
        self.modules, self.top = {}, top
        self.known = {}
        for file in files:
            self.read(root, file)
        if top not in self.modules:
            raise ValueError(f"no module {top} in {', '.join(files)}")

    def read(self, root, file):
        module, block, multi_line, in_function = None, None, None, False
        for number, line in enumerate((root / file).read_text().splitlines(), 1):
            if match := MODULE.match(line):
                module, block = self.modules.setdefault(match[1], Module(match[1], file)), None
            if match := FUNCTION.match(line):
                in_function = match[1] is None
            if module is None or in_function:
                continue
            if match := GENERATE.search(line):
                block = match[1]
            if match := SIGNAL.match(line):
                for name in names_of(match[1]):
                    module.signals[block, name] = number
            if match := INSTANTIATED.match(line):
                multi_line = match[1]
            if match := INSTANCE.match(line):
                module.instances[block, match[2]] = match[1] or multi_line

    def place(self, scope, name):
        """'TOP.if4_mac.gen_block[0].u_block', 'dot' -> (Module, 'dot', line); in a generate block: 'gen_x[2].dot'. None
        of a scope outside the top module. ValueError where the text has no such thing."""
        parts = tuple(scope.removeprefix("TOP.").split("."))
        if parts[0] != self.top:
            return None
        if parts not in self.known:
            module, path = self.modules[self.top], ()
            for part in parts[1:]:
                if not part.startswith("u_"):
                    path += (part,)
                    continue
                inner = self.find(module.instances, path, part)
                if inner not in self.modules:
                    raise ValueError(f"{module.file}: which module {part} of {scope} is cannot be seen")
                module, path = self.modules[inner], ()
            self.known[parts] = module, path
        module, path = self.known[parts]
        line = self.find(module.signals, path, name)
        if line is None:
            raise ValueError(f"{module.file}: no declaration of {name}, of {scope}")
        return module, ".".join((*path, name)), line

    @staticmethod
    def find(table, path, name):
        """By the innermost generate block that has it, or else by its name alone."""
        for block in [re.sub(r"\[\d+\]", "", part) for part in reversed(path)] + [None]:
            if (block, name) in table:
                return table[block, name]
        return next((value for (_, other), value in table.items() if other == name), None)
