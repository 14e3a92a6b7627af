"""The seed of a case, the record that it leaves, and the folder of a run that holds records.

A case is a suite and an index. Its record is one JSON object in RUN/records/SUITE-INDEX.json, written to another name and
then renamed, so that a record is whole or not there. Who reads records trusts none: one that does not parse, misses a
key, or contradicts its name or itself counts as not there.
"""

import dataclasses
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

VERSION = 1
# passed   exit code 0, more than no checks, and stimuli that no other case had
# failed   another exit code
# hung     ended at its limit of time
# crashed  ended by a signal that nobody sent
# empty    exit code 0, but no checks, no digest of its stimuli, or the stimuli of another case
# lost     its process or its machine was gone without a record
OUTCOMES = ("passed", "failed", "hung", "crashed", "empty", "lost")
MOST_ATTEMPTS = 3  # a case that was lost runs again twice


def seed(base, suite, index):
    """The seed of a case: 31 bits of a hash, so that any case repeats alone; never 0."""
    number = 0
    while True:
        text = f"{base}/{suite}/{index}" + (f"/{number}" if number else "")
        value = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
        if value:
            return value
        number += 1


@dataclass
class Record:
    suite: str
    index: int
    seed: int
    base: int
    commit: str
    command: list  # of words
    repeat: str  # what a user types to run this case again
    host: str
    outcome: str  # one of OUTCOMES
    exit: int | None  # None where a signal ended it
    signal: int | None
    checks: int
    digest: str | None  # SHA-256 of all its stimuli
    parts: dict  # name of a part, such as a test case, to the digest of its stimuli
    twin: str | None  # the case that had the same stimuli
    attempt: int  # from 1 on
    queued: float  # these three in Unix seconds
    started: float
    ended: float
    log: str  # this path and the next ones are relative to the folder of the run
    wave: str | None
    failure: str  # the lines that say what failed, or nothing
    coverage: str | None
    testpoints: dict = dataclasses.field(default_factory=dict)  # of the test plan: [checks, failures] by name
    version: int = VERSION

    @property
    def name(self):
        return f"{self.suite}-{self.index}"

    @property
    def passed(self):
        return self.outcome == "passed"

    @property
    def final(self):
        """Whether the case need not run again."""
        return self.outcome != "lost" or self.attempt >= MOST_ATTEMPTS


def _number(value, least):
    return type(value) is int and value >= least


def _time(value):
    return type(value) in (int, float) and value >= 0


def _text_or_none(value):
    return value is None or (isinstance(value, str) and value != "")


def _problem(record):
    """What is wrong with a record whose keys are all there, or nothing."""
    checks = {
        "version": record.version == VERSION,
        "suite": isinstance(record.suite, str) and bool(re.fullmatch(r"[a-z0-9_]+", record.suite)),
        "index": _number(record.index, 0),
        "base": _number(record.base, 0),
        "commit": isinstance(record.commit, str),
        "command": isinstance(record.command, list) and all(isinstance(word, str) for word in record.command),
        "repeat": isinstance(record.repeat, str),
        "host": isinstance(record.host, str),
        "outcome": record.outcome in OUTCOMES,
        "exit": record.exit is None or type(record.exit) is int,
        "signal": record.signal is None or _number(record.signal, 1),
        "checks": _number(record.checks, 0),
        "digest": record.digest is None or (isinstance(record.digest, str)
                                            and bool(re.fullmatch(r"[0-9a-f]{64}", record.digest))),
        "parts": isinstance(record.parts, dict) and all(isinstance(part, str) for part in record.parts.values()),
        "twin": _text_or_none(record.twin),
        "attempt": _number(record.attempt, 1),
        "queued": _time(record.queued),
        "started": _time(record.started),
        "ended": _time(record.ended) and record.ended >= record.started if _time(record.started) else False,
        "log": isinstance(record.log, str),
        "wave": _text_or_none(record.wave),
        "failure": isinstance(record.failure, str),
        "coverage": _text_or_none(record.coverage),
        "testpoints": isinstance(record.testpoints, dict) and all(
            isinstance(counts, list) and len(counts) == 2 and _number(counts[0], 0) and _number(counts[1], 0)
            for counts in record.testpoints.values()),
    }
    for key, right in checks.items():
        if not right:
            return f"its {key} is wrong"
    if record.seed != seed(record.base, record.suite, record.index):
        return "its seed is not that of its case"
    if record.passed and (record.exit != 0 or record.checks == 0 or record.digest is None or record.twin):
        return "it says passed and is not"
    return None


