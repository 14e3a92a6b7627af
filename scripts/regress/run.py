"""The folder of a run: what was asked for, which cases that is, whether it goes on or starts anew."""

import fcntl
import glob
import hashlib
import random
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import options
import records
from suites import ROOT

DEFAULT_SEEDS = 10
HEARTBEAT = 5  # seconds between two looks at the clock that are written down
CONTENTS = ("records", "logs", "cases")
RESULTS = ("report.html", "junit.xml", "run.json")


def commit():
    """The commit of the checkout, "-dirty" where files differ from it, or the version where there is none."""
    text = subprocess.run([ROOT / "scripts" / "version.sh"], capture_output=True, text=True).stdout.strip()
    return text.partition("(")[2].rstrip(")") or text


def fingerprint(args, names):
    """What the results depend on: the programs, the table, the scripts of the cases, and what else these read."""
    digest = hashlib.sha256(args.table.read_bytes())
    needed = {ROOT / args.bin / need for name in names for need in args.suites_by_name[name].needs}
    read = set()
    for pattern in {pattern for name in names for pattern in args.suites_by_name[name].reads}:
        found = glob.glob(str(ROOT / pattern))
        if not found:
            raise ValueError(f"{args.table}: no file is called {pattern}")
        read.update(map(Path, found))
    for path in [*sorted(needed), *sorted((ROOT / "testbench" / "regress").glob("*.py")), *sorted(read)]:
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; make builds it") from None
    return digest.hexdigest()


