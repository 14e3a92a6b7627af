#!/usr/bin/env python3
"""Runs cases of a suite one after the other, and leaves a record of each.

usage: scripts/regress/shard.py [--attempt N] [--queued T] [--until T] [--seconds S] RUN SUITE INDEX [INDEX...]

RUN is the folder of the run, whose run.json says what is run. Each case is a process of the suite's command, in the root
of the project and in a session of its own; it ends with all that it started at the suite's limit. With --until no case
starts that would probably end after that time (Unix seconds); --seconds is what a case probably takes at first.
Exit codes: 0 each case has its record, or did not start because of --until; 1 a record cannot be written; 2 bad input;
128 + a signal.
"""

import hashlib
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import processes
import records
from stopping import prepare_worker
from suites import ROOT, read_suites

MOST_LOG = 64 << 20  # bytes; a case that prints more is ended
MOST_FAILURE_LINES = 40
MOST_LINE = 300
# Who ends a job sends its signal to all processes of it, and to this one perhaps last; a case that it ended did not crash.
ENDING = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP)
MOMENT = 1.0  # seconds in which the signal is here, too
COUNTING = 5  # times as long as without counters may a case take in a build with them
TICK = 0.5  # seconds between two looks at the log
_STIMULI = re.compile(r"^stimuli ([0-9a-f]{16,128})(?: (.*))?$", re.M)
_TESTPOINT = re.compile(r"^testpoint (\S{1,64}) checks (\d{1,15}) failures (\d{1,15})$", re.M)
_SAYS_FAILURE = re.compile(r"\b(FAIL|FAILED|(?:fatal |runtime )?[eE]rror:|ERROR|Assertion|assertion failed|panic|SUMMARY|"
                           r"mismatch|wrong|WRONG|Traceback|terminate called|SURVIVED)\b")
_SAYS_NOTHING = re.compile(r"^\s*([-=~.*]{8,}|)\s*$|^(stimuli|checks|testpoint) |^random seed ")


def failure_lines(text):
    """The lines that say what failed: from a little before the first one that names a failure, or the last ones."""
    lines = [line.rstrip()[:MOST_LINE] for line in text.splitlines() if not _SAYS_NOTHING.match(line)]
    first = next((number for number, line in enumerate(lines) if _SAYS_FAILURE.search(line)), None)
    start = max(0, first - 3) if first is not None else max(0, len(lines) - MOST_FAILURE_LINES)
    return "\n".join(lines[start:start + MOST_FAILURE_LINES])


