#!/usr/bin/env python3
"""Tests of the plan: which cases come when. Nothing runs here, and the clock is a number."""

import math
import unittest

from regress_testing import main
from plan import Plan
from suites import Suite


def table(**seconds):
    return {name: Suite(name, seconds=value, limit=60) for name, value in seconds.items()}


class Ended:
    """What the plan reads of a record."""

    def __init__(self, seconds, outcome="passed"):
        self.started, self.ended, self.outcome = 0.0, seconds, outcome


def simulate(plan, jobs, until, seconds, shard_seconds=5):
    """Runs a plan on so many workers whose clock is a number. [(start, end, suite, index)] of all cases."""
    workers, flying, ran = [0.0] * jobs, [], []
    while True:
        now = min(workers)
        for shard, end in [one for one in flying if one[1] <= now]:
            flying.remove((shard, end))
            for index in list(shard.indexes):
                plan.ended(shard, Ended(seconds[shard.suite]))
        shard = plan.next(now, until, shard_seconds)
        if shard is None:
            busy = [time for time in workers if time > now]
            if not busy:
                return ran
            workers[workers.index(now)] = min(busy)
            continue
        at = now
        for number, index in enumerate(shard.indexes):
            if at + seconds[shard.suite] > shard.until:
                plan.give_back(shard, shard.indexes[number:], shard.attempt)
                shard.indexes = shard.indexes[:number]
                break
            ran.append((at, at + seconds[shard.suite], shard.suite, index))
            at += seconds[shard.suite]
        flying.append((shard, at))
        workers[workers.index(now)] = max(at, now + 1e-6)


class Plans(unittest.TestCase):
    def test_each_case_runs_once(self):
        for jobs in (1, 2, 7):
            for shard_seconds in (0.1, 5, 1000):
                plan = Plan(table(a=1, b=0.1), {"a": 23, "b": 40})
                ran = simulate(plan, jobs, math.inf, {"a": 1.5, "b": 0.2}, shard_seconds)
                names = sorted((suite, index) for _, _, suite, index in ran)
                self.assertEqual(names, [("a", i) for i in range(23)] + [("b", i) for i in range(40)])
                self.assertEqual(plan.left(), 0)

    def test_what_has_its_record_does_not_run(self):
        plan = Plan(table(a=1), {"a": 6}, done={"a-1", "a-4"}, lost={"a-2": 1})
        self.assertEqual(plan.left(), 4)
        first = plan.next(0, math.inf, 5)
        self.assertEqual((first.indexes, first.attempt), ([2], 2))
        ran = simulate(plan, 1, math.inf, {"a": 1})
        self.assertEqual([index for _, _, _, index in ran], [0, 3, 5])

    def test_suites_take_turns(self):
        plan = Plan(table(a=1, b=1, c=1), {"a": 60, "b": 30, "c": 10})
        ran = simulate(plan, 1, math.inf, {"a": 1, "b": 1, "c": 1})
        half = [suite for _, _, suite, _ in ran[:50]]
        for suite, least in (("a", 24), ("b", 11), ("c", 3)):
            self.assertGreaterEqual(half.count(suite), least, half)

    def test_a_budget_is_shared_by_time(self):
        plan = Plan(table(quick=1, slow=1), {"quick": None, "slow": None})
        seconds = {"quick": 0.5, "slow": 4}
        ran = simulate(plan, 2, 200, seconds)
        self.assertLessEqual(max(end for _, end, _, _ in ran), 200)
        self.assertGreaterEqual(max(end for _, end, _, _ in ran), 190)
        spent = {name: sum(end - start for start, end, suite, _ in ran if suite == name) for name in seconds}
        self.assertGreater(min(spent.values()) / max(spent.values()), 0.8, spent)
        self.assertIsNone(plan.left())

    def test_a_budget_is_shared_by_time_with_suites_that_have_a_list(self):
        plan = Plan(table(quick=1, listed=1), {"quick": None, "listed": 100000})
        ran = simulate(plan, 2, 200, {"quick": 1, "listed": 1})
        spent = [sum(suite == name for _, _, suite, _ in ran) for name in ("quick", "listed")]
        self.assertGreater(min(spent) / max(spent), 0.8, spent)

    def test_each_suite_starts_within_any_budget(self):
        plan = Plan(table(a=30, b=30), {"a": None, "b": None})
        self.assertEqual(sorted(suite for _, _, suite, _ in simulate(plan, 1, 1, {"a": 30, "b": 30})), ["a", "b"])

    def test_first_failures_first(self):
        order = [("b", 7), ("a", 3), ("b", 2), ("a", 9)]
        plan = Plan(table(a=1, b=1), {"a": [3, 9], "b": [7, 2]}, order=order)
        self.assertEqual([case[2:] for case in simulate(plan, 1, math.inf, {"a": 1, "b": 1})], order)

    def test_a_lost_case_comes_first_and_alone(self):
        plan = Plan(table(a=1), {"a": 100})
        plan.ended(plan.next(0, math.inf, 1), Ended(1))
        shard = plan.next(0, math.inf, 5)
        plan.give_back(shard, [shard.indexes[0]], 2)
        again = plan.next(0, math.inf, 5)
        self.assertEqual((again.indexes, again.attempt), ([shard.indexes[0]], 2))

    def test_shards_are_as_long_as_asked(self):
        plan = Plan(table(a=1), {"a": 100000})
        plan.ended(plan.next(0, math.inf, 20), Ended(0.5))
        self.assertEqual(len(plan.next(0, math.inf, 20).indexes), 40)
        self.assertLessEqual(len(plan.next(0, 3, 20).indexes), 6)


if __name__ == "__main__":
    main()
