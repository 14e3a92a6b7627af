#!/usr/bin/env python3
"""Whole regressions on a cluster of two nodes: what is killed in the middle runs again, and nothing counts twice.

usage: testbench/slurm/test_regression.py FOLDER [TEST...]

The cluster and the runs lie in FOLDER. A case waits until the test opens its gate, so that the test knows what runs where
when it kills something, however slow the machine is.
"""

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "regress"))
sys.dont_write_bytecode = True

import cluster  # noqa: E402
import records  # noqa: E402

# What is sent Ctrl-C must not have inherited that it is ignored, as what a shell starts in the background has.
signal.signal(signal.SIGINT, signal.default_int_handler)

BASE = "1"
CHECKS = 5  # of each case
CASE = """
import hashlib, os, signal, sys, time
gates, kind, index, seed = sys.argv[1:]
print("node", os.environ.get("SLURMD_NODENAME", "none"), "shard", os.getppid(), "job",
      os.environ.get("SLURM_ARRAY_JOB_ID", "") + "_" + os.environ.get("SLURM_ARRAY_TASK_ID", ""), "end", flush=True)
while not any(os.path.exists(f"{gates}/{name}") for name in ("all", index)):
    time.sleep(0.05)
if kind == "fatal" and index == "1":
    os.kill(os.getppid(), signal.SIGKILL)
print("stimuli", hashlib.sha256(seed.encode()).hexdigest(), "numbers")
print("checks 5")
if kind == "wrong" and index == "23":
    sys.exit("error: a wrong result")
"""


