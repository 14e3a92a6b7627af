"""What a simulation of the testbench said, and what is told of it."""

import re
from dataclasses import dataclass

import vectors
from process import KitError

DESCRIBED = 3  # mismatches whose operands are shown

MISMATCH = re.compile(r"mismatch clock (\d+) testpoint (\S+) result (\d+) (.*)")
VALUE = re.compile(r"value: expected (\w+) nan (\w) overflow (\w), got (\w+) nan (\w) overflow (\w)")
POINT = re.compile(r"testpoint (\S+) checks (\d+) failures (\d+)")
VERDICT = re.compile(r"(PASS|FAIL) if4_mac_tb: (\d+) checks, (\d+) failures, \d+ testpoints, (?:\d+ without a check, )?"
                     r"(\d+) clocks, ")
# Verilator ends a simulation by itself where signals of one time step do not come to rest.
NO_REST = re.compile(r"did not converge")


@dataclass
class Mismatch:
    clock: int
    point: str
    result: int
    what: str

    @property
    def of_value(self):
        """Whether a result or a flag is wrong, and not when or how it comes."""
        return VALUE.fullmatch(self.what) is not None


class Outcome:
    def __init__(self, begin=None):
        self.begin = begin  # what registers held before the reset
        self.mismatches, self.points, self.verdict = [], [], None
        self.clock, self.no_rest, self.said = None, False, None
        self.code, self.stood_still = None, False

    def take_line(self, line):
        """Takes a line of the simulation. Whether it shows that clocks pass."""
        line = line.rstrip("\r")
        if line.startswith("clock ") and line[6:].isdecimal():
            self.clock = int(line[6:])
            return True
        match = MISMATCH.match(line)
        if match:
            self.mismatches.append(Mismatch(int(match[1]), match[2], int(match[3]), match[4]))
            return True
        match = POINT.match(line)
        if match:
            self.points.append((match[1], int(match[2]), int(match[3])))
            return True
        match = VERDICT.match(line)
        if match:
            self.verdict = {"word": match[1], "checks": int(match[2]), "failures": int(match[3]), "clocks": int(match[4])}
            return True
        if NO_REST.search(line):
            self.no_rest = True
        if self.said is None and re.search(r"\b(error|fatal)\b", line, re.I) and not line.startswith("testpoint"):
            self.said = line.strip()
        return False

    def check(self, log):
        """Throws KitError for a simulation that ended before it began."""
        if self.verdict is None and not self.stood_still and not self.no_rest and self.clock is None:
            raise KitError(f"the simulation ends before the first clock: {self.said or f'exit code {self.code}'}\n{log}")

    @property
    def right(self):
        return self.verdict is not None and self.verdict["word"] == "PASS" and self.code == 0

    def why(self):
        """One line for a MAC that is wrong."""
        if self.no_rest:
            return f"after clock {self.clock or 0} its signals do not come to rest: a combinational loop"
        if self.stood_still:
            return f"after clock {self.clock or 0} the simulation stands still: a combinational loop, or one without a delay"
        if self.verdict is None:
            return f"the simulation ended at clock {self.clock} without a verdict" + (f": {self.said}" if self.said else
                                                                                        ": has the MAC a $finish?")
        return f"{self.verdict['failures']} of {self.verdict['checks']} checks fail"


def flags(nan, overflow):
    return "".join([", nan_o" if nan == "1" else ", nan_o unknown" if nan != "0" else "",
                    ", overflow_o" if overflow == "1" else ", overflow_o unknown" if overflow != "0" else ""])


def mismatch_text(mismatch):
    value = VALUE.fullmatch(mismatch.what)
    lines = [f"  clock {mismatch.clock}, testpoint {mismatch.point}, result {mismatch.result}" +
             ("" if value else f": {mismatch.what}")]
    if value:
        lines += [f"    expected   {vectors.fp32_text(value[1])}{flags(value[2], value[3])}",
                  f"    got        {vectors.fp32_text(value[4])}{flags(value[5], value[6])}"]
    return lines


def text(options, given, outcome, wave, work):
    """What is printed."""
    lines = [f"{'PASS' if outcome.right else 'FAIL'}  {options.top}"
             + "".join(f" {name}={value}" for name, value in options.parameters.items())]
    facts = {"sources": options.told_sources(),
             "format": f"{given.form.name}, {given.lanes} lanes, accumulator of {given.acc_width} bits"
                       + (", scaled results" if given.scaled else ""),
             "simulator": options.simulator.version(),
             "vectors": f"{len(given.expected)} results of {given.beats_in_all()} beats, {len(given.names)} testpoints, "
                        f"seed {options.seed}"}
    if outcome.verdict:
        counts = outcome.verdict
        facts["checks"] = f"{counts['checks']} in {counts['clocks']} clocks, {counts['failures']} failures"
    if not outcome.right:
        facts["wrong"] = outcome.why() + (f", with registers {outcome.begin} before the reset" if outcome.begin else "")
    if outcome.said and outcome.verdict:
        facts["it says"] = outcome.said
    lines += [f"  {name:11}{value}" for name, value in facts.items()]
    if outcome.mismatches:
        lines.append("first mismatches")
        beats = given.beats({mismatch.result for mismatch in outcome.mismatches if mismatch.of_value})
        described = 0
        for mismatch in outcome.mismatches:
            lines += mismatch_text(mismatch)
            if mismatch.of_value and mismatch.result in beats and described < DESCRIBED:
                lines += [f"    {line}" for line in given.describe(beats[mismatch.result])]
                described += 1
    failed = [point for point in outcome.points if point[2]]
    if failed:
        lines.append("testpoints with failures")
        lines += [f"  {name:40}{failures:8} of {checks:8} checks" for name, checks, failures in failed]
    unchecked = [name for name, checks, _ in outcome.points if checks == 0]
    if unchecked and not failed:
        lines.append(f"  testpoints without a check: {' '.join(unchecked)}")
    if wave:
        lines.append(f"  {'waveform':11}{wave}")
    lines.append(f"  {'report':11}{work / 'report.txt'}, every testpoint")
    if not outcome.right:
        lines.append(f"  {'again':11}{options.command()}")
    return "\n".join(lines)


def table(given, outcome):
    """Every testpoint with its checks and failures."""
    rows = {name: (0, 0) for name in given.names}
    rows.update({name: (checks, failures) for name, checks, failures in outcome.points})
    lines = [f"{'testpoint':40}{'checks':>10}{'failures':>10}"]
    lines += [f"{name:40}{checks:10}{failures:10}" for name, (checks, failures) in rows.items()]
    return "\n".join(lines) + "\n"
