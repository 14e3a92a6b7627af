"""What the coverage run left behind, and the judgement on it. See coverage.py."""

import fnmatch
import itertools
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from parts import FALLEN, RISEN
from rtl import Place, Rtl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import builds  # noqa: E402

TOP, TOP_FILES = "if4_mac", "rtl/if4_mac.f"
# What a unit can do depends on its output stage. A rigid one is iterative, with Depth 1: no stage of it waits.
UNIT_KINDS = ("pipelined", "iterative", "rigid")
NEEDED = {"line": 1, "toggle": RISEN | FALLEN}
TOGGLE_FLOOR = 98.0  # percent of the bits that are not constant


@dataclass
class Hole:
    place: Place
    where: list = field(default_factory=list)  # (unit, instance)
    waiver: object = None


@dataclass
class Waiver:
    where: str    # name of its file and number of its line
    kind: str     # toggle; constant: a bit that nothing drives to both values; line: one that nothing can run
    module: str
    pattern: str  # of a bit: signal with bits; of a line: the point's name and the text of its source line, as `signal`
    units: list
    values: dict = field(default_factory=dict)  # {name: {unit: number}}, for names in the bits
    reason: str = ""
    holes: int = 0

    def __post_init__(self):
        self.module, _, instance = self.module.partition("/")
        # The end of the path of an instance, and after it only generate blocks that a signal is in.
        self.instance = re.compile(rf"(?:.*\.)?{expression(instance)}(?:\.(?!u_)[^.]+)*") if instance else None
        if self.kind == "line":
            self.signal = re.compile(re.escape(self.pattern).replace(r"\[\*\]", r"\[\w+\]"))  # not {A|B}: RTL has both
        else:
            self.read_pattern()

    def read_pattern(self):
        """'row{J=0..3}[31:D+2*J]' -> an expression for the signal, and the sums for the highest and the lowest bit."""
        match = re.fullmatch(r"(.+?)(?:\[([^\[\]:]+)(?::([^\[\]:]+))?\])?", self.pattern)
        self.high, self.low = match[2], match[3] or match[2]
        self.signal = re.compile(expression(match[1]))
        for name in itertools.chain(*(names_in(bits) for bits in (self.high, self.low) if bits is not None)):
            if name not in self.signal.groupindex and name not in self.values:
                raise ValueError(f"no value is called {name}")

    def covers(self, name, unit):
        """Whether 'row1[17]' of that unit is among the bits."""
        signal, bit, _ = bits_of(name)
        match = self.signal.fullmatch(signal)
        if match is None or self.high is None:
            return match is not None
        names = {**{name: numbers[unit] for name, numbers in self.values.items() if unit in numbers},
                 **{name: int(number) for name, number in match.groupdict().items()}}
        if not names.keys() >= {*names_in(self.high), *names_in(self.low)}:
            return False  # a value that this unit does not have
        return sum_of(self.low, names) <= bit <= sum_of(self.high, names)

    def matches(self, place, unit, instance, source):
        if self.module != place.module or (self.kind == "line") != (place.kind == "line") or unit not in self.units:
            return False
        if self.kind == "line":
            return self.signal.fullmatch(f"{place.name} {source(place).strip()}") is not None
        if self.instance is not None and self.instance.fullmatch(instance) is None:
            return False
        return self.covers(place.name, unit)


def expression(text):
    """'gen_x[*].{sum|carry}{J=0..3}' as a regular expression: any index, one of the names, one of the numbers, named J."""
    text = re.sub(r"\\{([A-Z]+)=(\d+)\\.\\.(\d+)\\}",
                  lambda found: f"(?P<{found[1]}>{'|'.join(map(str, range(int(found[2]), int(found[3]) + 1)))})", re.escape(text))
    text = re.sub(r"\\{((?:\w|\\[.|\[\]])+)\\}", lambda found: f"(?:{found[1]})".replace(r"\|", "|"), text)
    return text.replace(r"\[\*\]", r"\[\d+\]")