def cases_listed(suite):
    """How many cases there are of a suite that names a command for it, or None."""
    if not suite.listed:
        return None
    done = subprocess.run(suite.listed, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode or not done.stdout:
        raise ValueError(f"suite {suite.name}: {shlex.join(suite.listed)} lists nothing: {done.stderr.strip()[:200]}")
    return len(done.stdout.splitlines())


def what_failed(folder):
    """(run, cases as (suite, index), the first failure first) of the run in the folder."""
    try:
        before = records.read_run(folder)
    except ValueError:
        raise ValueError(f"FAILED=1: there is no run in {folder}") from None
    found, _ = records.read(folder)
    cases = [(record.suite, record.index) for record in sorted(found, key=lambda one: one.ended) if not record.passed]
    # Two cases with the same stimuli are a failure only together.
    twins = [record.twin.rpartition("-") for record in found if record.twin]
    cases += [(suite, int(index)) for suite, _, index in twins]
    if not cases:
        raise ValueError(f"FAILED=1: no case failed in the last run, {folder}")
    return before, list(dict.fromkeys(cases))


def suites_of_failed(folder):
    """The suites that FAILED=1 runs: of what failed, or of such a run that was stopped."""
    before = None
    try:
        before = records.read_run(folder)
    except ValueError:
        pass
    if before and before.get("mode") == "failed" and not before.get("finished"):
        return before["suites"]
    return list(dict.fromkeys(suite for suite, _ in what_failed(folder)[1]))


class Run:
    """The run that the command line asks for. `wanted`, `order`, `done` and `lost` are as in plan.Plan."""

    def __init__(self, args):
        self.args = args
        self.folder = args.folder / "repeat" if args.case else args.folder
        self.mode = "case" if args.case else "failed" if args.failed else "run"
        self._lock()
        self.values = self._resumed()
        self.resumed = self.values is not None
        if not self.resumed:
            self.values = self._new()
        self.base = self.values["base"]
        self.table = args.suites_by_name
        self.suites = {name: self.table[name] for name in self.values["suites"]}
        cases = self.values["cases"]
        self.order = None if cases is None else [tuple(case) for case in cases]
        self.wanted = {name: self._wanted(name) for name in self.suites}
        # With a budget no case is owed, also not of those that a suite lists.
        self.values["planned"] = {name: None if self.values["budget"] is not None else len(wanted)
                                  if isinstance(wanted, list) else wanted for name, wanted in self.wanted.items()}

    def _lock(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = open(self.folder / ".lock", "w")
        except OSError as error:
            raise ValueError(f"{self.folder}: {error.strerror}") from None
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{self.folder}: another regression is using it") from None

    def _arguments(self):
        """What must be the same for a run to go on."""
        args = self.args
        return {"mode": self.mode, "names": args.names, "seeds": args.seeds, "budget": args.budget,
                "table": str(args.table), "coverage": args.coverage}

    def _resumed(self):
        """run.json of a run that was asked for the same and is not finished, or None."""
        if self.mode == "case":
            return None
        try:
            values = records.read_run(self.folder)
        except ValueError:
            return None
        same = values.get("arguments") == self._arguments() and self.args.base in (None, values["base"])
        if not same or values.get("finished"):
            return None
        if values.get("programs") != fingerprint(self.args, values["suites"]):
            print("the programs have changed since that run was stopped: it starts anew", flush=True)
            return None
        return values

    def _new(self):
        """The description of a new run. What was there of another one stays until start()."""
        args, cases, base = self.args, None, self.args.base
        names = args.names or options.names_by_default(args)
        if self.mode == "failed":
            before, failed = what_failed(self.folder)
            base, cases = before["base"], [list(case) for case in failed]
        elif self.mode == "case":
            cases = [list(args.case)]
            listed = cases_listed(args.suites_by_name[args.case[0]])
            if listed is not None and args.case[1] >= listed:
                raise ValueError(f"CASE={args.case[0]}-{args.case[1]}: that suite has {listed} cases, from 0 on")
        if cases:
            names = list(dict.fromkeys(suite for suite, _ in cases))
            gone = [name for name in names if name not in args.suites_by_name]
            if gone:
                raise ValueError(f"{args.table}: there is no suite '{gone[0]}' any more")
        seeds = args.seeds
        if not cases and args.budget is None:
            seeds = args.seeds or DEFAULT_SEEDS
        return {"version": 1, "mode": self.mode, "arguments": self._arguments(), "base": base or random.randint(1, 999999),
                "commit": commit(), "table": str(args.table), "bin": args.bin, "suites": names, "seeds": seeds,
                "budget": args.budget, "cases": cases, "coverage": args.coverage, "engine": args.engine, "jobs": args.jobs,
                "command": self.command(), "programs": fingerprint(args, names), "started": time.time(), "finished": None,
                "sessions": []}

    def _wanted(self, name):
        """How many cases, a list of them, or None."""
        if self.order is not None:
            return [index for suite, index in self.order if suite == name]
        listed = cases_listed(self.suites[name])
        seeds = self.values["seeds"]
        return seeds if listed is None else listed if seeds is None else min(seeds, listed)

    def command(self):
        """What a user types for this run."""
        return " ".join(["make regress", *(f"{options.MAKE_NAMES[name]}={shlex.quote(text)}"
                                           for name, text in self.args.given.items())])

    def start(self, write_report):
        """Clears the folder of another run, and begins. Names of the cases that have their record, the attempts of those
        that run again, all records that count, and a line for each bad one."""
        lost = []
        for name in CONTENTS:
            if not self.resumed and (self.folder / name).exists():
                if name == "records" and self.mode != "case" and (self.folder / "run.json").exists():
                    try:
                        write_report(self.folder)  # which adds it to the history, also where it was killed
                    except ValueError as error:
                        lost = [f"{error}: the records of that run count for nothing"]
                shutil.rmtree(self.folder / name)
            (self.folder / name).mkdir(exist_ok=True)
        for name in RESULTS:
            if not self.resumed:
                (self.folder / name).unlink(missing_ok=True)
        for path in (self.folder / "records").glob(".*"):
            path.unlink()  # what a machine that stopped was about to rename
        self.values.update(jobs=self.args.jobs, engine=self.args.engine)
        found, bad = records.read(self.folder)
        bad, ours = lost + bad, []
        for record in found:
            if record.base == self.base and record.suite in self.suites:
                ours.append(record)
            else:
                bad.append(f"{records.path_of(self.folder, record.name)}: a record of another run, which counts for nothing")
        last = max((record.ended for record in ours), default=0)
        for session in self.values["sessions"]:
            session[1] = max(session[1], min(last, session[1] + HEARTBEAT))
        self.values["sessions"].append([time.time(), time.time()])
        self.write()
        return ours, bad

    def programs_changed(self):
        """Whether somebody has built other programs while the run went on."""
        return self.values["programs"] != fingerprint(self.args, self.values["suites"])

    def spent(self):
        """Seconds that the run has gone on."""
        return sum(end - start for start, end in self.values["sessions"])

    def beat(self):
        """Writes down that the run goes on, every few seconds."""
        if time.time() - self.values["sessions"][-1][1] > HEARTBEAT:
            self.write()

    def write(self, finished=False):
        self.values["sessions"][-1][1] = max(self.values["sessions"][-1][0], time.time())
        if finished:
            self.values["finished"] = time.time()
        records.write_json(self.folder / "run.json", self.values)
