#!/usr/bin/env python3
"""Tests of the history of runs, of joining the records of several machines, and of report.py as a command."""

import json
import subprocess
import sys
import unittest

from report_testing import BASE, ROOT, START, RunTest, record, records

import history
import join
import report
import summary as summaries

TOOL = ROOT / "scripts" / "regress" / "report.py"
DAY = 86400


def summary_of(day, failures=(), commit="3990dc1"):
    run = {"base": BASE + day, "commit": commit, "started": START + day * DAY, "finished": 1, "suites": ["unit"]}
    found = [record(index=0)] + [record(index=1 + index, outcome="failed", failure=text) for index, text in enumerate(failures)]
    return summaries.summarize(".", run, found, [])


class HistoryTest(RunTest):
    def kept(self, *runs):
        past = history.empty()
        for summary in runs:
            past = history.with_run(past, history.entry(summary))
        return past

    def test_a_failure_is_known_since_its_first_run(self):
        runs = [summary_of(0), summary_of(1, ["wrong 1"], "aaaaaaa"), summary_of(2), summary_of(3, ["wrong 22"], "ccccccc"),
                summary_of(4, ["wrong 3", "other"])]
        past, now = self.kept(*runs), history.entry(runs[-1])
        keys = {bucket.signature: bucket.key for bucket in runs[-1].buckets}
        first, last, times = history.seen_before(past, now, keys["wrong *"])
        self.assertEqual((first["commit"], last["commit"], times), ("aaaaaaa", "ccccccc", 2))
        self.assertIsNone(history.seen_before(past, now, keys["other"]))

    def test_an_older_run_knows_nothing_of_later_ones(self):
        old, new = summary_of(0, ["wrong 1"]), summary_of(5, ["wrong 2"])
        past = self.kept(old, new)
        past["first"][old.buckets[0].key] = {"started": START + DAY, "commit": "bbbbbbb"}
        self.assertIsNone(history.seen_before(past, history.entry(old), old.buckets[0].key))

    def test_the_page_says_since_when(self):
        folder = self.run_of([record(index=index, outcome="failed", failure=text)
                              for index, text in enumerate(("wrong 1", "wrong 2", "never before"))])
        history.records.write_json(history.path_of(folder), self.kept(summary_of(-2, ["wrong 7"], "aaaaaaa"), summary_of(-1)))
        report.write_page(folder)
        text = (folder / "report.html").read_text()
        self.assertIn("since the run of 2025-11-22 16:00 UTC, commit aaaaaaa (1 of 2 earlier runs had it)", text)
        self.assertLess(text.index("never before"), text.index("wrong *"))  # what is new comes first
        self.assertIn("History: 3 runs", text)

    def test_no_more_runs_than_are_kept_and_the_first_sight_stays(self):
        runs = [summary_of(0, ["wrong 1"], "aaaaaaa")] + [summary_of(day) for day in range(1, 200)] + [summary_of(200, ["wrong 2"])]
        past, now = self.kept(*runs), history.entry(runs[-1])
        self.assertEqual(len(past["runs"]), history.MOST_RUNS)
        first, _, _ = history.seen_before(past, now, runs[-1].buckets[0].key)
        self.assertEqual(first["commit"], "aaaaaaa")
        self.assertLess(len(json.dumps(past)), 40_000)

    def test_many_kinds_of_failures_stay_few(self):
        words = [f"{first}{second} is wrong" for first in "abcdefghij" for second in "abcdefghijklmnopqrst"]
        past = self.kept(*(summary_of(day, words) for day in range(100)))
        self.assertLessEqual(max(len(run["failures"]) for run in past["runs"]), history.MOST_SIGNATURES)
        self.assertLess(len(json.dumps(past)), 150_000)

    def test_the_same_run_is_one_entry_however_often_it_is_reported(self):
        folder = self.run_of([record(index=0)], finished=None, planned={"unit": 2})
        for _ in range(3):
            report.write(folder)
        records.write(folder, record(index=1))
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**run, "finished": START + 20}))
        report.write(folder)
        (only,) = history.read(folder)[0]["runs"]
        self.assertEqual((only["verdict"], only["cases"], only["left"]), ("passed", 2, 0))

    def test_what_is_no_history_is_kept_aside(self):
        for number, text in enumerate(("{", "[]", '{"version": 1, "runs": [1], "first": {}}', '{"version": 2, "runs": [], "first": {}}')):
            folder = self.run_of([record()], f"run{number}")
            history.path_of(folder).write_text(text)
            report.write_page(folder)
            (kept,) = folder.glob("history.bad-*.json")
            self.assertEqual(kept.read_text(), text)
            self.assertIn("was not a history of runs", (folder / "report.html").read_text())
            self.assertEqual(len(history.read(folder)[0]["runs"]), 1)


