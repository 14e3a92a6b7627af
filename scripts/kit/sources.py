"""What DUT= names: source files, and lists of them as simulators read them, as absolute paths."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from process import KitError

VHDL = {".vhd", ".vhdl"}


@dataclass
class Sources:
    files: list = field(default_factory=list)
    includes: list = field(default_factory=list)      # folders
    defines: list = field(default_factory=list)       # NAME or NAME=VALUE
    libraries: list = field(default_factory=list)     # folders in which a module is in the file of its name
    library_files: list = field(default_factory=list)
    extensions: list = field(default_factory=list)    # of files in libraries


class Reader:
    """Reads words; relative names are of the folder that a list is in (-F), or of the caller's (all else)."""

    def __init__(self, base):
        self.base = Path(base)
        self.found = Sources()
        self.open_lists = []

    def path(self, name, folder, place, kind):
        path = Path(os.path.normpath(folder / os.path.expandvars(name)))
        if kind == "folder" and not path.is_dir():
            raise KitError(f"{place}: there is no folder {path}")
        if kind == "file" and not path.is_file():
            bare = place == "DUT" and "." not in Path(name).name and not path.is_dir()
            hint = " (a name with a blank in it cannot be given)" if bare else ""
            raise KitError(f"{place}: {'this is a folder: ' if path.is_dir() else 'there is no file '}{path}{hint}")
        if kind == "file" and not os.access(path, os.R_OK):
            raise KitError(f"{place}: {path} cannot be read")
        if re.search(r"\s", str(path)):
            raise KitError(f"{place}: a path with a blank in it cannot be used: '{path}'")
        return path

    def words(self, words, folder, place):
        words = list(words)
        while words:
            word = words.pop(0)
            operand = None
            if word in ("-f", "-F", "-y", "-v", "-I", "-D"):
                if not words:
                    raise KitError(f"{place}: {word} is the last word, and names nothing")
                operand = words.pop(0)
            self.word(word, operand, folder, place)

    def word(self, word, operand, folder, place):
        plus = re.fullmatch(r"\+(incdir|define|libext)\+(.+)", word)
        glued = re.fullmatch(r"-([IDyv])(.+)", word)
        if glued:
            word, operand = f"-{glued[1]}", glued[2]
        if word in ("-f", "-F"):
            self.list(self.path(operand, folder, place, "file"), word == "-F", place)
        elif word == "-y":
            self.found.libraries.append(self.path(operand, folder, place, "folder"))
        elif word == "-v":
            self.found.library_files.append(self.path(operand, folder, place, "file"))
        elif word == "-I":
            self.found.includes.append(self.path(operand, folder, place, "folder"))
        elif word == "-D":
            self.found.defines.append(operand)
        elif plus and plus[1] == "incdir":
            self.found.includes += [self.path(name, folder, place, "folder") for name in plus[2].split("+")]
        elif plus and plus[1] == "define":
            self.found.defines += plus[2].split("+")
        elif plus:
            self.found.extensions += plus[2].split("+")
        elif word[0] in "-+":
            raise KitError(f"{place}: '{word}' is no option that is understood here: "
                           "-f -F -y -v -I -D +incdir+ +define+ +libext+")
        else:
            path = self.path(word, folder, place, "file")
            if path.suffix.lower() in VHDL:
                raise KitError(f"{place}: {path} is VHDL; the simulators here read SystemVerilog and Verilog")
            if path not in self.found.files:
                self.found.files.append(path)

    def list(self, path, own_folder, place):
        if path in self.open_lists:
            raise KitError(f"{place}: the list {path} names itself")
        self.open_lists.append(path)
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            raise KitError(f"{place}: {path} is not a list of files: it is not text") from None
        text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), text, flags=re.S)
        for number, line in enumerate(text.splitlines(), 1):
            line = re.sub(r"(^|\s)(//|#).*", "", line)
            self.words(line.split(), path.parent if own_folder else self.base, f"{path}:{number}")
        self.open_lists.pop()


def read_sources(words, base):
    """The Sources of the words of DUT=, relative to the folder `base`. Throws KitError."""
    reader = Reader(base)
    reader.words(words, Path(base), "DUT")
    if not reader.found.files and not reader.found.library_files:
        raise KitError("DUT names no source file")
    return reader.found
