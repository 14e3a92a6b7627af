"""Reads the table of suites, testbench/regress/suites.txt: its head says what a row holds."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "testbench" / "regress" / "suites.txt"
PLACES = ("seed", "index", "folder", "bin")


@dataclass
class Suite:
    name: str
    about: str = ""
    limit: float = 0  # seconds after which a case hangs
    seconds: float = 0  # of a case, until there are measured ones
    command: list = field(default_factory=list)  # words with places such as {seed}
    checks: str = r"^checks (\d+)$"
    needs: list = field(default_factory=list)  # what make builds first, without the folder of programs
    reads: list = field(default_factory=list)  # patterns of further files that the results depend on, below the root
    default: bool = True
    covers: bool = False  # whether a build with counters leaves coverage
    listed: list = field(default_factory=list)  # a command that prints a line for each case that there is

    def words(self, **places):
        """The command of a case."""
        def filled(word):
            for name in PLACES:
                word = word.replace("{" + name + "}", str(places[name]))
            return word
        return [filled(word) for word in self.command]

    def count_checks(self, text):
        """How many checks a case says it made: the sum of what the expression finds."""
        total = 0
        for match in re.finditer(self.checks, text, re.M):
            number = next((group for group in match.groups() if group), "0")
            total += int(number.replace(",", ""))
        return total


def _seconds(place, text):
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) <= 0:
        raise ValueError(f"{place}: '{text}' are no seconds")
    return float(text)


def _set(suite, place, key, value):
    if key in ("limit", "seconds"):
        setattr(suite, key, _seconds(place, value))
    elif key in ("command", "listed"):
        words = shlex.split(value)
        unknown = {name for word in words for name in re.findall(r"\{(\w+)\}", word)} - set(PLACES)
        if unknown:
            raise ValueError(f"{place}: there is no {{{min(unknown)}}}")
        setattr(suite, key, words)
    elif key in ("needs", "reads"):
        setattr(suite, key, value.split())
    elif key == "checks":
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"{place}: not a regular expression: {error}") from None
        if groups == 0:
            raise ValueError(f"{place}: the expression has no group that holds the number")
        suite.checks = value
    elif key in ("default", "covers"):
        if value not in ("yes", "no"):
            raise ValueError(f"{place}: '{value}' is neither yes nor no")
        setattr(suite, key, value == "yes")
    elif key == "about":
        suite.about = value
    else:
        raise ValueError(f"{place}: not a line of a suite: '{key} {value}'")


def read_suites(path=TABLE):
    """The suites by name, in the order of the table; ValueError names the line that is wrong."""
    found = {}
    suite = None
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text") from None
    for number, line in enumerate(lines, 1):
        place = f"{path}:{number}"
        key, _, value = line.strip().partition(" ")
        value = value.strip()
        if not key or key.startswith("#"):
            continue
        if key == "suite":
            if not re.fullmatch(r"[a-z0-9_]+", value) or value in found:
                raise ValueError(f"{place}: '{value}' is there twice, or has more than a-z, 0-9 and _")
            suite = found[value] = Suite(value)
        elif suite is None:
            raise ValueError(f"{place}: a line before the first suite")
        else:
            _set(suite, place, key, value)
    for suite in found.values():
        for key in ("limit", "seconds", "command"):
            if not getattr(suite, key):
                raise ValueError(f"{path}: the suite {suite.name} has no line '{key}'")
    if not found:
        raise ValueError(f"{path}: no suite")
    return found
