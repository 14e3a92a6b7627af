"""Runs that nobody ran, for the tests of their reports: run.json, records and logs, written as the real ones are."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("regress", "page")]

import records  # noqa: E402

START = 1_764_000_000.0
BASE, COMMIT = 4711, "3990dc11fa56"


def record(suite="unit", index=0, outcome="passed", failure="", **values):
    """A whole record of that case; `values` replace its fields."""
    checks = values.pop("checks", 100 if outcome in ("passed", "failed") else 0)
    base = values.get("base", BASE)
    name = f"{suite}-{index}"
    fields = dict(suite=suite, index=index, seed=records.seed(base, suite, index), base=base, commit=COMMIT,
                  command=["build/if4_tests"], repeat=f"make regress CASE={name} BASE={base}", host="here", outcome=outcome,
                  exit={"passed": 0, "failed": 1, "empty": 0}.get(outcome), signal=11 if outcome == "crashed" else None,
                  checks=checks, digest=f"{abs(hash(name)):064x}"[:64] if checks else None, parts={}, twin=None, attempt=1,
                  queued=START + index, started=START + index + 2, ended=START + index + 3, log=f"logs/{name}.log", wave=None,
                  failure=failure, coverage=None)
    return records.Record(**{**fields, **values})


class RunTest(unittest.TestCase):
    """A test with folders of runs in a temporary folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_of(self, found, name="run", logs=None, **values):
        """The folder of a run with these records. It is over, and has run all that was planned, unless `values` say not."""
        folder = self.folder / name
        for part in ("records", "logs"):
            (folder / part).mkdir(parents=True)
        suites = list(dict.fromkeys(one.suite for one in found))
        run = {"version": 1, "base": BASE, "commit": COMMIT, "table": "testbench/regress/suites.txt", "bin": "build",
               "suites": suites, "planned": {suite: sum(one.suite == suite for one in found) for suite in suites},
               "command": f"make regress SEEDS=2 BASE={BASE}", "started": START, "finished": START + 10, "budget": None,
               "sessions": [[START, START + 10]], **values}
        (folder / "run.json").write_text(json.dumps(run))
        for one in found:
            records.write(folder, one)
        for case, data in (logs or {}).items():
            (folder / "logs" / f"{case}.log").write_bytes(data)
        return folder
