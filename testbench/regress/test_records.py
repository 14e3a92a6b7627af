#!/usr/bin/env python3
"""Tests of records, seeds, signatures, the table of suites, and of how a case is judged."""

import dataclasses
import json

from regress_testing import PASS, RegressTest, main, suite
import fuzz_case
import records
import shard
import suites


def passed(**changes):
    values = {"suite": "unit", "index": 3, "seed": records.seed(7, "unit", 3), "base": 7, "commit": "abc", "command": ["x"],
              "repeat": "make regress CASE=unit-3 BASE=7", "host": "h", "outcome": "passed", "exit": 0, "signal": None,
              "checks": 5, "digest": "0" * 64, "parts": {"a": "12"}, "twin": None, "attempt": 1, "queued": 1.0,
              "started": 2.0, "ended": 3.0, "log": "logs/unit-3.log", "wave": None, "failure": "", "coverage": None}
    return records.Record(**{**values, **changes})


class Records(RegressTest):
    def write(self, record):
        (self.run_folder / "records").mkdir(parents=True, exist_ok=True)
        records.write(self.run_folder, record)
        return records.path_of(self.run_folder, record.name)

    def test_a_record_reads_as_it_was_written(self):
        self.write(passed())
        self.assertEqual(records.read(self.run_folder), ([passed()], []))
        self.assertEqual([path.name for path in (self.run_folder / "records").iterdir()], ["unit-3.json"])

    def test_a_record_that_is_cut_anywhere_is_none(self):
        path = self.write(passed())
        text = path.read_text()
        for length in [*range(0, len(text) - 2, 37), len(text) - 3]:
            path.write_text(text[:length])
            found, bad = records.read(self.run_folder)
            self.assertEqual((found, len(bad)), ([], 1), length)
            self.assertIn("unit-3.json", bad[0])
            self.assertEqual(len(bad[0].splitlines()), 1)

    def test_a_record_without_a_key_is_none(self):
        path = self.write(passed())
        for key in [field.name for field in dataclasses.fields(records.Record)]:
            values = json.loads(path.read_text())
            del values[key]
            with self.assertRaisesRegex(ValueError, f"no '{key}'"):
                records.parse(json.dumps(values), "unit-3")

    def test_a_record_that_contradicts_its_name_or_itself_is_none(self):
        wrong = [passed(index=4, seed=records.seed(7, "unit", 4)), passed(index=4), passed(seed=1), passed(outcome="right"), passed(exit=1), passed(checks=0),
                 passed(digest=None), passed(twin="unit-2"), passed(attempt=0), passed(ended=1.0), passed(checks=True),
                 passed(base=8), passed(version=2), passed(suite="array", seed=records.seed(7, "array", 3)),
                 passed(digest="0"), passed(command="x"), passed(failure=None), passed(index=-3)]
        for record in wrong:
            with self.assertRaises(ValueError, msg=record):
                records.parse(json.dumps(dataclasses.asdict(record)), "unit-3")
        for text in ("[]", "null", "3", '"text"', "{}", "\0"):
            with self.assertRaises(ValueError, msg=text):
                records.parse(text, "unit-3")

    def test_seeds_are_31_bits_and_depend_on_all_three(self):
        seeds = [records.seed(base, name, index) for base in (0, 1, 11) for name in ("a", "b") for index in (0, 1, 10, 100)]
        self.assertEqual(len(set(seeds)), len(seeds))
        self.assertTrue(all(0 < seed < 1 << 31 for seed in seeds))
        # A printed command must repeat the case in a later version too.
        self.assertEqual(records.seed(1, "unit", 17), 654793312)

    def test_a_signature_is_the_same_for_failures_of_one_kind(self):
        text = "unit {0}\n{1}:{2}: FAILED:\n expected 0x{3}, RTL {4} after {5} ns in '{6}'"
        one = text.format("if4_mac", "/tmp/a/x.cpp", 17, "41D24E5E", "0x12", 3.5, "name")
        other = text.format("if4_mac", "build/b.cpp", 4711, "00000000", "0xFFFFFFFF", 17, "another name")
        self.assertEqual(records.signature(one), records.signature(other))
        self.assertNotEqual(records.signature(one), records.signature(one.replace("RTL", "model")))
        self.assertEqual(records.signature("x4203 in if4_mac_32, 5 wrong"), records.signature("x17 in if4_mac_64, 1,234 wrong"))
        self.assertEqual(records.signature("exit code 0, but no checks"), "exit code *, but no checks")
        self.assertNotEqual(records.signature("ended by SIGSEGV"), records.signature("ended by SIGABRT"))