TERM = r"(?:(\d+)\*)?(\d+|[A-Z]+)"


def names_in(text):
    """'D+2*J+1' -> ['D', 'J']; ValueError if it is not a sum of numbers and names."""
    if re.fullmatch(rf"{TERM}(?:[+-]{TERM})*", text) is None:
        raise ValueError(f"not the number of a bit: '{text}'")
    return re.findall(r"[A-Z]+", text)


def sum_of(text, names):
    """'D+2*J+1' with the numbers that the names stand for."""
    return sum((-1 if sign == "-" else 1) * int(factor or 1) * (names[term] if term in names else int(term))
               for sign, factor, term in re.findall(rf"([+-]?){TERM}", text))


def bits_of(name):
    """'sum[7:3]' -> ('sum', 3, 7); 'sum[3]' -> ('sum', 3, 3); 'sum' is all its bits."""
    match = re.fullmatch(r"(.+?)(?:\[(\d+)(?::(\d+))?\])?", name)
    if match[2] is None:
        return match[1], 0, 1 << 30
    return match[1], int(match[3] or match[2]), int(match[2])


def read_points(path):
    """[(group, axes, kinds)] and {axis: values}; kinds are those of the units that can do it, or none for all."""
    axes, crosses = {}, []
    text = path.read_text().replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "axis" and len(words) > 2:
            axes[words[1]] = words[2:]
            continue
        line_head, _, kinds = line.partition(" @ ")
        words = line_head.split()
        if words[0] != "cross" or len(words) < 3 or any(axis not in axes for axis in words[2:]):
            raise ValueError(f"{path}:{number}: neither an axis nor a cross of known axes: '{line}'")
        unknown = set(kinds.split()) - set(UNIT_KINDS)
        if unknown:
            raise ValueError(f"{path}:{number}: no kind of unit is called '{min(unknown)}'")
        crosses.append((words[1], words[2:], kinds.split()))
    if not crosses:
        raise ValueError(f"{path}: lists no point")
    return crosses, axes


def expand(crosses, axes, kind):
    """The points of a unit of that kind: 'group value value', in order."""
    for group, names, only in crosses:
        if not only or kind in only:
            for values in itertools.product(*(axes[name] for name in names)):
                yield " ".join((group, *values))


def read_waivers(paths, known_units):
    """The waivers of files, which are as one in this order; their form is at the top of waivers.txt."""
    waivers, groups, values = [], {"all": list(known_units)}, defaultdict(dict)
    lines = [(path, number, line) for path in paths for number, line in enumerate(path.read_text().splitlines(), 1)]
    for path, number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path.name}:{number}"
        if line[0].isspace():
            if not waivers:
                raise ValueError(f"{path}:{number}: a reason without a waiver")
            waivers[-1].reason = (waivers[-1].reason + " " + line.strip()).strip()
            continue
        words = line.split()

        def some(patterns):
            return [unit for unit in known_units if any(fnmatch.fnmatchcase(unit, pattern) for pattern in patterns)]

        try:
            if words[0] == "builds" and len(words) > 2:
                groups[words[1]] = some(words[2:])
            elif words[0] == "value" and len(words) > 3 and re.fullmatch("[A-Z]+", words[1]) and words[2].isdecimal():
                numbers = values[words[1]]
                for unit in some(words[3:]):
                    if numbers.setdefault(unit, int(words[2])) != int(words[2]):
                        raise ValueError(f"{unit} has two values {words[1]}")
            elif words[0] == "line" and len(words) > 4 and words[3] in groups:
                text = line.split(maxsplit=4)[4].strip()
                waivers.append(Waiver(where, "line", words[1], f"{words[2]} {text}", groups[words[3]]))
            elif words[0] in ("toggle", "constant") and len(words) == 4 and words[3] in groups:
                waivers.append(Waiver(where, words[0], words[1], words[2], groups[words[3]], values))
            else:
                raise ValueError(f"not a waiver: '{line}'")
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    for waiver in waivers:
        if not waiver.reason:
            raise ValueError(f"{waiver.where}: a waiver without a reason")
    return waivers


