"""Keeps an engine busy with shards, reads the records that they leave, and says what became of them."""

import math
import time

import records
from live import clock, short
from shard import repeat

TICK = 0.2  # seconds between two looks at the records
MOST_SAID = 10  # failures that are said as they come
MOST_LISTED = 20  # failures in the summary


class Scheduler:
    def __init__(self, run, plan, engine, live, until):
        self.run, self.plan, self.engine, self.live, self.until = run, plan, engine, live, until
        self.flying = []  # shards
        self.records = {}  # by name
        self.digests = {}  # (suite, part, digest) of stimuli to (name, seed)
        self.before = 0  # checks that were made in earlier sessions
        self.checks = 0  # in this one
        self.start = time.monotonic()
        self.said = 0

    # --- Records ---

    def take_note(self, record):
        """A record of an earlier session."""
        self.records[record.name] = record
        self.before += record.checks
        self.twin(record)

    def twin(self, record):
        """(part, name, seed) of another seed's case with the same stimuli in a part, or None."""
        found = None
        for part, digest in record.parts.items():
            name, seed = self.digests.setdefault((record.suite, part, digest), (record.name, record.seed))
            if seed != record.seed:
                found = (part, name, seed)
        return found

    def collect(self, shard):
        """Takes the records that a shard has left since the last look, in the order of its cases."""
        while shard.indexes:
            name = f"{shard.suite}-{shard.indexes[0]}"
            record, _ = records.read_one(self.run.folder, name)
            if record is None or record.base != self.run.base or record.queued < shard.queued - 0.001:
                return
            shard.indexes.pop(0)
            self.accept(shard, record)

    def accept(self, shard, record):
        twin = self.twin(record)
        if twin and record.passed:
            part, record.twin, seed = twin
            record.outcome = "empty"
            record.failure = (f"the same stimuli as {record.twin}, seed {seed}{', in ' + part if part else ''}: "
                              "they do not depend on the seed")
            records.write(self.run.folder, record)
        self.records[record.name] = record
        self.checks += record.checks
        self.plan.ended(shard, record)
        if not record.passed and record.final:
            self.said += 1
            if self.said <= MOST_SAID:
                self.live.say(failure_line(record))
            elif self.said == MOST_SAID + 1:
                self.live.say("regress: more failures are counted, and not said one by one")

    def lose(self, shard, said):
        """The first case without a record was running when its shard ended; the others did not start."""
        name, index = shard.suite, shard.indexes.pop(0)
        now = time.time()
        run = self.run.values
        record = records.Record(
            suite=name, index=index, seed=records.seed(run["base"], name, index), base=run["base"], commit=run["commit"],
            command=[], repeat=repeat(name, index, run), host="", outcome="lost", exit=None, signal=None, checks=0,
            digest=None, parts={}, twin=None, attempt=shard.attempt, queued=shard.queued, started=now, ended=now,
            log=f"logs/{name}-{index}.log", wave=None, failure=f"no record: {said}", coverage=None)
        records.write(self.run.folder, record)
        self.accept(shard, record)
        if not record.final:
            self.live.say(f"lost {record.name}, attempt {record.attempt} of {records.MOST_ATTEMPTS}: {said}")
            self.plan.give_back(shard, [index], shard.attempt + 1)

    def close(self, shard, right, said):
        """A shard has ended. `right`: what has no record did not start."""
        while shard.indexes:
            self.collect(shard)
            if not shard.indexes:
                break
            _, problem = records.read_one(self.run.folder, f"{shard.suite}-{shard.indexes[0]}")
            if problem:
                self.lose(shard, problem)
            elif not right:
                self.lose(shard, said)
                right = True
            else:
                self.plan.give_back(shard, shard.indexes, shard.attempt)
                break

    # --- Work ---

    def work(self):
        """Until nothing is left that would end in time."""
        while True:
            while self.engine.room() > 0:
                shard = self.plan.next(time.time(), self.until, self.engine.shard_seconds)
                if shard is None:
                    break
                self.flying.append(shard)
                self.engine.submit([shard])
            if not self.flying:
                break
            ended = self.engine.poll(TICK)
            for shard in self.flying:
                self.collect(shard)
            for shard, right, said in ended:
                self.flying.remove(shard)
                self.close(shard, right, said)
            self.run.beat()
            if self.live.due():
                self.live.show(f"regress: {self.text()}{self.time_left()}{self.engine.status()}")
        self.live.clear()

    def stop(self):
        """Ends all that runs; records that are there count."""
        self.engine.cancel()
        for shard in self.flying:
            self.collect(shard)
        self.live.clear()

    # --- Words ---

    def failures(self):
        return sorted((one for one in self.records.values() if not one.passed), key=lambda one: one.ended)

    def text(self):
        """Counts so far: done, failed, checks a second."""
        seconds = max(0.001, time.monotonic() - self.start)
        left = self.plan.left()
        waiting = sum(len(shard.indexes) for shard in self.flying)
        total = "" if left is None else f" of {len(self.records) + left + waiting}"
        return (f"{len(self.records)}{total} cases done, {len(self.failures())} failed, "
                f"{short(self.checks + self.before)} checks, {short(self.checks / seconds)} a second")

    def time_left(self):
        waiting = sum(len(shard.indexes) * shard.seconds for shard in self.flying)
        jobs = max(1, len(self.flying) or self.run.args.jobs)
        left = math.inf if self.plan.left() is None else (self.plan.seconds_left() + waiting) / jobs
        return f", {clock(min(left, self.until - time.time()))} left"

    def summary(self, problems):
        """Says how the run ended, with what its report says against it beside failed cases. Whether every case passed, and
        nothing is said against it."""
        failures = self.failures()
        say = self.live.say
        if failures:
            say("What failed, the first failure first:")
        for record in failures[:MOST_LISTED]:
            say(f"  {failure_line(record)}")
        if len(failures) > MOST_LISTED:
            say(f"  and {len(failures) - MOST_LISTED} more")
        right = not failures and not problems
        for name in self.run.suites:
            some = [record for record in self.records.values() if record.suite == name]
            checks = sum(record.checks for record in some)
            seconds = sum(record.ended - record.started for record in some)
            passed = sum(record.passed for record in some)
            say(f"  {name:12} {len(some):6} cases {passed:6} passed {short(checks):>6} checks "
                f"{short(checks / seconds) if seconds else 0:>6} a second of one worker")
            if not some or checks == 0:
                say(f"  {name}: nothing was checked")
                right = False
        for line in problems:
            say(f"  {line}")
        say(f"regress: {'PASS' if right else 'FAIL'}, {self.text()}, {clock(time.monotonic() - self.start)}; "
            f"report in {self.run.folder}")
        return right


def failure_line(record):
    first = record.failure.splitlines()[0] if record.failure else ""
    return f"{record.outcome.upper():8}{record.name}, seed {record.seed}: {first[:120]}; again: {record.repeat}"
