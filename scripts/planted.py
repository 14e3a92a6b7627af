"""What mutants.py and formal.py share: the text format of planted bugs, how one is planted, and how a tool is run.

A planted bug is a change of one file that a test or a proof must notice. The files that list them consist of entries; an
entry consists of lines `KEY VALUE`, and a line without an entry before it starts one. Blank lines and lines that begin
with # mean nothing. These lines stand for the change itself:

  file PATH   the file to change, relative to the root of the project
  - TEXT      a line of the original; all of them together must occur exactly once in the file
  + TEXT      a line of the replacement; without any, the original is removed

TEXT begins after the one space that follows the sign, and need not be a whole line. No line may end in a blank: an editor
may remove it, and nobody sees it.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field


@dataclass
class PlantedBug:
    name: str
    file: str = ""
    original: list = field(default_factory=list)
    replacement: list = field(default_factory=list)

    def read_line(self, key, value):
        """Takes a line of the change; false if the line is none."""
        if key == "file":
            self.file = value
        elif key == "-":
            self.original.append(value)
        elif key == "+":
            self.replacement.append(value)
        else:
            return False
        return True

    def changed_text(self, root):
        """The text of the file below root with the bug; ValueError unless the original is there exactly once."""
        path = root / self.file
        text = path.read_text() if path.is_file() else ""
        original = "\n".join(self.original)
        count = text.count(original) if original else 0
        if count != 1:
            raise ValueError(f"planted bug {self.name} no longer applies: its text occurs {count} times in "
                             f"'{self.file}'")
        return text.replace(original, "\n".join(self.replacement))

    def plant(self, root):
        """Changes the file below root."""
        text = self.changed_text(root)
        path = root / self.file
        path.unlink()  # The file may be a hard link to one that must stay as it is.
        path.write_text(text)


def read_lines(path):
    """(place, key, value) of each line that means something."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path}:{number}"
        if line != line.rstrip():
            raise ValueError(f"{place}: the line ends in a blank")
        if line and not line.startswith("#"):
            key, _, value = line.partition(" ")
            yield place, key, value


def new_name(place, name, entries):
    """The name of a new entry, which must differ from those of all others."""
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"{place}: the name '{name}' may only have a-z, 0-9 and -")
    if any(name == entry.name for entry in entries):
        raise ValueError(f"{place}: there already is an entry '{name}'")
    return name


def chosen(entries, names):
    """The entries with these names, in the order of the list; all of them where no name is given."""
    unknown = set(names) - {entry.name for entry in entries}
    if unknown:
        raise ValueError("no such name: " + ", ".join(sorted(unknown)))
    return [entry for entry in entries if not names or entry.name in names]


_running = set()  # tools, each of which leads a session of its own


def run_tool(command, folder, log, timeout):
    """Exit code, or None where the time ran out. Output goes to the file `log` in the folder. Whatever the tool has
    started ends with it."""
    with open(folder / log, "w") as output:
        tool = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                start_new_session=True, env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""})
        _running.add(tool)
        try:
            return tool.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end(tool)
            tool.wait()
            _running.discard(tool)


def end(tool):
    try:
        os.killpg(tool.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(number, _frame):
    """The signal handler: ends all tools, and the program with 128 + the signal."""
    for tool in list(_running):
        end(tool)
    os._exit(128 + number)


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line."""

    def error(self, message):
        raise ValueError(f"{message} (--help lists the options)")


def count(text):
    """The type of an option whose value is a whole number above 0."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of 1 or more")
    return int(text)


def main_of(program, main):
    """Runs main() and ends the program: with its exit code, with 2 and one line on stderr after a ValueError or an OSError,
    or with 128 + a signal, at once. Output that nobody reads any more, as that of `--list | head`, ends it without a word."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        sys.exit(main())
    except (ValueError, OSError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
