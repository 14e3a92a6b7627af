"""What runs of the tests left of coverage, and how such parts add up. See coverage.py."""

import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field

from rtl import Place

VERSION = 1
RISEN, FALLEN = 1, 2


@dataclass
class Unit:
    """What was counted of one build of the unit, all its instances in the tests together."""
    kind: str = None  # one of UNIT_KINDS of data.py; None where its ports were not watched
    lines: dict = field(default_factory=dict)    # {Place: how often it ran}
    toggles: dict = field(default_factory=dict)  # {(scope, signal, bits): [bits that rose, bits that fell]}
    points: dict = field(default_factory=dict)   # {point: how often it was seen}

    def add(self, other):
        self.kind = self.kind or other.kind
        for place, count in other.lines.items():
            self.lines[place] = self.lines.get(place, 0) + count
        for signal, (rose, fell) in other.toggles.items():
            seen = self.toggles.setdefault(signal, [0, 0])
            seen[0], seen[1] = seen[0] | rose, seen[1] | fell
        for point, count in other.points.items():
            self.points[point] = self.points.get(point, 0) + count

    def differs(self, other):
        """What shows that the two were counted in different RTL, or nothing. What was never clocked has no signals."""
        if self.kind and other.kind and self.kind != other.kind:
            return f"is {other.kind} there and {self.kind} here"
        for name, mine, theirs in (("lines", self.lines, other.lines), ("signals", self.toggles, other.toggles)):
            if mine and theirs and mine.keys() != theirs.keys():
                return f"has other {name}"
        return None


@dataclass
class Part:
    place: str   # the folder or file it was read from
    build: str   # the version and commit that the program was built from
    runs: list   # a number of each run of the tests that is in it, in hexadecimal
    units: dict  # {name: Unit}

    def add(self, other):
        """Adds another run; ValueError, and nothing added, where it is of another build or in this part already."""
        if other.build != self.build:
            raise ValueError(f"{other.place}: coverage of '{other.build}', but {self.place} is of '{self.build}'")
        twice = set(self.runs) & set(other.runs)
        if twice:
            raise ValueError(f"{other.place}: a copy of what {self.place} and the parts after it have already")
        for name, unit in other.units.items():
            differs = self.units[name].differs(unit) if name in self.units else None
            if differs:
                raise ValueError(f"{other.place}: {name} {differs} than in {self.place}: another build")
        for name, unit in other.units.items():
            self.units.setdefault(name, Unit()).add(unit)
        self.runs += other.runs

    def counts(self, rtl):
        """{unit: {(Place, instance): count}}: of a line how often it ran, of a bit RISEN, FALLEN, or both."""
        return {name: {**{(place, ""): count for place, count in unit.lines.items() if place.module in rtl.modules},
                       **bits_of_signals(unit.toggles, rtl)} for name, unit in sorted(self.units.items())}


def bits_of_signals(toggles, rtl):
    seen = defaultdict(int)
    for (scope, name, width), (rose, fell) in toggles.items():
        # The clock is what is counted by; `unused` is where signals end that nobody reads; the rest are loop variables.
        if name in ("clk_i", "unused") or "unnamedblk" in scope:
            continue
        found = rtl.place(scope, name)
        if found is None:
            continue
        module, signal, line = found
        for bit in range(width):
            suffix = "" if width == 1 else f"[{bit}]"
            place = Place("toggle", module.file, line, 0, module.name, signal + suffix)
            seen[place, scope] |= (rose >> bit & 1) * RISEN | (fell >> bit & 1) * FALLEN
    return seen


# --- What the test program leaves: a folder ---


def read_lines(path):
    lines = {}
    for number, text in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        if text.startswith("#"):
            continue
        match = re.fullmatch(r"C '(.*)' (\d+)", text)
        keys = dict(part.split("\2", 1) for part in match[1].split("\1") if "\2" in part) if match else {}
        try:
            place = Place("line", keys["f"], int(keys["l"]), int(keys.get("n", 0)),
                          keys["page"].split("/")[1].split("__")[0], keys["o"])
        except (KeyError, IndexError, ValueError):
            raise ValueError(f"{path}:{number}: not a line of Verilator's counts") from None
        lines[place] = lines.get(place, 0) + int(match[2])
    return lines


