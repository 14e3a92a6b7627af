#!/usr/bin/env python3
"""Tests of coverage that several runs of the tests left: it adds up, the floors hold for the sum, and a part that is missing,
cut, of another build or there twice is refused."""

import json
import random
import subprocess
import sys
import unittest

from report_testing import COMMIT, ROOT, RunTest, record

import covered
import report

sys.path.insert(0, str(ROOT / "scripts" / "coverage"))
import data  # noqa: E402
import parts  # noqa: E402
import selftest  # noqa: E402

TOOL = ROOT / "scripts" / "coverage" / "coverage.py"
BUILD = f"if4 0.1.0 ({COMMIT})"
NAMES = ("if", "else", "block", "case")


class PartsTest(RunTest):
    """Parts of the made-up RTL of the self-test: four lines, 88 bits, two points."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.root = self.folder / "root"
        (self.root / "rtl").mkdir(parents=True)
        (self.root / "rtl/if4_mac.f").write_text("if4_mac.sv\n")
        (self.root / "rtl/if4_mac.sv").write_text(selftest.RTL)
        (self.root / "points.txt").write_text(selftest.POINTS)
        (self.root / "waivers.txt").write_text("")

    def part(self, name, instances, points, build=BUILD, run=None, unit="if4_mac", **more):
        """A folder as the test program leaves it. `instances`: of each a list of counts of lines, and lines of toggles."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        for number, (counts, toggles) in enumerate(instances):
            (folder / f"{unit}.{number}.dat").write_text(
                "# counts\n" + "".join(f"{selftest.line(count, word)}\n" for word, count in zip(NAMES, counts)))
            (folder / f"{unit}.{number}.toggles").write_text("".join(f"{text}\n" for text in toggles))
        (folder / "points.json").write_text(json.dumps({unit: {"kind": "pipelined", "points": points}}))
        (folder / "build.json").write_text(json.dumps({"build": build, "run": run or name, "files": 2 * len(instances), **more}))
        return folder

    def toggles(self, rose, fell):
        return [f"TOP.if4_mac sum_o 2 {rose} {fell}", "TOP.if4_mac.gen_one carry 1 1 1",
                "TOP.if4_mac.u_part a_i 80 " + "F" * 20 + " " + "F" * 20]

    def halves(self):
        """Two parts, neither of which covers all, and together they do."""
        return [self.part("one", [([5, 0, 2, 1], self.toggles(3, 1))], {"pair x one": 3}),
                self.part("two", [([0, 7, 1, 1], self.toggles(1, 2))], {"pair x one": 1, "pair y one": 4})]

    def judge(self, part):
        return data.judge(part, self.root, self.root / "points.txt", [self.root / "waivers.txt"], ["if4_mac"]).failures()

    def test_the_judge_finds_every_defect_of_its_self_test(self):
        self.assertEqual(selftest.run(), 0)

    def test_two_halves_are_the_whole(self):
        instances = [([self.random.randrange(1000) for _ in NAMES],
                      self.toggles(self.random.randrange(4), self.random.randrange(4))) for _ in range(6)]
        counts = [{"pair x one": self.random.randrange(9), "pair y one": self.random.randrange(9)} for _ in range(2)]
        whole = parts.read(self.part("whole", instances, {name: counts[0][name] + counts[1][name] for name in counts[0]}))
        lines = whole.units["if4_mac"].lines
        self.assertEqual([lines[place] for place in sorted(lines, key=lambda place: NAMES.index(place.name))],
                         [sum(counted) for counted in zip(*(instance for instance, _ in instances))])
        one, two = (parts.read(self.part(name, some, seen))
                    for name, some, seen in (("one", instances[:2], counts[0]), ("two", instances[2:], counts[1])))
        self.assertEqual(parts.merged([one, two]).units, whole.units)
        self.assertEqual(parts.merged([two, one]).units, whole.units)

    def test_floors_are_held_by_the_sum(self):
        one, two = map(parts.read, self.halves())
        self.assertTrue(any("if4_part else" in text for text in self.judge(one)))
        self.assertTrue(any("point never seen: pair y one" in text for text in self.judge(one)))
        self.assertTrue(any("if4_part if" in text for text in self.judge(two)))
        self.assertEqual(self.judge(parts.merged([one, two])), [])

    def test_what_is_too_little_together_fails(self):
        folders = self.halves()
        (folders[1] / "if4_mac.0.toggles").write_text("\n".join(self.toggles(1, 0)) + "\n")  # sum_o[1] rose and never fell
        failures = self.judge(parts.merged(map(parts.read, folders)))
        self.assertEqual([text for text in failures if "sum_o" in text and "not covered" in text], failures[:1])

    def test_a_unit_that_no_part_has_fails(self):
        part = parts.read(self.part("other", [([1, 1, 1, 1], self.toggles(3, 3))], {"pair x one": 1, "pair y one": 1},
                                    unit="if4_mac_32"))
        self.assertEqual([text for text in self.judge(part) if "if4_mac:" in text], ["if4_mac: no test ran it"])

    def test_one_file_of_many_parts(self):
        one, two = map(parts.read, self.halves())
        third = parts.read(self.part("three", [([1, 1, 1, 1], self.toggles(0, 0))], {"pair x one": 1}))
        parts.write(parts.merged([one, two]), self.folder / "sum.gz")
        again = parts.read(self.folder / "sum.gz")
        self.assertEqual(parts.merged([again, third]).units, parts.merged([one, two, third]).units)
        with self.assertRaisesRegex(ValueError, "two: a copy of what .*sum.gz"):
            parts.merged([again, two])
        data_of = (self.folder / "sum.gz").read_bytes()
        for bad in (data_of[:len(data_of) // 2], b"", b"{}", data_of[:40] + b"x" + data_of[41:]):
            (self.folder / "bad.gz").write_bytes(bad)
            with self.assertRaisesRegex(ValueError, "bad.gz: not a part of coverage, or cut"):
                parts.read(self.folder / "bad.gz")

    def test_foreign_parts_are_refused(self):
        instances, points = [([1, 1, 1, 1], self.toggles(3, 3))], {"pair x one": 1}
        first = parts.read(self.part("first", instances, points))
        before = json.dumps(sorted(map(str, first.units["if4_mac"].lines.items())))
        for name, message, folder in (
                ("commit", "coverage of 'if4 0.1.0 .abc.', but", self.part("commit", instances, points, build="if4 0.1.0 (abc)")),
                ("copy", "copy: a copy of what", self.part("copy", instances, points, run="first")),
                ("lines", "if4_mac has other lines than in .*first: another build", self.part("lines", [([1, 1], instances[0][1])],
                                                                                              points)),
                ("signals", "has other signals", self.part("signals", [([1, 1, 1, 1], self.toggles(3, 3)[:2])], points)),
                ("width", "has other signals", self.part("width", [([1, 1, 1, 1], [text.replace("sum_o 2", "sum_o 3")
                                                                                 for text in self.toggles(3, 3)])], points))):
            with self.assertRaisesRegex(ValueError, message) as caught:
                parts.merged([first, parts.read(folder)])
            self.assertIn(str(folder), str(caught.exception), name)
            self.assertNotIn("\n", str(caught.exception))
        # What was refused was not counted.
        self.assertEqual(json.dumps(sorted(map(str, first.units["if4_mac"].lines.items()))), before)

    def test_what_was_never_clocked_is_no_other_build(self):
        one = parts.read(self.part("one", [([1, 1, 1, 1], self.toggles(3, 3))], {"pair x one": 1}))
        two = parts.read(self.part("two", [([0, 0, 0, 0], [])], {}))
        self.assertEqual(parts.merged([two, one]).units["if4_mac"].toggles, one.units["if4_mac"].toggles)

    def test_a_part_that_is_not_whole_is_refused(self):
        for number, (message, spoil) in enumerate((
                ("build.json: is not there: the run that was to leave it did not end", lambda one: (one / "build.json").unlink()),
                ("1 files of counts, but its build.json names 2", lambda one: (one / "if4_mac.0.dat").unlink()),
                ("points.json: is not there", lambda one: (one / "points.json").unlink()),
                ("points.json: Expecting", lambda one: (one / "points.json").write_text('{"if4_mac": {"kind"')),
                ("points.json: if4_mac has no kind", lambda one: (one / "points.json").write_text('{"if4_mac": {}}')),
                ("toggles:3: not a line of toggles", lambda one: cut(one / "if4_mac.0.toggles", 30)),
                ("dat:5: not a line of Verilator", lambda one: cut(one / "if4_mac.0.dat", 4)))):
            folder = self.part(f"part{number}", [([1, 1, 1, 1], self.toggles(3, 3))], {"pair x one": 1})
            spoil(folder)
            with self.assertRaisesRegex(ValueError, message) as caught:
                parts.read(folder)
            self.assertIn(str(folder), str(caught.exception))
        with self.assertRaisesRegex(ValueError, "no folder with coverage is there"):
            parts.read(self.folder / "nowhere")
        with self.assertRaisesRegex(ValueError, "no part of coverage"):
            parts.merged([])

    def test_the_command(self):
        one, two = self.halves()
        listed = self.folder / "parts.txt"
        listed.write_text(f"{one}\n{two}\n")
        done = subprocess.run([sys.executable, "-B", TOOL, "--merge", f"@{listed}", self.folder / "sum.gz"], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stdout), (0, f"{self.folder}/sum.gz: 2 runs of the tests, 1 units\n"))
        done = subprocess.run([sys.executable, "-B", TOOL, one, one, self.folder / "out"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^coverage\.py: [^\n]*one: a copy of what [^\n]*\n$")

    # --- Of a run ---

    def covered_run(self, found, name="run", **values):
        folder = self.run_of(found, name, coverage=True, **values)
        for one in found:
            if one.coverage:
                (folder / one.coverage).parent.mkdir(parents=True)
                (self.folder / one.name).rename(folder / one.coverage)
        return folder

    def case(self, index, **values):
        self.part(f"unit-{index}", [([1, 1, 1, 1], self.toggles(3, 3))], {}, **{"run": f"r{index}", **values.pop("part", {})})
        return record(index=index, coverage=f"cases/unit-{index}/coverage", **values)

    def refusal(self, found, **values):
        folder = self.covered_run(found, **values)
        summary = report.write(folder)
        self.assertFalse(summary.passed)
        self.assertIn("Not judged", (folder / "report.html").read_text())
        self.assertEqual(sum("Coverage: " in text for text in summary.problems()), 1)
        return summary.coverage["refused"]

    def judged(self, name, half_names):
        """The summary of a run whose cases left these halves, judged by the made-up RTL."""
        tool = self.folder / "tool.py"
        tool.write_text(f"""import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "scripts" / "coverage")!r})
import data, page, parts
root = Path({str(self.root)!r})
part = parts.merged(map(parts.read, map(Path, open(sys.argv[1][1:]).read().split())))
report = data.judge(part, root, root / "points.txt", [root / "waivers.txt"], ["if4_mac"])
page.write(report, part, root, Path(sys.argv[2]))
sys.exit(not report.passed())
""")
        self.addCleanup(setattr, covered, "TOOL", covered.TOOL)
        covered.TOOL = tool
        self.halves()
        found = []
        for index, half in enumerate(half_names):
            (self.folder / half).rename(self.folder / f"unit-{index}")
            found.append(record(index=index, coverage=f"cases/unit-{index}/coverage"))
        return report.write(self.covered_run([record("kit", 0), *found], name))

    def test_a_run_judges_the_sum_of_its_cases(self):
        summary = self.judged("run", ["one", "two"])
        self.assertEqual((summary.verdict, summary.problems()), ("passed", []))
        page = (summary.folder / "report.html").read_text()
        self.assertIn("All floors are held", page)
        self.assertIn("by what 2 cases covered together", page)
        self.assertTrue((summary.folder / summary.coverage["page"]).is_file())
        (run,) = json.loads((summary.folder / "history.json").read_text())["runs"]
        self.assertEqual(run["coverage"]["point"], [2, 2])

    def test_a_run_that_covered_too_little_has_not_passed(self):
        summary = self.judged("run", ["one"])
        self.assertEqual((summary.verdict, summary.failed), ("failed", 0))
        self.assertIn("Too little is covered", (summary.folder / "report.html").read_text())
        self.assertIn("point never seen: pair y one", (summary.folder / "junit.xml").read_text())

    def test_the_tool_judges_by_the_real_rtl(self):
        self.assertIn("rtl/if4_mac.sv: no declaration of", self.refusal([self.case(0)]))

    def test_a_missing_part_is_refused(self):
        found = [self.case(0), record(index=1)]
        self.assertEqual(self.refusal(found), "1 passed cases left no coverage, the first of them unit-1")
        lost = record(index=2, coverage="cases/unit-2/coverage")
        self.part("unit-2", [([1], self.toggles(3, 3))], {})
        folder = self.covered_run([lost], "lost")
        (folder / "cases/unit-2/coverage/build.json").unlink()
        self.assertIn("unit-2/coverage/build.json: is not there", report.write(folder).coverage["refused"])
        self.assertEqual(covered.judge(folder, {"coverage": True}, [])["refused"], "no case that passed has left any")

    def test_a_foreign_part_is_refused(self):
        self.assertRegex(self.refusal([self.case(0), self.case(1, part={"build": "if4 0.1.0 (abcdef0)"})]),
                         "unit-1/coverage: coverage of 'if4 0.1.0 .abcdef0.'")

    def test_commits(self):
        same = covered.same_commit
        self.assertTrue(same(BUILD, COMMIT))
        self.assertTrue(same(BUILD, COMMIT[:7]))
        self.assertTrue(same("if4 0.1.0", COMMIT))
        self.assertFalse(same(BUILD, "3990dc2"))
        self.assertFalse(same(BUILD, COMMIT + "-dirty"))

    def test_what_a_failed_case_covered_does_not_count(self):
        paths, without = covered.parts_of([record(index=0, coverage="a"), record(index=1, outcome="failed", coverage="b"),
                                           record("kit", 0)])
        self.assertEqual((paths, without), (["a"], []))

    def test_a_run_without_coverage_has_none(self):
        self.assertIsNone(report.write(self.run_of([record()])).coverage)


def cut(path, end):
    """Takes the end away, as where a disk is full."""
    path.write_text(path.read_text()[:-end])


if __name__ == "__main__":
    unittest.main()