@dataclass
class Tally:
    all: int = 0
    hit: int = 0
    waived: int = 0
    constant: int = 0  # bits that a waiver calls constant, lines that it says cannot run

    def percent(self):
        """Of what can be covered: constants left out, other waivers not."""
        return 100.0 * self.hit / (self.all - self.constant) if self.all > self.constant else 0.0

    def shown(self):
        return f"{int(self.percent() * 100) / 100:.2f} %"  # cut, not rounded: 100.00 means all

    def open(self):
        return self.all - self.constant - self.hit - self.waived

    def add(self, other):
        self.all, self.hit = self.all + other.all, self.hit + other.hit
        self.waived, self.constant = self.waived + other.waived, self.constant + other.constant

    def text(self):
        return (f"{self.shown():>8} {self.hit:6} of {self.all - self.constant:6}  {self.open():5} open  "
                f"{self.waived:5} explained  {self.constant:5} constant")


def some_of(units):
    return ", ".join(sorted(units)[:4]) + (f" and {len(units) - 4} more" if len(units) > 4 else "")


def grouped(holes):
    """One text for all bits of a signal, and all indices of a generate block."""
    groups = defaultdict(lambda: (set(), set()))
    for hole in holes:
        place = hole.place
        name, low, high = bits_of(place.name)
        name = re.sub(r"\[\d+\]", "[*]", name)
        bits, units = groups[place.file, place.line, place.kind, place.module, name]
        bits.update([low] if low == high else [])
        units.update(unit for unit, _ in hole.where)
    texts = []
    for (file, line, kind, module, name), (bits, units) in groups.items():
        span = f"[{min(bits)}]" if len(bits) == 1 else ""
        if len(bits) > 1:
            span = f", {len(bits)} bits of [{max(bits)}:{min(bits)}],"
        texts.append(f"{file}:{line}: {kind} {module} {name}{span} not covered in {some_of(units)}")
    return texts


KINDS = ("line", "toggle", "point")
# Percent of what is not constant, of each unit. A line and a point have no other way: each one that is open is a failure.
FLOORS = {"line": 100.0, "toggle": TOGGLE_FLOOR, "point": 100.0}


@dataclass
class Report:
    units: dict          # {unit: {kind: Tally}}
    counts: dict         # of Part.counts
    holes: dict          # {Place: Hole}
    points: dict         # {unit: {point: count}}
    missing_points: list  # (unit, point)
    crosses: list
    axes: dict
    waivers: list
    faults: list         # what else is wrong, one text each

    def total(self, kind):
        tally = Tally()
        for tallies in self.units.values():
            tally.add(tallies[kind])
        return tally

    def open_holes(self):
        return [hole for hole in self.holes.values() if hole.waiver is None]

    def stale(self):
        return [waiver for waiver in self.waivers if waiver.holes == 0]

    def failures(self):
        failures = list(self.faults)
        failures += grouped(self.open_holes())
        unseen = defaultdict(list)
        for unit, point in self.missing_points:
            unseen[point].append(unit)
        failures += [f"point never seen: {point}, in {some_of(units)}" for point, units in unseen.items()]
        failures += [f"{waiver.where}: no hole matches {waiver.kind} {waiver.module} "
                     f"{waiver.pattern}" for waiver in self.stale()]
        for unit, tallies in self.units.items():
            if tallies["toggle"].percent() < TOGGLE_FLOOR:
                failures.append(f"{unit}: {tallies['toggle'].shown()} of toggles, "
                                f"less than {TOGGLE_FLOOR:g} %")
        for kind in KINDS:
            if self.total(kind).all == 0:
                failures.append(f"not one {kind} was counted")
        return failures

    def passed(self):
        return not self.failures()

    def text(self, most=40):
        failures = self.failures()
        lines = failures[:most] + ([f"... and {len(failures) - most} more"] if len(failures) > most else [])
        for kind in KINDS:
            lines.append(f"{kind + 's':8} {self.total(kind).text()}")
        low = min(self.units, key=lambda unit: self.units[unit]["toggle"].percent(), default=None)
        if low is not None:
            lines.append(f"fewest toggles: {low}, {self.units[low]['toggle'].shown()}")
        lines.append(f"coverage: {'FAILED' if failures else 'OK'}, {len(self.units)} units, "
                     f"{len(self.waivers)} waivers")
        return "\n".join(lines)


