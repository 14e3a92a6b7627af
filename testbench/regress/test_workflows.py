#!/usr/bin/env python3
"""Tests of .github/workflows without running them: that shards and report fit together, and that nothing is left open."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts" / "regress"))

from suites import read_suites  # noqa: E402

FOLDER = ROOT / ".github" / "workflows"


def scripts_of(text):
    """The shell scripts of a workflow: what follows `run: |` with a larger indentation, or `run:` on its line."""
    found = []
    for match in re.finditer(r"^( *)(?:- )?run: (\|\n(?:\1 .*\n|\n)+|[^|\n].*\n)", text, re.M):
        found.append(match[2].removeprefix("|\n"))
    return found


class WorkflowTest(unittest.TestCase):
    def setUp(self):
        self.texts = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
        self.nightly = self.texts["nightly.yml"]

    def test_every_workflow_has_limits(self):
        self.assertEqual(set(self.texts), {"ci.yml", "nightly.yml"})
        for name, text in self.texts.items():
            self.assertRegex(text, r"(?m)^permissions:\n  contents: read\n", name)
            self.assertEqual(len(re.findall(r"(?m)^ *permissions:", text)), 1, name)
            self.assertRegex(text, r"(?m)^concurrency:\n  group: \S", name)
            jobs = re.findall(r"(?m)^  \w+:\n(?=(?:    .*\n|\n)*?    runs-on)", text.partition("\njobs:\n")[2])
            self.assertGreaterEqual(len(jobs), 1)
            self.assertEqual(len(re.findall(r"(?m)^    timeout-minutes: \d+$", text)), len(jobs), name)
            for action in re.findall(r"uses: (\S+)", text):
                self.assertRegex(action, r"^actions/[\w/-]+@v\d+$", name)
            self.assertNotIn("ubuntu-latest", text)

    def test_a_pull_request_runs_the_tests_once(self):
        text = self.texts["ci.yml"]
        self.assertRegex(text, r"push:\n    branches: \[main, master\]\n  pull_request:")
        self.assertIn("cancel-in-progress: ${{ github.event_name == 'pull_request' }}", text)
        self.assertEqual(scripts_of(text)[-1], "bash .ci/run\n")

    def test_nothing_of_an_event_gets_into_a_script(self):
        for name, text in self.texts.items():
            for script in scripts_of(text):
                self.assertNotIn("${{", script, name)

    def test_the_scripts_are_shell(self):
        for name, text in self.texts.items():
            scripts = scripts_of(text)
            self.assertTrue(scripts, name)
            for script in scripts:
                done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), script)

    def test_the_last_job_expects_what_the_shards_run(self):
        rows = re.findall(r"suites: ([\w ]+?)(?:, coverage: (1))? \}", self.nightly)
        run = [suite for suites, _ in rows for suite in suites.split()]
        expected = re.search(r"--expect ([\w ]+?) >", self.nightly)[1].split()
        table = read_suites()
        self.assertEqual(len(run), len(set(run)), "a suite is in two shards, whose cases would be the same")
        self.assertEqual(set(run), set(expected))
        self.assertEqual(set(run) - table.keys(), set())
        missing = [name for name, suite in table.items() if suite.default and name not in run]
        self.assertEqual(missing, [], "suites that run by default, and not at night")
        self.assertTrue(all(table[suite].covers for suites, covers in rows if covers for suite in suites.split()))
        self.assertTrue(any(covers for _, covers in rows))

    def test_the_last_job_fails_where_the_report_does(self):
        """Its script runs as GitHub runs it, with a report.py that ends as a failed run, a good one, and none."""
        script = next(script for script in scripts_of(self.nightly) if "--merge" in script)
        for code in (0, 1, 2):
            with tempfile.TemporaryDirectory() as folder:
                tool = Path(folder) / "scripts/regress/report.py"
                tool.parent.mkdir(parents=True)
                tool.write_text(f"import sys\nprint('said', sys.argv[1:4])\nsys.exit({code})\n")
                (Path(folder) / "build/shards/shard-a").mkdir(parents=True)
                done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, text=True,
                                      capture_output=True, env={**os.environ, "GITHUB_STEP_SUMMARY": f"{folder}/summary"})
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn("said ['build/nightly', '--merge', 'build/shards/shard-a']", (Path(folder) / "summary").read_text())

    def test_yaml(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("there is no module yaml")
        for text in self.texts.values():
            self.assertIn("jobs", yaml.safe_load(text))


if __name__ == "__main__":
    unittest.main()