def read_toggles(path):
    toggles = {}
    for number, text in enumerate(path.read_text().splitlines(), 1):
        try:
            scope, name, width, rose, fell = text.split()
            toggles[scope, name, int(width)] = [int(rose, 16), int(fell, 16)]
        except ValueError:
            raise ValueError(f"{path}:{number}: not a line of toggles") from None
    return toggles


def read_json(path):
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there: the run that was to leave it did not end") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: not an object")
    return values


def read_folder(folder):
    """The part that the test program left in a folder. It writes build.json last, with the number of files before it."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: no folder with coverage is there")
    paths = [path for kind in ("*.dat", "*.toggles") for path in sorted(folder.glob(kind))]
    if not paths:
        raise ValueError(f"{folder}: no counts (*.dat)")
    build, points = read_json(folder / "build.json"), read_json(folder / "points.json")
    if not all(isinstance(build.get(key), str) for key in ("build", "run")):
        raise ValueError(f"{folder}/build.json: does not say which build and which run the counts are of")
    if build.get("files") != len(paths):
        raise ValueError(f"{folder}: {len(paths)} files of counts, but its build.json names {build.get('files')}")
    units = defaultdict(Unit)
    for path in paths:
        lines, toggles = (read_lines(path), {}) if path.suffix == ".dat" else ({}, read_toggles(path))
        units[path.name.split(".")[0]].add(Unit(None, lines, toggles))
    for name, seen in points.items():
        try:
            units[name].add(Unit(seen["kind"], points={point: int(count) for point, count in seen["points"].items()}))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ValueError(f"{folder}/points.json: {name} has no kind or no counts of points") from None
    return Part(str(folder), build["build"], [build["run"]], dict(units))


# --- Several of them in one file ---


def write(part, path):
    """Writes a part as one file, always the same bytes for the same counts."""
    units = {name: {"kind": unit.kind,
                    "lines": sorted([p.file, p.line, p.column, p.module, p.name, n] for p, n in unit.lines.items()),
                    "toggles": sorted([*signal, f"{rose:X}", f"{fell:X}"] for signal, (rose, fell) in unit.toggles.items()),
                    "points": unit.points} for name, unit in part.units.items()}
    values = {"version": VERSION, "build": part.build, "runs": sorted(part.runs), "units": units}
    path.write_bytes(gzip.compress(json.dumps(values, sort_keys=True).encode(), 6, mtime=0))


def read_file(path):
    try:
        values = json.loads(gzip.decompress(path.read_bytes()))
        if values["version"] != VERSION:
            raise ValueError("another version")
        units = {name: Unit(unit["kind"],
                            {Place("line", *place): int(count) for *place, count in unit["lines"]},
                            {(scope, signal, int(bits)): [int(rose, 16), int(fell, 16)]
                             for scope, signal, bits, rose, fell in unit["toggles"]},
                            {point: int(count) for point, count in unit["points"].items()})
                 for name, unit in values["units"].items()}
        return Part(str(path), str(values["build"]), [str(run) for run in values["runs"]], units)
    except FileNotFoundError:
        raise ValueError(f"{path}: is not there") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, gzip.zlib.error) as error:
        raise ValueError(f"{path}: not a part of coverage, or cut: {error}") from None


def read(path):
    return read_folder(path) if path.is_dir() or path.suffix != ".gz" else read_file(path)


def merged(parts):
    """The sum of parts; ValueError for none, for the same one twice, and for parts of different builds."""
    total = None
    for part in parts:
        if total is None:
            total = Part(part.place, part.build, [], {})
        total.add(part)
    if total is None:
        raise ValueError("no part of coverage is there")
    return total
