"""What the cases of a run covered together: their parts are added up, and the sum is held to the floors and waivers."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "scripts" / "coverage" / "coverage.py"


def refused(text, cases=0):
    return {"passed": False, "refused": text, "cases": cases, "kinds": {}, "units": {}, "failures": []}


def same_commit(one, other):
    """Whether two texts with a commit in them can mean the same. One without a commit cannot be told apart."""
    def parts(text):
        match = re.search(r"\b([0-9a-f]{7,40})\b(-dirty)?", text or "")
        return (match[1], bool(match[2])) if match else None

    one, other = parts(one), parts(other)
    if not one or not other:
        return True
    length = min(len(one[0]), len(other[0]))
    return one[0][:length] == other[0][:length] and one[1] == other[1]


def parts_of(found):
    """(paths, cases without one): those of the passed cases of every suite of which a case has left some."""
    suites = {record.suite for record in found if record.coverage}
    passed = [record for record in found if record.passed and record.suite in suites]
    return [record.coverage for record in passed if record.coverage], [record.name for record in passed if not record.coverage]


def judge(folder, run, found):
    """The judgement on what all passed cases covered, as a dictionary for the page; None for a run without coverage.

    The page of all lines, bits and points is written to RUN/coverage/index.html. What a failed case covered does not count,
    since its results are wrong. A part that is missing, cut, there twice or of another build lets nothing be judged.
    """
    if not run.get("coverage") and not any(record.coverage for record in found):
        return None
    paths, without = parts_of(found)
    if without:
        return refused(f"{len(without)} passed cases left no coverage, the first of them {without[0]}", len(paths))
    if not paths:
        return refused("no case that passed has left any")
    output = folder / "coverage"
    output.mkdir(exist_ok=True)
    names = output / "parts.txt"
    names.write_text("".join(f"{folder / path}\n" for path in paths))
    (output / "coverage.json").unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-B", str(TOOL), f"@{names}", str(output)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        said = done.stderr.strip().splitlines()
        return refused(said[-1].removeprefix("coverage.py: ") if said else f"coverage.py ended with {done.returncode}",
                       len(paths))
    judged = json.loads((output / "coverage.json").read_text())
    if not same_commit(judged["build"], run.get("commit")):
        return refused(f"it is of the build '{judged['build']}', and the run is of {run['commit']}", len(paths))
    return {**judged, "refused": None, "cases": len(paths), "page": "coverage/index.html"}