class JoinTest(RunTest):
    def refused(self, message, *folders):
        whole = self.folder / "whole"
        with self.assertRaisesRegex(ValueError, message):
            join.join(whole, folders)
        self.assertFalse(whole.exists())

    def test_parts_are_one_run(self):
        one = self.run_of([record(index=0), record(index=1, outcome="failed", failure="bad")], "one", {"unit-1": b"its log"})
        two = self.run_of([record("kit", 0), record(index=2)], "two")
        whole = self.folder / "whole"
        join.join(whole, [one, two], ["unit", "kit"])
        summary = report.write(whole)
        self.assertEqual([one.name for one in summary.records], ["kit-0", "unit-0", "unit-1", "unit-2"])
        self.assertEqual((summary.verdict, summary.left, summary.checks), ("failed", 0, 400))
        self.assertEqual({name: suite.planned for name, suite in summary.suites.items()}, {"unit": 3, "kit": 1})
        self.assertEqual((whole / "logs/unit-1.log").read_bytes(), b"its log")
        self.assertEqual(summary.problems(), [])

    def test_the_whole_names_the_command_of_each_part(self):
        one = self.run_of([record(index=0)], "one", command="make regress SUITES=unit")
        two = self.run_of([record("kit", 0)], "two", command=f"make regress SUITES=kit BASE={BASE}")
        join.join(self.folder / "whole", [one, two])
        again = f"make regress SUITES=unit BASE={BASE}\nmake regress SUITES=kit BASE={BASE}"
        self.assertEqual(summaries.read(self.folder / "whole").run["command"], again)
        self.assertEqual(summaries.again({"command": again, "base": BASE}), again)

    def test_a_missing_suite_and_a_stopped_part_are_no_pass(self):
        one = self.run_of([record(index=0)], "one", finished=None, planned={"unit": 4})
        whole = self.folder / "whole"
        join.join(whole, [one], ["unit", "kit"])
        summary = report.write(whole)
        self.assertEqual((summary.verdict, summary.left), ("stopped", 3))
        said = "\n".join(summary.problems())
        self.assertIn("The part " + str(one) + " was stopped", said)
        self.assertIn("The suite kit was to be run", said)

    def test_a_bad_record_stays_a_bad_record(self):
        one = self.run_of([record(index=0), record(index=1)], "one")
        records.path_of(one, "unit-1").write_text("{}")
        join.join(self.folder / "whole", [one, self.run_of([record("kit", 1)], "two")])
        summary = report.write(self.folder / "whole")
        self.assertEqual((len(summary.bad), summary.verdict), (1, "not complete"))

    def test_what_does_not_belong_together_is_refused(self):
        one = self.run_of([record(index=0)], "one")
        self.refused("the case unit-0 is in .*one already", one, self.run_of([record(index=0)], "same"))
        self.refused("its base is 5", one, self.run_of([record(index=1, base=5)], "base", base=5))
        self.refused("its commit is abc", one, self.run_of([record(index=1, commit="abc")], "commit", commit="abc"))
        self.refused("record of unit-1 is of another", one, self.run_of([record(index=1, commit="abc")], "record"))
        self.refused("names /etc/passwd", one, self.run_of([record(index=1, wave="/etc/passwd")], "absolute"))
        self.refused(r"names \.\./x", one, self.run_of([record(index=1, log="../x")], "above"))
        self.refused("run.json: No such file", one, self.folder / "nothing")
        with self.assertRaisesRegex(ValueError, "there is a run already"):
            join.join(one, [self.run_of([record("kit", 0)], "other")])

    def command(self, *words):
        return subprocess.run([sys.executable, "-B", TOOL, *map(str, words)], capture_output=True, text=True)

    def test_the_command(self):
        good = self.run_of([record(index=0)], "good")
        bad = self.run_of([record("kit", 0, "failed", "expected 1\nnot 2")], "bad")
        done = self.command(good)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"passed: 1 passed, 0 failed, 100 checks; {good}/report.html", done.stdout)
        done = self.command(bad)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"1 failed: expected * not *\n    make regress CASE=kit-0 BASE={BASE}", done.stdout)
        done = self.command(self.folder / "whole", "--merge", good, bad, "--expect", "unit", "kit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed: 1 passed, 1 failed, 200 checks", done.stdout)
        for words in ([self.folder / "nothing"], [self.folder / "again", "--merge", good, good]):
            done = self.command(*words)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"^report\.py: [^\n]+\n$")
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