class Regression(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Arrays of at most 5 elements, so that every run needs several.
        cls.cluster = cls.enterClassContext(cluster.Cluster(FOLDER / "cluster", cpus=3, array=5))

    def setUp(self):
        self.box = FOLDER / self._testMethodName
        subprocess.run(["rm", "-rf", self.box], check=True)
        (self.box / "gates").mkdir(parents=True)
        (self.box / "case.py").write_text(CASE)
        (self.box / "suites.txt").write_text("".join(
            f"suite {kind}\nlimit 120\nseconds 1\ncommand {sys.executable} -B {self.box}/case.py {self.box}/gates {kind} "
            "{index} {seed}\n" for kind in ("right", "wrong", "fatal")))
        self.run_folder = self.box / "run"
        self.addCleanup(self.end_jobs)
        for node in self.cluster.nodes:
            if node not in self.cluster.daemons:  # a test has killed it
                self.cluster.start_node(node)
            self.cluster.wait_idle(node)

    def end_jobs(self):
        self.cluster.client("scancel", f"--user={os.getuid()}")
        cluster.wait_for("jobs end", lambda: self.cluster.client("squeue", "--noheader") == (0, ""))

    # --- Runs ---

    def start(self, suite, seeds, *options, engine="slurm", folder=None, environment=None):
        """A regression in the background; its output goes to a file beside its folder."""
        self.output = self.box / "output"
        with open(self.output, "ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-B", ROOT / "scripts/regress/regress.py", "--engine", engine, "--suites", suite,
                 "--seeds", str(seeds), "--base", BASE, "--folder", folder or self.run_folder, "--table",
                 self.box / "suites.txt", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment or self.cluster.environment)

        def end():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.addCleanup(end)
        return process

    def code(self, process):
        try:
            return process.wait(timeout=2 * cluster.LIMIT)
        except subprocess.TimeoutExpired:
            self.fail(f"no end of the run: {self.said()}")

    def said(self):
        return self.output.read_text(errors="replace")

    def open_gate(self, name="all"):
        (self.box / "gates" / str(name)).touch()

    def words_of(self, suite, index):
        """{what: value} of a case that waits at its gate, from its log; nothing before it does."""
        log = self.run_folder / "logs" / f"{suite}-{index}.log"
        words = log.read_text().split() if log.exists() else []
        return dict(zip(words[0::2], words[1::2])) if "end" in words else {}

    def waiting(self, suite, count, seeds):
        """{index: words} when so many cases wait."""
        def look():
            found = {index: words for index in range(seeds) if (words := self.words_of(suite, index))}
            return found if len(found) >= count else None
        return cluster.wait_for(f"{count} cases run", look)

    def records(self, folder=None):
        found, bad = records.read(folder or self.run_folder)
        self.assertEqual(bad, [])
        return {record.index: record for record in found}

    def own_jobs(self):
        """Jobs of regressions that are not at their end."""
        rows = self.cluster.client("squeue", "--noheader", "--array", "--format=%j %T")[1].splitlines()
        return [row for row in rows if row.startswith("if4-regress-")]

    # --- Tests ---

    def test_a_node_is_killed(self):
        """And a job, another is cancelled, and a record is cut; the rest must be as in a local run."""
        seeds = 24
        run = self.start("wrong", seeds)
        cases = self.waiting("wrong", 6, seeds)
        there = {node: [index for index in cases if cases[index]["node"] == node] for node in self.cluster.nodes}
        self.assertEqual([len(indexes) for indexes in there.values()], [3, 3])
        cut, killed, cancelled = there["node1"]

        run.send_signal(signal.SIGSTOP)  # so that it does not read the record before it is cut
        self.open_gate(cut)
        path = records.path_of(self.run_folder, f"wrong-{cut}")
        cluster.wait_for("a record", path.exists)
        path.write_bytes(path.read_bytes()[:100])
        os.kill(int(cases[killed]["shard"]), signal.SIGKILL)
        self.cluster.client("scancel", cases[cancelled]["job"])
        self.cluster.kill_node("node2")
        run.send_signal(signal.SIGCONT)
        self.open_gate()

        self.assertEqual(self.code(run), 1, self.said())  # the one wrong case
        found = self.records()
        self.assertEqual(sorted(found), list(range(seeds)))
        self.assertEqual({index for index, record in found.items() if not record.passed}, {seeds - 1})
        self.assertEqual({index: record.attempt for index, record in found.items() if record.attempt > 1},
                         dict.fromkeys(cases, 2))
        self.assertEqual({self.words_of("wrong", index)["node"] for index in cases}, {"node1"})
        self.assertTrue(all(record.queued <= record.started for record in found.values()))
        for text in (f"{seeds} of {seeds} cases done, 1 failed, {seeds * CHECKS} checks", "on node2: NODE_FAIL",
                     "on node1: CANCELLED", "on node1: FAILED", f"wrong-{cut}.json"):
            self.assertIn(text, self.said())
        self.assertEqual(self.own_jobs(), [])

        local = self.box / "local"
        self.assertEqual(self.code(self.start("wrong", seeds, engine="local", folder=local)), 1, self.said())
        self.assertEqual(*([(record.index, record.seed, record.outcome, record.digest, record.checks,
                             record.failure.splitlines()[-1:]) for record in some.values()]
                           for some in (found, self.records(local))))

    def test_stopped_and_started_again(self):
        """By Ctrl-C, then by SIGKILL; only what has no record runs again, and no other job is touched."""
        seeds = 8
        _, other = self.cluster.client("sbatch", "--parsable", "--output=/dev/null", "--wrap=sleep 1000")
        run = self.start("right", seeds)
        for index in range(3):
            self.open_gate(index)
        cluster.wait_for("records", lambda: len(self.records()) == 3)
        run.send_signal(signal.SIGINT)
        self.assertEqual(self.code(run), 128 + signal.SIGINT, self.said())
        self.assertEqual(self.own_jobs(), [])
        self.assertEqual(self.cluster.client("squeue", "--noheader", "--format=%i")[1], other)
        first = self.records()
        self.assertEqual((sorted(first), {record.outcome for record in first.values()}), ([0, 1, 2], {"passed"}))

        run = self.start("right", seeds)
        self.open_gate(3)
        cluster.wait_for("a record", lambda: 3 in self.records())
        run.kill()
        run.wait()
        self.assertNotEqual(self.own_jobs(), [])
        first = self.records()
        run = self.start("right", seeds)
        cluster.wait_for("a word", lambda: "jobs of an earlier run" in self.said())
        self.open_gate()
        self.assertEqual(self.code(run), 0, self.said())
        found = self.records()
        self.assertEqual((sorted(found), {record.outcome for record in found.values()}), (list(range(seeds)), {"passed"}))
        self.assertEqual({index: found[index] for index in first}, first)
        self.assertIn(f"{seeds} of {seeds} cases done, 0 failed, {seeds * CHECKS} checks", self.said())

    def test_a_case_that_always_kills_its_job_is_lost(self):
        self.open_gate()
        self.assertEqual(self.code(self.start("fatal", 3)), 1, self.said())
        found = self.records()
        self.assertEqual({index: (record.outcome, record.attempt) for index, record in found.items()},
                         {0: ("passed", 1), 1: ("lost", records.MOST_ATTEMPTS), 2: ("passed", 1)})
        self.assertIn("job ", found[1].failure)

    def test_what_slurm_does_not_take_is_one_line_and_clears_nothing(self):
        self.open_gate()
        self.assertEqual(self.code(self.start("right", 2)), 0, self.said())
        before = self.records()
        nobody = self.box / "slurm.conf"
        nobody.write_text("ClusterName=none\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=1\n")
        for options, settings, says in (
                (("--options=--partition=nope",), {}, "invalid partition specified: nope"),
                (("--options=--array=1",), {}, "--array is set by the regression itself"),
                ((), {"SLURM_CONF": str(nobody)}, "no controller answers: ")):
            with self.subTest(says):
                self.output.unlink()
                run = self.start("right", 3, *options, environment=dict(self.cluster.environment, **settings))
                self.assertEqual(self.code(run), 2, self.said())
                self.assertIn(says, self.said())
                self.assertEqual(self.said().count("\n"), 1)
                self.assertEqual(self.records(), before)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.split("\n\n")[1])
    FOLDER = Path(sys.argv.pop(1)).resolve()
    unittest.main()
