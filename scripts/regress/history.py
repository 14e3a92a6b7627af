"""Earlier runs, in RUN/history.json: some figures of each, and which failures it had, so that a page can say since when.

The run at hand is an entry too, which is replaced each time that its report is made. Runs beyond MOST_RUNS are forgotten,
oldest first, except when each failure was first seen.
"""

import json
import time

import records

VERSION = 1
MOST_RUNS = 60
MOST_SIGNATURES = 50  # of a run; its most frequent ones
MOST_FIRST = 1000     # failures of forgotten runs
NUMBERS = ("started", "took", "cases", "passed", "failed", "lost", "left", "checks", "busy")


def empty():
    return {"version": VERSION, "runs": [], "first": {}}


def path_of(folder):
    return folder / "history.json"


def right(history):
    """Whether a file that was read is a history."""
    def is_run(run):
        return (isinstance(run, dict) and all(type(run.get(key)) in (int, float) for key in NUMBERS)
                and all(isinstance(run.get(key), str) for key in ("id", "commit", "base", "verdict", "mode"))
                and isinstance(run.get("failures"), dict) and isinstance(run.get("coverage"), dict))

    return (isinstance(history, dict) and history.get("version") == VERSION and isinstance(history.get("runs"), list)
            and all(map(is_run, history["runs"])) and isinstance(history.get("first"), dict)
            and all(isinstance(seen, dict) and isinstance(seen.get("commit"), str)
                    and type(seen.get("started")) in (int, float) for seen in history["first"].values()))


def read(folder):
    """(history, line): the line says what was wrong with a file that is none; it is kept under another name."""
    path = path_of(folder)
    try:
        history = json.loads(path.read_text())
        if right(history):
            return history, None
    except FileNotFoundError:
        return empty(), None
    except (OSError, ValueError):
        pass
    kept = path.with_name(f"history.bad-{int(time.time())}.json")
    try:
        path.replace(kept)
    except OSError as error:
        return empty(), f"{path} is not a history of runs, and cannot be renamed: {error.strerror}"
    return empty(), f"{path} was not a history of runs; it is now {kept.name}, and a new one begins"


def identity(summary):
    return f"{summary.began:.3f}/{summary.run.get('base')}/{summary.run.get('commit')}"


def entry(summary):
    """The run at hand in a few figures."""
    outcomes = summary.outcomes
    kinds = (summary.coverage or {}).get("kinds", {})
    return {
        "id": identity(summary), "started": summary.began, "took": round(summary.took, 3),
        "commit": str(summary.run.get("commit", "")), "base": str(summary.run.get("base", "")), "verdict": summary.verdict,
        "mode": str(summary.run.get("mode", "run")),
        "cases": summary.done, "passed": outcomes["passed"], "failed": summary.failed, "lost": outcomes["lost"],
        "left": summary.left, "checks": summary.checks, "busy": round(summary.busy, 3),
        "coverage": {kind: [tally["covered"], tally["all"] - tally["constant"]] for kind, tally in kinds.items()},
        "failures": {bucket.key: len(bucket.records) for bucket in summary.buckets[:MOST_SIGNATURES]},
    }


def with_run(history, run):
    """The history with this entry, in the order of time, and no more of them than are kept."""
    runs = [other for other in history["runs"] if other["id"] != run["id"]] + [run]
    runs.sort(key=lambda other: other["started"])
    first = dict(history["first"])
    for old in runs[:-MOST_RUNS]:
        for key in old["failures"]:
            seen = first.get(key)
            if seen is None or old["started"] < seen["started"]:
                first[key] = {"started": old["started"], "commit": old["commit"]}
    newest = sorted(first.items(), key=lambda item: item[1]["started"])[-MOST_FIRST:]
    return {"version": VERSION, "runs": runs[-MOST_RUNS:], "first": dict(newest)}


def earlier(history, run):
    """The entries before this run."""
    return [other for other in history["runs"] if other["id"] != run["id"] and other["started"] <= run["started"]]


def seen_before(history, run, key):
    """(first, last, how many) of the earlier runs with this failure: entries with started and commit; or None."""
    having = [other for other in earlier(history, run) if key in other["failures"]]
    first = history["first"].get(key) or (having[0] if having else None)
    if first is None or first["started"] >= run["started"]:
        return None
    return first, (having[-1] if having else first), len(having)


def keep(folder, summary):
    """Adds the run at hand to the history of its folder. (history, entry of the run, a line about a bad file or None)"""
    history, problem = read(folder)
    run = entry(summary)
    history = with_run(history, run)
    records.write_json(path_of(folder), history)
    return history, run, problem
