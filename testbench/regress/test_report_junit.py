#!/usr/bin/env python3
"""Tests of junit.xml: what a dashboard reads of a run, and that it can read it whatever a log holds."""

import json
import unittest
import xml.etree.ElementTree as ET

from report_testing import COMMIT, RunTest, record, records

import junit
import report
import summary as summaries

HOSTILE = bytes(range(256)) * 2 + b" ]]> &amp; <b> \x1b[31mred\x1b[0m \xed\xa0\x80 \xef\xbf\xbf \xf0\x9f\x99\x82\r\nend\n"


class JunitTest(RunTest):
    def junit(self, found, **values):
        folder = self.run_of(found, **values)
        report.write_junit(folder)
        return ET.parse(folder / "junit.xml").getroot()

    def cases(self, root):
        return {case.get("name"): case for case in root.iter("testcase")}

    def test_one_test_case_for_each_case(self):
        root = self.junit([record(index=0), record(index=1, ended=records_time(1) + 4.25), record("array", 7)])
        cases = self.cases(root)
        self.assertEqual(set(cases), {"unit-0", "unit-1", "array-7", "the whole run"})
        self.assertEqual(cases["array-7"].get("classname"), "array")
        self.assertEqual(cases["unit-1"].get("time"), "4.250")  # without the time in the queue
        self.assertEqual((root.get("tests"), root.get("failures"), root.get("errors")), ("4", "0", "0"))
        self.assertFalse([case for case in cases.values() if len(case)])

    def test_every_outcome_but_passed_is_told(self):
        words = [word for word in records.OUTCOMES if word != "passed"]
        root = self.junit([record(index=index, outcome=word, failure=f"why {word}") for index, word in enumerate(words)])
        cases = self.cases(root)
        for index, word in enumerate(words):
            (told,) = [child for child in cases[f"unit-{index}"] if child.tag in ("failure", "error")]
            self.assertEqual(told.tag, "failure" if word in ("failed", "empty") else "error", word)
            self.assertEqual(told.get("type"), word)
            self.assertIn(f"why {word}", told.text)
        self.assertEqual((root.get("failures"), root.get("errors")), ("2", "3"))

    def test_the_text_of_a_failure_says_how_to_repeat_it(self):
        one = record("kit", 3, "failed", "expected 1, got 2", wave="cases/kit-3/wave.vcd")
        root = self.junit([one], logs={"kit-3": b"the log itself\n"})
        case = self.cases(root)["kit-3"]
        for text in (str(one.seed), one.repeat, COMMIT, "logs/kit-3.log", "cases/kit-3/wave.vcd", "expected 1, got 2"):
            self.assertIn(text, case.find("failure").text)
        self.assertEqual(case.find("system-out").text, "the log itself\n")
        self.assertIn("expected 1, got 2", case.find("failure").get("message"))

    def test_any_bytes_of_a_log_make_valid_xml(self):
        text = HOSTILE.decode("utf-8", "surrogateescape") + "\ud800 \ufffe \u202e"
        root = self.junit([record(outcome="failed", failure=text, host="<&\">", repeat="a ]]> b\x00")], logs={"unit-0": HOSTILE})
        case = self.cases(root)["unit-0"]
        out = case.find("system-out").text
        for piece in ("\\x00", "\\x1b", "\\xff", "]]> &amp; <b> red", "\U0001f642", "end"):
            self.assertIn(piece, out)
        self.assertIn("\\u202e", case.find("failure").text)
        self.assertNotIn("[31m", out)

    def test_of_a_long_log_the_end(self):
        log = b"".join(b"line %d\n" % number for number in range(100_000))
        out = self.cases(self.junit([record(outcome="hung")], logs={"unit-0": log}))["unit-0"].find("system-out").text
        self.assertLess(len(out), 40_000)
        self.assertTrue(out.endswith("line 99999\n"))
        self.assertRegex(out, r"^\.\.\. \d+ bytes before\nline \d+\n")

    def test_a_run_that_has_not_passed_as_a_whole_is_an_error(self):
        two = [record(index=0), record(index=1)]
        for name, expected, values in (
                ("stopped", "2 cases are done, 3 are left", {"finished": None, "planned": {"unit": 5}}),
                ("budget", "stopped, or still goes on", {"finished": None, "planned": {"unit": None}, "budget": 60}),
                ("left", "Not every case was run", {"planned": {"unit": 3}}),
                ("suite", "The suite kit was to be run", {"expected": ["unit", "kit"]})):
            whole = self.cases(self.junit(two, name=name, **values))["the whole run"]
            self.assertIn(expected, whole.find("error").text)
            self.assertIn("make regress SEEDS=2", whole.find("error").text)

    def test_nothing_checked_is_an_error(self):
        for name, found in (("none", []), ("empty", [record(outcome="empty")])):
            whole = self.cases(self.junit(found, name=name, suites=["unit"]))["the whole run"]
            self.assertEqual(whole.find("error").get("type"), "run", name)

    def test_a_bad_record_is_an_error(self):
        folder = self.run_of([record(index=0), record(index=1)])
        path = records.path_of(folder, "unit-1")
        path.write_text(path.read_text()[:-40])
        summary = report.write_junit(folder)
        cases = self.cases(ET.parse(folder / "junit.xml").getroot())
        self.assertNotIn("unit-1", cases)
        self.assertIn("unit-1.json", cases["the whole run"].find("error").text)
        self.assertFalse(summary.passed)

    def test_a_bad_record_beside_a_whole_run_is_no_pass(self):
        folder = self.run_of([record(index=0)])
        records.path_of(folder, "unit-1").write_text("{}")
        summary = summaries.read(folder)
        self.assertEqual((summary.verdict, summary.left, summary.passed), ("not complete", 0, False))
        self.assertEqual(summary.problems(), ["Bad records, whose cases count as not run: 1"])

    def test_not_more_logs_than_there_is_room_for(self):
        found = [record(index=index, outcome="failed") for index in range(junit.MOST_LOGS + 3)]
        root = self.junit(found, logs={one.name: b"log" for one in found})
        self.assertEqual(len(list(root.iter("system-out"))), junit.MOST_LOGS)
        self.assertEqual(len(list(root.iter("failure"))), junit.MOST_LOGS + 3)

    def test_the_verdict(self):
        for name, verdict, found, values in (
                ("a", "passed", [record()], {}), ("b", "failed", [record(), record(index=1, outcome="failed")], {}),
                ("c", "stopped", [record()], {"finished": None}), ("d", "nothing checked", [], {}),
                ("e", "not complete", [record()], {"planned": {"unit": 2}}),
                ("f", "not complete", [record()], {"expected": ["kit"]}),
                ("g", "failed", [record(outcome="hung")], {"finished": None})):
            summary = summaries.read(self.run_of(found, name, **values))
            self.assertEqual((name, summary.verdict, summary.passed), (name, verdict, verdict == "passed"))

    def test_what_is_no_run_is_refused(self):
        for name, text in (("cut", '{"base": 1'), ("list", "[]"), ("word", json.dumps({"base": "x", "commit": "a"})),
                           ("times", json.dumps({"base": 1, "commit": "a", "sessions": [[1]]}))):
            folder = self.run_of([record()], name)
            (folder / "run.json").write_text(text)
            with self.assertRaisesRegex(ValueError, "run.json: not the description of a run"):
                report.write(folder)
            self.assertFalse((folder / "junit.xml").exists())
        with self.assertRaisesRegex(ValueError, "run.json: No such file"):
            report.write(self.folder / "nowhere")


def records_time(index):
    return record(index=index).started


if __name__ == "__main__":
    unittest.main()
