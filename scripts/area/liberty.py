"""Reads Liberty files into groups and attributes, without a thought of what they mean (cells.py has that)."""

import gzip
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(r"""(?P<space>\s+) | /\*.*?\*/ | //[^\n]* | \\[ \t]*\r?\n
                     | "(?P<string>(?:\\.|[^"\\])*)" | (?P<word>[^\s"(){}:;,/\\]+|[/\\]) | (?P<mark>[(){}:;,])""",
                   re.DOTALL | re.VERBOSE)
MOST_BYTES = 1 << 30   # of a file when it is unpacked; the largest libraries have a tenth of that
MOST_NESTED = 100      # groups or files within each other
NOT_LIBERTY = ((b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"), (b"PK\x03\x04", "a zip archive: unpack it first"),
               (b"\xfd7zXZ", "compressed with xz: unpack it first"), (b"BZh", "compressed with bzip2: unpack it first"),
               (b"\xff\xfe", "text of 16-bit characters, not of bytes"),
               (b"\xfe\xff", "text of 16-bit characters, not of bytes"))


class LibertyError(ValueError):
    """Bad input; the text names the file, and the line where there is one."""


@dataclass
class Attribute:
    """name : value, or name (values); `values` has one value in the first case."""
    name: str
    values: list
    where: str                # file:line

    @property
    def value(self):
        return " ".join(self.values)


@dataclass
class Group:
    """kind(arguments) { attributes; groups }. Of an attribute that is given twice, the last one holds."""
    kind: str
    arguments: list
    where: str                # file:line
    attributes: dict = field(default_factory=dict)
    every: list = field(default_factory=list)     # attributes in order, repeated ones too
    groups: list = field(default_factory=list)

    @property
    def name(self):
        return self.arguments[0] if self.arguments else ""

    def all(self, *kinds):
        return [group for group in self.groups if group.kind in kinds]

    def get(self, name, default=None):
        """The value of an attribute as text."""
        return self.attributes[name].value if name in self.attributes else default

    def place(self, name):
        """Where an attribute is, or else the group."""
        return self.attributes[name].where if name in self.attributes else self.where


@dataclass
class Token:
    kind: str                 # string, word or mark
    text: str
    line: int
    new_line: bool            # the first one of its line
    start: int
    end: int


def printable(text):
    """Text of a file for a message of one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:60])


def read_bytes(path):
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                data = packed.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LibertyError(f"{path}: a damaged gzip file: {printable(str(error))}") from None
    except OSError as error:
        raise LibertyError(f"{path}: cannot read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise LibertyError(f"{path}: more than {MOST_BYTES >> 20} MiB")
    for magic, what in NOT_LIBERTY:
        if data.startswith(magic):
            raise LibertyError(f"{path}: not a Liberty file: {what}")
    if b"\0" in data:
        raise LibertyError(f"{path}: not a Liberty file: not text")
    if not data.strip():
        raise LibertyError(f"{path}: not a Liberty file: it is empty")
    return data


class Reader:
    """The statements of one file. What Liberty asks for and files leave out is read where it is clear what is meant: a
    ';' at the end of a line or before a '}', quotes around an expression."""

    def __init__(self, path, including=()):
        self.path = path
        self.including = (*including, path.resolve())
        self.text = read_bytes(path).decode("utf-8-sig", errors="replace")
        self.tokens = self.split()
        self.position = 0

    def fail(self, what, token=None):
        line = token.line if token else self.tokens[-1].line if self.tokens else 1
        raise LibertyError(f"{self.path}:{line}: {what}")

    def split(self):
        tokens, position, line, new_line = [], 0, 1, True
        while position < len(self.text):
            match = TOKEN.match(self.text, position)
            if not match:
                what = "a '\"' without its other" if self.text[position] == '"' else "not Liberty"
                raise LibertyError(f"{self.path}:{line}: {what}")
            if self.text.startswith("/*", position) and match.lastgroup:
                raise LibertyError(f"{self.path}:{line}: a comment without an end")
            kind, newlines = match.lastgroup, match.group().count("\n")
            if kind == "space":
                new_line = new_line or newlines > 0
            elif kind:
                tokens.append(Token(kind, match.group(kind), line, new_line, position, match.end()))
                new_line = False
            line += newlines
            position = match.end()
        return tokens

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def at(self, mark):
        token = self.peek()
        return token is not None and token.kind == "mark" and token.text == mark

    def take(self):
        self.position += 1
        return self.tokens[self.position - 1]

    def read(self, group, above=()):
        """Adds the statements up to a '}' or the end to the group; `above`: the kinds of the groups that it is in."""
        while self.peek() and not self.at("}"):
            if self.at(";"):
                self.take()
                continue
            name = self.take()
            if name.kind == "mark":
                self.fail(f"a '{name.text}' that does not belong there", name)
            if self.at(":"):
                self.take()
                values = [self.value(name)]
            elif self.at("("):
                values = self.arguments(name)
                if self.at("{"):
                    self.group(group, name, values, above)
                    continue
            else:
                what = "a group without a name" if self.at("{") else "neither an attribute nor a group"
                self.fail(f"{'' if above else 'not a Liberty file: '}{what}: '{printable(name.text)}'", name)
            if name.text == "include_file":
                self.include(name, values, group, above)
            else:
                group.every.append(Attribute(name.text, values, f"{self.path}:{name.line}"))
                group.attributes[name.text] = group.every[-1]

    def group(self, parent, name, arguments, above):
        group = Group(name.text, arguments, f"{self.path}:{name.line}")
        if name.text in above:
            self.fail(f"a {printable(name.text)} within a {printable(name.text)}: a '}}' is missing before", name)
        if len(above) > MOST_NESTED:
            self.fail("too many groups within each other", name)
        self.take()
        self.read(group, (*above, name.text))
        if not self.at("}"):
            self.fail(f"the file ends within {printable(name.text)}({printable(', '.join(arguments))}), "
                      f"which begins at line {name.line}")
        self.take()
        parent.groups.append(group)

    def include(self, name, values, group, above):
        """Liberty reads the file as if it stood here; its name is relative to the file that includes it."""
        path = self.path.parent / " ".join(values)
        if path.resolve() in self.including or len(self.including) > MOST_NESTED:
            self.fail(f"includes itself: {printable(str(path))}", name)
        reader = Reader(path, self.including)
        reader.read(group, above)
        reader.at_end()

    def at_end(self):
        if self.peek():
            self.fail("a '}' too many", self.peek())

    def value(self, name):
        """What follows the ':' of an attribute, up to the ';', the '}' of its group, or the end of its line."""
        taken, opened = [], 0
        while self.peek() and not self.at(";") and not self.at("}"):
            token = self.peek()
            if taken and token.new_line and opened == 0 and taken[-1].text[-1:] not in "+*&|^!" \
                    and token.text[:1] not in "+*&|^)'":
                break
            if self.at("{") or (self.at(":") and name.text not in ("date", "revision", "comment")):
                self.fail(f"a ';' is missing after {printable(name.text)}", name)
            opened += (token.kind == "mark" and token.text == "(") - (token.kind == "mark" and token.text == ")")
            taken.append(self.take())
        if not taken:
            self.fail(f"{printable(name.text)} has no value", name)
        if len(taken) == 1:
            return clean(taken[0].text)
        if any(token.kind == "string" for token in taken):
            self.fail(f"a ';' is missing after {printable(name.text)}", name)
        return " ".join(self.text[taken[0].start:taken[-1].end].split())

    def arguments(self, name):
        """The words between parentheses."""
        self.take()
        words, joined = [], False
        while not self.at(")"):
            token = self.peek()
            if token is None or (token.kind == "mark" and token.text not in ",:"):
                self.fail(f"a ')' is missing after {printable(name.text)}", name)
            self.take()
            if token.kind == "mark" and token.text == ":" and words:   # pin (D[3:0])
                words[-1] += ":"
                joined = True
            elif token.kind != "mark":
                words[-1:] = [words[-1] + clean(token.text)] if joined else [*words[-1:], clean(token.text)]
                joined = False
        self.take()
        return words


def clean(text):
    """A value without the ends of lines that it goes over."""
    return re.sub(r"\\?[ \t]*\r?\n\s*", " ", text).strip()


def read_file(path):
    """The one outermost group, library(...)."""
    path = Path(path)
    reader, file = Reader(path), Group("file", [], f"{path}:1")
    reader.read(file)
    reader.at_end()
    groups = file.all("library")
    if len(groups) != 1:
        where = groups[1].where if groups else path
        raise LibertyError(f"{where}: not a Liberty file: it has {len(groups) or 'no'} groups library(...)")
    return groups[0]