def parse(text, name):
    """The record of the case `name`; ValueError, in a few words, where the text is none."""
    try:
        values = json.loads(text)
    except ValueError:
        raise ValueError("it is cut or no JSON") from None
    if not isinstance(values, dict):
        raise ValueError("it is no object")
    keys = {field.name for field in dataclasses.fields(Record)}
    if keys - values.keys():
        raise ValueError(f"it has no '{min(keys - values.keys())}'")
    record = Record(**{key: values[key] for key in keys})
    problem = _problem(record)
    if problem is None and record.name != name:
        problem = f"it is the one of {record.name}"
    if problem:
        raise ValueError(problem)
    return record


def path_of(folder, name):
    return Path(folder) / "records" / f"{name}.json"


def read_one(folder, name):
    """(record, problem), one of which is None; both are where there is no such record."""
    path = path_of(folder, name)
    try:
        return parse(path.read_text(), name), None
    except FileNotFoundError:
        return None, None
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return None, f"{path}: no record, since {reason}; its case runs again"


def read(folder):
    """(records, bad): all of a run, in the order of their names and indexes, and a line for each file that is none."""
    found, bad = [], []
    for path in sorted((Path(folder) / "records").glob("*.json")):
        record, problem = read_one(folder, path.stem)
        if record:
            found.append(record)
        elif problem:
            bad.append(problem)
    return sorted(found, key=lambda record: (record.suite, record.index)), bad


def _is_run(run):
    """Whether run.json holds what is taken from it, in the types that it should have."""
    def is_time(value):
        return type(value) in (int, float)

    def are_texts(value):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)

    return (isinstance(run, dict) and type(run.get("base")) is int and isinstance(run.get("commit"), str)
            and isinstance(run.get("table"), str) and isinstance(run.get("bin"), str)
            and isinstance(run.get("command", ""), str) and are_texts(run.get("suites", []))
            and are_texts(run.get("expected") or []) and are_texts(run.get("unfinished") or [])
            and all(run.get(key) is None or is_time(run[key]) for key in ("started", "finished", "budget"))
            and all(isinstance(session, list) and len(session) == 2 and all(map(is_time, session))
                    for session in run.get("sessions") or [])
            and all(isinstance(case, list) and len(case) == 2 for case in run.get("cases") or []))


def read_run(folder):
    """run.json of a run; ValueError where it is none."""
    path = Path(folder) / "run.json"
    try:
        run = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError:
        run = None
    if not _is_run(run):
        raise ValueError(f"{path}: not the description of a run")
    return run


def write_json(path, values):
    """Whole, or not at all; a machine that stops may leave a cut file, which its reader sees."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w") as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(temporary, path)


def write(folder, record):
    write_json(path_of(folder, record.name), dataclasses.asdict(record))


# What differs between two failures of one kind, in the order in which it is replaced.
_VARYING = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`", "*"),
    (r"(?<![\w/.])(?:\.{0,2}/)?(?:[\w.+-]+/)+[\w.+-]*", "*"),
    (r"\b0[xX][0-9a-fA-F_]+\b|\b\d+'[hdbo][0-9a-fA-FxzXZ_]+\b", "*"),
    (r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{6,}\b", "*"),
    (r"[-+]?\b\d(?:[\d,._:]*\d)?(?:[eE][-+]?\d+)?(?:%|(?:ns|us|ms|s|min|h|K|M|G|MiB|GiB|KiB)\b)?", "*"),
    (r"(?<=[A-Za-z_])\d+", "*"),  # of the names of builds, units and tensors
    (r"\*(?:[\s:,/x-]*\*)+", "*"),
    (r"\s+", " "),
)
MOST_SIGNATURE_LINES = 4


def signature(failure):
    """What failures of one kind have in common: the first lines, with numbers, times, hexadecimal, paths and what is in
    quotes replaced by stars."""
    kept = []
    for line in failure.splitlines():
        for pattern, star in _VARYING:
            line = re.sub(pattern, star, line)
        if line.strip(" *-=~."):
            kept.append(line.strip())
        if len(kept) == MOST_SIGNATURE_LINES:
            break
    return "\n".join(kept)
