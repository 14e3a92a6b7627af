"""What a run comes to, from its run.json and its records alone: the figures of the page, of JUnit and of the history.

A Summary is made anew each time, of a run that goes on, that was stopped, or that is over. Nothing is passed that has no
whole record saying so.
"""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import records
from plain import duration

MOST_TIMES = 20  # slowest cases
MOST_LINES, MOST_LINE = 40, 400  # of the text of a failure that tells kinds apart; characters of a line
# From worst to best; with what a reader is told of them.
WORDS = {"failed": "a check failed", "crashed": "ended by a signal that nobody sent", "hung": "ended at its limit of time",
         "empty": "exit code 0, but nothing was checked", "lost": "its process or machine was gone, each time it ran"}


@dataclass
class Times:
    """Seconds of the cases of a suite."""
    values: list = field(default_factory=list)

    def at(self, share):
        """The time that this share of the cases needed at most, or None."""
        if not self.values:
            return None
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def total(self):
        return sum(self.values)


@dataclass
class Suite:
    name: str
    planned: int = None  # cases that were to be run, where the run says so
    outcomes: Counter = field(default_factory=Counter)
    checks: int = 0
    running: Times = field(default_factory=Times)
    waiting: Times = field(default_factory=Times)

    @property
    def done(self):
        return sum(self.outcomes.values())

    @property
    def failed(self):
        return self.done - self.outcomes["passed"]

    @property
    def left(self):
        return max(0, self.planned - self.done) if self.planned is not None else 0


@dataclass
class Bucket:
    """Failures of one outcome and signature."""
    outcome: str
    signature: str
    records: list = field(default_factory=list)

    @property
    def key(self):
        return hashlib.sha256(f"{self.outcome}\n{self.signature}".encode(errors="replace")).hexdigest()[:12]

    def suites(self):
        return Counter(record.suite for record in self.records)


@dataclass
class Summary:
    folder: Path
    run: dict
    records: list
    bad: list            # a line for each file of records that is none
    suites: dict         # {name: Suite}, in the order of the run
    buckets: list        # of Bucket, the largest first
    coverage: dict = None  # of covered.judge()

    @property
    def done(self):
        return len(self.records)

    @property
    def failed(self):
        return sum(suite.failed for suite in self.suites.values())

    @property
    def left(self):
        return sum(suite.left for suite in self.suites.values())

    @property
    def checks(self):
        return sum(suite.checks for suite in self.suites.values())

    @property
    def outcomes(self):
        return sum((suite.outcomes for suite in self.suites.values()), Counter())

    @property
    def began(self):
        return self.run.get("started") or min((record.queued for record in self.records), default=0)

    @property
    def took(self):
        """Seconds that the run has gone on; what lies between a stop and the next start is no part of it."""
        sessions = self.run.get("sessions")
        if sessions:
            return max(0, sum(end - start for start, end in sessions))
        return max([0, *(record.ended - self.began for record in self.records)])

    @property
    def over(self):
        """Whether the run has come to its end; one that says nothing of it is over when no case is left."""
        return bool(self.run["finished"]) if "finished" in self.run else not self.left

    @property
    def busy(self):
        """Seconds in which cases ran, all processes together."""
        return sum(suite.running.total() for suite in self.suites.values())

    def again(self):
        """Cases whose process was gone at least once, and which ran again."""
        return [record for record in self.records if record.attempt > 1 and record.outcome != "lost"]

    def slowest(self):
        return sorted(self.records, key=lambda record: record.started - record.ended)[:MOST_TIMES]

    def testpoints(self):
        """{testpoint: [checks, failures]}, of all cases that say them."""
        points = defaultdict(lambda: [0, 0])
        for record in self.records:
            for name, (checks, failures) in record.testpoints.items():
                points[name][0] += checks
                points[name][1] += failures
        return dict(points)

    def problems(self):
        """A line for each thing beside failed cases because of which the run has not passed."""
        lines = []
        if not self.over or self.left:
            budget = self.run.get("budget")
            left = f", {self.left:,} are left" if self.left else ""
            left += f", {duration(self.took)} of {duration(budget)} are spent" if budget and not self.over else ""
            lines.append(f"{'Not every case was run' if self.over else 'The run was stopped, or still goes on'}: "
                         f"{self.done:,} cases are done{left}")
        lines += self.run.get("unfinished") or []
        for name in self.run.get("expected") or ():
            if name not in self.suites or not self.suites[name].done:
                lines.append(f"The suite {name} was to be run, and has no record at all")
        if self.bad:
            lines.append(f"Bad records, whose cases count as not run: {len(self.bad):,}")
        if self.records and self.checks == 0:
            lines.append("Nothing was checked")
        if not self.records:
            lines.append("No case has a record")
        if self.coverage and not self.coverage["passed"]:
            lines.append(f"Coverage: {self.coverage['refused'] or 'what was covered is less than it must be'}")
        return lines

    @property
    def passed(self):
        return self.failed == 0 and not self.problems()

    @property
    def verdict(self):
        """One word or two for the whole run."""
        if self.failed:
            return "failed"
        if not self.over:
            return "stopped"
        if self.left or self.bad:
            return "not complete"
        if self.checks == 0:
            return "nothing checked"
        if any(not self.suites[name].done if name in self.suites else True for name in self.run.get("expected") or ()):
            return "not complete"
        return "passed" if self.passed else "failed"


def again(run):
    """What a user types for the same cases: a command without a base would choose a new one. Of parts, a line for each."""
    lines = [text if "BASE=" in text or "FAILED=" in text else f"{text} BASE={run['base']}"
             for text in (run.get("command") or "make regress").splitlines()]
    return "\n".join(lines)


def planned_of(run):
    """{suite: cases that were to be run, or None for as many as there is time for} in the order of the run."""
    planned = run.get("planned")
    if isinstance(planned, dict):
        return {str(name): number if type(number) is int and number >= 0 else None for name, number in planned.items()}
    cases = Counter(str(suite) for suite, _ in run.get("cases") or ())
    return {str(name): cases.get(name) for name in run.get("suites") or ()}


def summarize(folder, run, found, bad):
    suites = {name: Suite(name, planned) for name, planned in planned_of(run).items()}
    buckets = {}
    for record in found:
        suite = suites.setdefault(record.suite, Suite(record.suite))
        suite.outcomes[record.outcome] += 1
        suite.checks += record.checks
        suite.running.values.append(record.ended - record.started)
        suite.waiting.values.append(max(0, record.started - record.queued))
        if not record.passed:
            signature = records.signature("\n".join(line[:MOST_LINE] for line in record.failure.splitlines()[:MOST_LINES]))
            key = record.outcome, signature
            buckets.setdefault(key, Bucket(record.outcome, signature)).records.append(record)
    for bucket in buckets.values():
        bucket.records.sort(key=lambda record: (record.started, record.suite, record.index))
    order = sorted(buckets.values(), key=lambda bucket: (-len(bucket.records), bucket.outcome, bucket.signature))
    return Summary(Path(folder), run, found, bad, suites, order)


def read(folder):
    """The summary of the run in a folder; ValueError, in one line, where there is no run."""
    folder = Path(folder)
    run = records.read_run(folder)
    found, bad = records.read(folder)
    return summarize(folder, run, found, bad)