def judge(part, root, points_path, waivers_paths, wanted=()):
    """The judgement on a part, in which all units that are `wanted` must be."""
    rtl = Rtl(root, builds.listed(TOP_FILES, root), TOP)
    counts = part.counts(rtl)
    crosses, axes = read_points(points_path)
    waivers = read_waivers(waivers_paths, counts)
    sources = {}

    def source(place):
        if place.file not in sources:
            sources[place.file] = (root / place.file).read_text().splitlines()
        if place.line > len(sources[place.file]):
            raise ValueError(f"{part.place}: counts line {place.line} of {place.file}, which has fewer: of other RTL")
        return sources[place.file][place.line - 1]

    by_module = defaultdict(list)
    for waiver in waivers:
        by_module[waiver.module].append(waiver)
    faults = [f"{unit}: no test ran it" for unit in wanted if unit not in counts]
    holes, units, points, missing = {}, {}, {}, []
    for unit, places in counts.items():
        tallies = {kind: Tally() for kind in KINDS}
        for (place, instance), count in places.items():
            tally = tallies[place.kind]
            tally.all += 1
            waiver = next((one for one in by_module[place.module] if one.matches(place, unit, instance, source)), None)
            if waiver is not None and waiver.kind != "toggle" and count > 0:
                faults.append(f"{unit}: {instance} {place.name} changes; {waiver.where} calls it constant"
                              if place.kind == "toggle" else
                              f"{unit}: {place.name} of {place.file}:{place.line} runs; {waiver.where} says that it cannot")
            if count >= NEEDED[place.kind]:
                tally.hit += 1
                continue
            if waiver is not None:
                waiver.holes += 1
                tally.constant += waiver.kind != "toggle"
                tally.waived += waiver.kind == "toggle"
            hole = holes.setdefault((place, waiver is None), Hole(place, waiver=waiver))
            hole.where.append((unit, instance))
        seen = part.units[unit]
        if seen.kind is None:
            faults.append(f"{unit}: its ports were not watched")
        elif seen.kind not in UNIT_KINDS:
            faults.append(f"{unit}: '{seen.kind}' is no kind of unit")
        points[unit] = {point: seen.points.get(point, 0) for point in expand(crosses, axes, seen.kind)}
        faults += [f"{unit}: seen, but not listed in points.txt: {point}"
                   for point in seen.points if point not in points[unit]]
        missing += [(unit, point) for point, count in points[unit].items() if count == 0]
        tallies["point"] = Tally(len(points[unit]), sum(count > 0 for count in points[unit].values()))
        units[unit] = tallies

    return Report(units, counts, holes, points, missing, crosses, axes, waivers, faults)


ROOT = Path(__file__).resolve().parents[2]
POINTS = ROOT / "testbench" / "coverage" / "points.txt"
WAIVERS = [ROOT / "testbench" / "coverage" / name for name in ("waivers.txt", "waivers_fast.txt")]


def judge_project(part):
    """The judgement by the RTL, points and waivers of this checkout, in which each simulated build of the unit must be."""
    return judge(part, ROOT, POINTS, WAIVERS,
                 [build.name for build in builds.read() if build.simulated and build.module == TOP])
