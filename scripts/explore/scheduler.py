"""Runs the steps of points that have no record, as each becomes known: the cycles of a point depend on its clock."""

import math
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import metrics
import records
import steps
from expressions import ExpressionError, Unknown

HERE = Path(__file__).resolve().parent
SHARD_SECONDS = 3.0  # of steps that one process runs one after the other
MOST_ATTEMPTS = 2    # of a step whose process was gone without a word
TICK = 0.2


@dataclass
class Shard:
    """Steps of one process, as the engines of scripts/regress run them."""
    folder: Path
    steps: list
    attempt: int = 1
    until: float = math.inf

    def words(self, _folder):
        return [sys.executable, "-B", str(HERE / "step.py"), str(self.folder), *(step.key for step in self.steps)]


@dataclass
class Kind:
    """What is known of the steps of a kind: seconds that they took, and how many there are."""
    seconds: list = field(default_factory=list)
    cached: int = 0
    new: int = 0
    ran: int = 0

    def each(self, name):
        return statistics.fmean(self.seconds) if self.seconds else steps.SECONDS[name]


class Scheduler:
    def __init__(self, spec, context, folder):
        self.spec, self.context, self.folder = spec, context, Path(folder)
        self.kinds = {kind: Kind() for kind in records.KINDS}
        self.results = {}    # key: result of a step
        self.reasons = {}    # key: why it has none
        self.known = {}      # key: step
        self.points = {}     # name of a point: {kind: step}
        self.waiting = []    # steps to be run
        self.flying = []     # shards
        self.open = list(spec.points)  # points that are not at their end
        self.until = math.inf

    # --- Points ---

    def steps_of(self, point):
        """The steps that are known of a point; its cycles need its clock."""
        found = self.points.setdefault(point.name, {})
        if not found:
            for make in (self.context.synthesis, self.context.accuracy, self.context.network, self.context.energy):
                if step := make(self.spec, point):
                    found[step.kind] = step
        if "cycles" not in found and (size := self.result(found["synthesis"])):
            found["cycles"] = self.context.cycles(self.spec, point, 1000 / size["critical_path_ns"])
        point.keys = {kind: step.key for kind, step in found.items()}
        return found

    def advance(self, point):
        """Takes note of what a point has, and asks for what it needs next. Whether it is at its end."""
        wanted = self.steps_of(point)
        found = {kind: result for kind, step in wanted.items() if (result := self.result(step))}
        reasons = {}
        for kind, step in wanted.items():
            if step.key in self.reasons:
                reasons.setdefault(self.reasons[step.key].removeprefix(f"{kind}: "), []).append(kind)
        point.values = metrics.of_point(point, self.spec, found)
        if self.excluded(point):
            point.status = "excluded"
            return True
        missing = [step for kind, step in wanted.items() if kind not in found and step.key not in self.reasons]
        for step in missing:
            self.want(step)
        if missing:
            return False
        if not reasons and self.excluded(point, final=True):
            point.status = "excluded"
            return True
        point.status, point.reason = ("failed", "; ".join(
            f"{', '.join(kinds)}: {reason}" for reason, kinds in reasons.items())) if reasons else ("done", "")
        return True

    def excluded(self, point, final=False):
        """Whether a condition is false of what is known; gives the point its reason. `final`: nothing more will be known."""
        values = {**point.axes, **point.values}
        for condition in self.spec.conditions:
            try:
                if not condition.holds(values):
                    point.reason = f"not {condition.text}"
                    return True
            except Unknown as unknown:
                if final:
                    point.reason = f"not {condition.text}: it has no {unknown}"
                    return True
            except ExpressionError as error:
                point.reason = str(error)
                return True
        return False

    def result(self, step):
        if step.key not in self.results and step.key not in self.known:
            if record := records.read(self.folder, step.kind, step.key):
                self.results[step.key] = record["result"]
                self.kinds[step.kind].cached += 1
                self.kinds[step.kind].seconds.append(record["seconds"])
        return self.results.get(step.key)

    def want(self, step):
        if step.key in self.known:
            return
        self.known[step.key] = step
        self.waiting.append(step)
        self.kinds[step.kind].new += 1

    # --- Plan ---

    def plan(self):
        """Looks at all points; returns how many have all they need. Cycles that wait for a clock count as new."""
        self.open = [point for point in self.open if not self.advance(point)]
        designs = {(point.keys["synthesis"], point.axes["network"], *(repr(point.axes[axis]) for axis in point.axes
                                                                      if axis not in ("liberty", "rule", "rht", "scales_2d")))
                   for point in self.open if "cycles" not in point.keys}
        self.later = len(designs)
        return len(self.spec.points) - len(self.open)

    def in_flight(self):
        """Of the steps of running processes, those that have no record yet, and how many have one."""
        flying = [step for shard in self.flying for step in shard.steps]
        left = [step for step in flying if not records.path_of(self.folder, step.kind, step.key).exists()]
        return left, len(flying) - len(left)

    def seconds_left(self):
        """Of all steps together, on one worker."""
        flying, _ = self.in_flight()
        return sum(self.kinds[step.kind].each(step.kind) for step in self.waiting + flying)

    def plan_text(self, jobs):
        lines = [f"  {'step':10} {'cached':>7} {'new':>7} {'s each':>8} {'s together':>11}"]
        together = 0.0
        for name, kind in self.kinds.items():
            new = kind.new + (self.later if name == "cycles" else 0)
            together += new * kind.each(name)
            lines.append(f"  {name:10} {kind.cached:7} {new:7} {kind.each(name):8.2f} {new * kind.each(name):11.0f}")
        return lines, together / max(1, jobs)

    # --- Work ---

    def shards(self):
        """Takes the waiting steps into shards, the longest first: those of a group together, small ones by the time they take."""
        groups, singles = {}, {}
        for step in self.waiting:
            (groups.setdefault(step.group, []) if step.group else singles.setdefault(step.kind, [])).append(step)
        self.waiting = []
        made = list(groups.values())
        for kind, found in singles.items():
            size = max(1, int(SHARD_SECONDS / max(0.01, self.kinds[kind].each(kind))))
            made += [found[first:first + size] for first in range(0, len(found), size)]
        made.sort(key=lambda one: -sum(self.kinds[step.kind].each(step.kind) for step in one))
        return [Shard(self.folder, one) for one in made]

    def request(self, shard):
        for step in shard.steps:
            reads = {str(path): steps.hash_of(str(path)) for path in step.reads}
            records.write(records.request_of(self.folder, step.key),
                          {"kind": step.kind, "parameters": step.parameters, "reads": reads})
            records.failure_of(self.folder, step.key).unlink(missing_ok=True)

    def work(self, engine, live, until=math.inf):
        """Until nothing is left to run, or time is over."""
        queue = self.shards()
        while queue or self.flying:
            while queue and engine.room() > 0 and time.time() < until:
                shard = queue.pop(0)
                self.request(shard)
                engine.submit([shard])
                self.flying.append(shard)
            if not self.flying:
                break
            ended = engine.poll(TICK)
            for shard, _, said in ended:
                self.flying.remove(shard)
                queue[:0] = self.close(shard, said)
            if ended:
                self.open = [point for point in self.open if not self.advance(point)]
                queue += self.shards()
            if live.due():
                self.waiting = [step for shard in queue for step in shard.steps]
                live.show(f"explore: {self.text()}, {self.seconds_left() / max(1, engine.jobs):.0f} s left{engine.status()}")
                self.waiting = []
        self.waiting = [step for shard in queue for step in shard.steps]
        live.clear()
        for point in self.open:
            point.status, point.reason = "left", "not run: the time was over"

    def close(self, shard, said):
        """Takes the records of a shard that has ended; returns shards of what must run again."""
        again = []
        for step in shard.steps:
            record = records.read(self.folder, step.kind, step.key)
            failure = records.read_json(records.failure_of(self.folder, step.key))
            if record:
                self.results[step.key] = record["result"]
                self.kinds[step.kind].seconds.append(record["seconds"])
                self.kinds[step.kind].ran += 1
            elif isinstance(failure, dict):
                self.reasons[step.key] = failure.get("reason", "no reason")
            elif shard.attempt < MOST_ATTEMPTS:
                again.append(Shard(self.folder, [step], shard.attempt + 1))
            else:
                self.reasons[step.key] = f"{step.kind}: its process left no record: {said or 'not a word'}"
            if record or step.key in self.reasons:
                records.request_of(self.folder, step.key).unlink(missing_ok=True)
        return again

    def stop(self, engine):
        """Ends all that runs; records that are there count at the next start."""
        engine.cancel()
        for shard in self.flying:
            for step in shard.steps:
                records.request_of(self.folder, step.key).unlink(missing_ok=True)
        records.sweep(self.folder)

    def commands(self, point):
        """{kind: the command that repeats it} of the steps of a point."""
        return {kind: steps.command(step) for kind, step in self.steps_of(point).items()}

    def text(self):
        done = len(self.spec.points) - len(self.open)
        failed = sum(point.status == "failed" for point in self.spec.points)
        ran = sum(kind.ran for kind in self.kinds.values()) + self.in_flight()[1]
        return f"{done} of {len(self.spec.points)} points, {failed} failed, {ran} steps ran, {len(self.flying)} run"