class Judgement(RegressTest):
    def case(self, command, limit=30, more=""):
        """The record of one case of that command."""
        self.table(suite("one", command, limit, more))
        self.run_folder.mkdir(exist_ok=True)
        (self.run_folder / "records").mkdir(exist_ok=True)
        records.write_json(self.run_folder / "run.json", {"base": 1, "commit": "c", "bin": "build",
                                                          "table": str(self.folder / "suites.txt")})
        return shard.Shard(self.run_folder, "one", 1, 0.0).case(0)

    def test_outcomes(self):
        for command, outcome, words in (
                (PASS, "passed", ""), ("sh -c 'echo no; exit 3'", "failed", "no"), ("sh -c 'kill -11 $$'", "crashed", "SIGSEGV"),
                ("true", "empty", "no checks"), ("echo checks 5", "empty", "no stimuli"),
                ("sh -c 'echo stimuli 00112233445566778; echo checks 0'", "empty", "no checks"),
                ("sh -c 'echo stimuli 0011; echo checks 1'", "empty", "no stimuli"),
                ("/none/such", "failed", "cannot run"), ("sleep 1000", "hung", "no end within 1 s"),
                ("sh -c 'exit 9'", "failed", "exit code 9")):
            record = self.case(command, limit=1 if outcome == "hung" else 30)
            self.assertEqual(record.outcome, outcome, command)
            self.assertIn(words, record.failure)
            self.assertEqual(records.read(self.run_folder), ([record], []))

    def test_checks_are_added_up_and_read_as_the_table_says(self):
        self.assertEqual(self.case("printf 'stimuli 0123456789abcdef\\nchecks 3\\nchecks 4\\n'").checks, 7)
        record = self.case("echo '12,345 of 9 results equal'", more=r"checks ([\d,]+) of \d+ results")
        self.assertEqual(record.checks, 12345)

    def test_a_folder_is_removed_where_the_case_passed(self):
        self.case(self.script("pass", "touch $TMPDIR/x\necho stimuli 0123456789abcdef\necho checks 1\n"))
        self.assertEqual(list((self.run_folder / "cases").iterdir()), [])
        record = self.case(self.script("fail", "touch $TMPDIR/x.vcd\nexit 1\n"))
        self.assertEqual(record.wave, "cases/one-0/x.vcd")
        self.assertTrue((self.run_folder / record.wave).is_file())

    def test_a_failure_begins_where_something_failed(self):
        lines = [f"line {number}" for number in range(100)] + ["x.cpp:3: FAILED:", "  a == b"] + ["more"] * 100
        text = shard.failure_lines("\n".join(lines))
        self.assertIn("FAILED", text)
        self.assertIn("line 98", text)
        self.assertNotIn("line 90", text)
        self.assertEqual(len(text.splitlines()), shard.MOST_FAILURE_LINES)


class Table(RegressTest):
    def test_the_table_of_the_project(self):
        table = suites.read_suites()
        self.assertLessEqual({"unit", "baseline", "array", "quantizer", "program", "kit", "fuzz", "mutants"}, set(table))
        for one in table.values():
            self.assertTrue(one.about and one.needs, one.name)
            self.assertGreaterEqual(one.limit, 10 * one.seconds, one.name)

    def test_every_fuzzer_is_in_its_suite(self):
        fuzzers = {path.stem for path in (suites.ROOT / "testbench" / "fuzz").glob("fuzz_*.cpp")}
        self.assertEqual({f"fuzz_{name}" for name, *_ in fuzz_case.FUZZERS}, fuzzers)
        self.assertEqual(set(suites.read_suites()["fuzz"].needs), {f"fuzz/{name}" for name in fuzzers | {"make_corpus"}})

    def test_lines_that_are_wrong(self):
        good = suite("one", PASS)
        for text, words in ((good + "limit x\n", "no seconds"), (good + "limit 0\n", "no seconds"),
                            (good + good, "twice"), ("limit 3\n", "before the first suite"), (good + "speed 3\n", "speed"),
                            (good + "command x {sed}\n", "sed"), (good + "checks (\n", "regular"), ("", "no suite"),
                            (good + "checks x\n", "no group"), ("suite a-b\n", "a-b"), ("suite a\nlimit 1\n", "seconds"),
                            (good + "default maybe\n", "maybe")):
            self.table(text)
            with self.assertRaisesRegex(ValueError, words):
                suites.read_suites(self.folder / "suites.txt")


if __name__ == "__main__":
    main()
