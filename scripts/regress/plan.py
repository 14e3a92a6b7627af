"""Which case comes next, and in which shard: suites in turn, by the time that they take."""

import itertools
import math
import sys
from dataclasses import dataclass
from pathlib import Path

SHARD = Path(__file__).resolve().parent / "shard.py"


@dataclass
class Shard:
    """Cases of a suite that one process runs in this order."""
    suite: str
    indexes: list
    attempt: int = 1
    queued: float = 0  # Unix seconds
    until: float = math.inf  # Unix seconds; no case starts that would probably end later
    seconds: float = 1  # what one case probably takes

    def words(self, folder):
        """The command line that runs it."""
        until = [] if self.until == math.inf else ["--until", f"{self.until:.3f}", "--seconds", f"{self.seconds:.3f}"]
        return [sys.executable, "-B", str(SHARD), "--attempt", str(self.attempt), "--queued", f"{self.queued:.3f}", *until,
                str(folder), self.suite, *map(str, self.indexes)]


@dataclass
class Queue:
    """What is left of a suite."""
    suite: str
    left: object  # an iterator over indexes
    total: int | None  # None: as many as there is time for
    seconds: float  # of a case: the mean of what was measured, or the table's
    again: list  # (index, attempt) of cases that come before the others
    started: bool  # whether a case of it has run or runs
    measured: int = 0
    given: int = 0  # cases handed out
    spent: float = 0  # seconds that these take, as far as is known

    def take(self, most):
        """Up to so many cases of one attempt, as (indexes, attempt)."""
        if self.again:
            attempt = self.again[0][1]
            some = [index for index, other in self.again if other == attempt][:most if attempt == 1 else 1]
            self.again = [(index, other) for index, other in self.again if index not in some]
            return some, attempt
        return list(itertools.islice(self.left, most)), 1

    def measure(self, seconds):
        self.measured += 1
        self.seconds += (seconds - self.seconds) / self.measured


def _left(name, indexes, done, lost):
    for index in indexes:
        if f"{name}-{index}" not in done and f"{name}-{index}" not in lost:
            yield index


class Plan:
    """Hands out shards.

    wanted  for each suite how many cases it has, or a list of indexes, or None for as many as there is time for
    done    names of the cases that have their record
    lost    {name: attempt} of those that are lost and run again
    order   all cases as (suite, index), where they run in that order and not suite by suite in turn
    """

    def __init__(self, suites, wanted, done=(), lost=None, order=None):
        self.queues, lost = {}, lost or {}
        self.order = None if order is None else [case for case in order if "{}-{}".format(*case) not in {*done, *lost}]
        for name, suite in suites.items():
            indexes = itertools.count() if wanted[name] is None else wanted[name]
            indexes = range(indexes) if isinstance(indexes, int) else indexes
            total = None if wanted[name] is None else sum(f"{name}-{index}" not in done for index in indexes)
            again = [(int(case.rpartition("-")[2]), attempt + 1) for case, attempt in lost.items()
                     if case.rpartition("-")[0] == name]
            started = any(case.startswith(f"{name}-") for case in done)
            self.queues[name] = Queue(name, _left(name, indexes, done, lost), total, suite.seconds, again, started)

    def left(self):
        """Cases that were not handed out yet; None where time alone ends the run."""
        if any(queue.total is None for queue in self.queues.values()):
            return None
        return sum(queue.total - queue.given for queue in self.queues.values())

    def seconds_left(self):
        """Of one worker, for the cases that were not handed out yet."""
        return sum((queue.total - queue.given) * queue.seconds for queue in self.queues.values() if queue.total is not None)

    def _rank(self, queue, until):
        """The least is next: what runs again, then what had the least of its part, of its cases or of the time."""
        if queue.again:
            return (0, 0)
        if self.order is not None:
            return (1, next((place for place, case in enumerate(self.order) if case[0] == queue.suite), len(self.order)))
        return (1, queue.spent if until < math.inf else queue.given / max(1, queue.total))

    def next(self, now, until, shard_seconds):
        """The next shard, or None where nothing is left, or nothing that would end in time."""
        waiting = list(self.queues.values())
        while waiting:
            queue = min(waiting, key=lambda one: self._rank(one, until))
            waiting.remove(queue)
            if queue.started and now + queue.seconds > until:
                continue  # The first case of each suite starts whatever the time.
            # Until one was measured, the table's seconds may be far off.
            most = max(1, int(min(shard_seconds / (1 if queue.measured else 4), until - now) / queue.seconds))
            if queue.total is not None:
                most = min(most, max(1, queue.total // 8))  # no worker is left with a long shard at the end
            indexes, attempt = queue.take(most if self.order is None else 1)
            if indexes:
                if self.order is not None:
                    self.order = [case for case in self.order if case != (queue.suite, indexes[0])]
                first, queue.started = not queue.started, True
                queue.given += len(indexes)
                queue.spent += len(indexes) * queue.seconds
                return Shard(queue.suite, indexes, attempt, now, math.inf if first else until, queue.seconds)
        return None

    def ended(self, shard, record):
        """A case has its record."""
        queue = self.queues[shard.suite]
        seconds = record.ended - record.started
        queue.spent += seconds - shard.seconds
        if record.outcome != "lost":
            queue.measure(seconds)

    def give_back(self, shard, indexes, attempt):
        """Cases that did not start, or are lost, and run again."""
        queue = self.queues[shard.suite]
        queue.given -= len(indexes)
        queue.spent -= len(indexes) * shard.seconds
        queue.again += [(index, attempt) for index in indexes]