def digest_of(text):
    """(digest, parts) of the lines `stimuli HEX NAME` that a case prints: all together, and by name."""
    parts = {}
    for digest, name in _STIMULI.findall(text):
        parts[name] = parts.get(name, "") + digest
    if not parts:
        return None, {}
    parts = {name: hashlib.sha256(text.encode()).hexdigest()[:32] for name, text in parts.items()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(), parts


def testpoints_of(text):
    """{name: [checks, failures]} of the lines `testpoint NAME checks N failures N` that a case prints."""
    points = {}
    for name, checks, failures in _TESTPOINT.findall(text):
        counts = points.setdefault(name, [0, 0])
        counts[0], counts[1] = counts[0] + int(checks), counts[1] + int(failures)
    return points


def wait(process, log, limit):
    """Why the case ended: "itself", "limit", or "log" where it printed too much."""
    last = time.monotonic() + limit
    handle = os.pidfd_open(process.pid)
    try:
        while True:
            left = last - time.monotonic()
            if select.select([handle], [], [], max(0, min(TICK, left)))[0]:
                return "itself"
            if left <= 0:
                return "limit"
            if os.fstat(log.fileno()).st_size > MOST_LOG:
                return "log"
    finally:
        os.close(handle)


def first_of(folder, patterns):
    return next((path for pattern in patterns for path in sorted(folder.rglob(pattern)) if path.is_file()), None)


class Shard:
    def __init__(self, folder, name, attempt, queued):
        self.folder, self.attempt, self.queued = Path(folder), attempt, queued
        self.run = records.read_run(folder)
        table = read_suites(ROOT / self.run["table"])
        if name not in table:
            raise ValueError(f"{self.run['table']}: there is no suite '{name}'")
        self.suite = table[name]
        self.limit = self.suite.limit * (COUNTING if self.run.get("coverage") else 1)

    def start(self, index, scratch, log):
        places = {"seed": records.seed(self.run["base"], self.suite.name, index), "index": index, "folder": scratch,
                  "bin": self.run["bin"]}
        command = self.suite.words(**places)
        environment = {**os.environ, "TMPDIR": str(scratch), "IF4_STIMULI": "1"}
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "IF4_COVERAGE"):
            environment.pop(name, None)
        if self.run.get("coverage"):
            (scratch / "coverage").mkdir()
            environment["IF4_COVERAGE"] = str(scratch / "coverage")
        try:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                       env=environment, start_new_session=True, preexec_fn=processes.before_case)
        except OSError as error:
            log.write(f"cannot run {command[0]}: {error.strerror}\n".encode())
            process = None
        return command, process

    def case(self, index):
        """Runs one case, and writes its record."""
        name = f"{self.suite.name}-{index}"
        scratch = (self.folder / "cases" / name).resolve()
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        log_path = self.folder / "logs" / f"{name}.log"
        log_path.parent.mkdir(exist_ok=True)
        records.path_of(self.folder, name).unlink(missing_ok=True)
        started = time.time()
        with open(log_path, "wb") as log:
            command, process = self.start(index, scratch, log)
            why, code = "itself", 127
            if process:
                why = wait(process, log, self.limit)
                code = process.wait() if why == "itself" else None
            if code is not None and -code in ENDING:
                time.sleep(MOMENT)
        if processes.has_children():
            processes.end_descendants()
        if process:
            process.poll()
        record = self.judge(index, command, why, code, log_path, started)
        self.keep(record, scratch)
        records.write(self.folder, record)
        return record

    def judge(self, index, command, why, code, log_path, started):
        """The record of a case, by how it ended and what it printed."""
        with open(log_path, "rb") as file:
            text = file.read(MOST_LOG).decode(errors="replace")
        checks = self.suite.count_checks(text)
        digest, parts = digest_of(text)
        outcome, says = "passed", ""
        if why == "limit":
            outcome, says = "hung", f"no end within {self.limit:g} s"
        elif why == "log":
            outcome, says = "failed", f"printed more than {MOST_LOG >> 20} MiB, and was ended"
        elif code < 0:
            outcome, says = "crashed", f"ended by {signal.Signals(-code).name}"
        elif code > 0:
            outcome = "failed"
        elif checks == 0:
            outcome, says = "empty", "exit code 0, but no checks"
        elif digest is None:
            outcome, says = "empty", "exit code 0, but no stimuli"
        lines = failure_lines(text) if outcome != "passed" else ""
        if outcome == "failed" and not lines and not says:
            says = f"exit code {code}, and not a word"
        run, name = self.run, self.suite.name
        return records.Record(
            suite=name, index=index, seed=records.seed(run["base"], name, index), base=run["base"], commit=run["commit"],
            command=command, repeat=repeat(name, index, run), host=socket.gethostname(), outcome=outcome,
            exit=code if code is not None and code >= 0 else None, signal=-code if code is not None and code < 0 else None,
            checks=checks, digest=digest, parts=parts, twin=None, attempt=self.attempt, queued=self.queued, started=started,
            ended=max(started, time.time()), log=str(log_path.relative_to(self.folder)), wave=None,
            failure="\n".join(filter(None, (says, lines))), coverage=None,
            testpoints=testpoints_of(text))

    def keep(self, record, scratch):
        """Removes what nobody needs of the case's folder: all but coverage, where the case passed."""
        coverage = scratch / "coverage"
        if self.run.get("coverage") and any(coverage.iterdir()):
            record.coverage = str(coverage.relative_to(self.folder.resolve()))
        if not record.passed:
            wave = first_of(scratch, ("*.fst", "*.vcd"))
            record.wave = wave and str(wave.relative_to(self.folder.resolve()))
            return
        if not record.coverage:
            shutil.rmtree(scratch, ignore_errors=True)
            return
        for path in scratch.iterdir():
            if path != coverage:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def repeat(suite, index, run):
    """What a user types to run the case again, here or elsewhere."""
    extra = " COVERAGE=1" if run.get("coverage") else ""
    return f"make regress CASE={suite}-{index} BASE={run['base']}{extra}"


def stop(number, _frame):
    """The signal handler: no child survives, and no record is written."""
    processes.end_descendants()
    os._exit(128 + number)


def arguments(words):
    """The values of the options, and [RUN, SUITE, INDEX...]."""
    options = {"--attempt": "1", "--queued": str(time.time()), "--until": "inf", "--seconds": "0"}
    while words and words[0].startswith("--"):
        if words[0] not in options or len(words) < 2:
            raise ValueError(f"no such option, or no value: {words[0]}")
        options[words[0]], words = words[1], words[2:]
    if len(words) < 3 or not all(re.fullmatch(r"\d{1,9}", word) for word in words[2:]):
        raise ValueError("give the folder of a run, a suite, and whole numbers")
    try:
        return (int(options["--attempt"]), *(float(options[key]) for key in ("--queued", "--until", "--seconds")), words)
    except ValueError:
        raise ValueError("an option's value is no number") from None


def main(words):
    if not prepare_worker(stop):
        return 128 + signal.SIGTERM
    attempt, queued, until, expected, (folder, suite, *indexes) = arguments(words)
    shard = Shard(folder, suite, attempt, queued)
    for done, index in enumerate(map(int, indexes)):
        if time.time() + expected > until:
            break
        record = shard.case(index)
        # The mean of what this shard has seen.
        expected += (record.ended - record.started - expected) / (done + 1)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ValueError, OSError) as error:
        print(f"shard.py: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ValueError) else 1)
