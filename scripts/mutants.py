#!/usr/bin/env python3
"""Breaks the project on purpose, one change at a time, and checks that the test suite notices each.

usage: scripts/mutants.py [--list] [--jobs N] [--sample N] [ID...]

The bugs are in testbench/mutants/*.txt, whose README says how to write one. Each is applied to a copy of the project in build/mutants/ID, with the objects
of an unchanged copy, so that make builds only what the change touches. A run of the test suite that takes longer than
TIMEOUT seconds counts as caught: a bug may well hang the unit. The folders of mutants that are not caught are kept.
Exit codes: 0 all caught, 1 not all or none, 2 usage, or a mutant no longer applies.
"""

import argparse
import concurrent.futures
import html
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = [ROOT / "testbench" / "mutants" / f"{part}.txt" for part in ("rtl", "model", "sim")]
WORK = ROOT / "build" / "mutants"
SOURCES = ["Makefile", "model", "sim", "rtl", "testbench"]
BUILD_TIMEOUT = 600
TIMEOUT = 300


@dataclass
class Mutant:
    name: str
    file: str = ""
    what: str = ""
    units: str = ""
    original: list = field(default_factory=list)
    replacement: list = field(default_factory=list)

    def apply(self, root):
        """Changes the file below root; raises ValueError unless the original text is there exactly once."""
        path = root / self.file
        text = path.read_text() if path.is_file() else ""
        original = "\n".join(self.original)
        if not original or text.count(original) != 1:
            raise ValueError(f"mutant {self.name} no longer applies: its text occurs {text.count(original)} times "
                             f"in {self.file}")
        path.unlink()  # not written in place: the file may be shared
        path.write_text(text.replace(original, "\n".join(self.replacement)))


@dataclass
class Outcome:
    caught: bool
    text: str
    seconds: float


def read_mutants():
    mutants = []
    lines = [(f"{path}:{number}", line) for path in MUTANTS for number, line in enumerate(path.read_text().splitlines(), 1)]
    for place, line in lines:
        key, _, value = line.partition(" ")
        if not line or line.startswith("#"):
            continue
        if key == "mutant":
            if any(value == mutant.name for mutant in mutants) or not re.fullmatch(r"[a-z0-9-]+", value):
                raise ValueError(f"{place}: '{value}' is not a new name of a-z, 0-9 and -")
            mutants.append(Mutant(value))
        elif not mutants or key not in ("file", "what", "units", "-", "+"):
            raise ValueError(f"{place}: not a line of a mutant: '{line}'")
        elif key == "-":
            mutants[-1].original.append(value)
        elif key == "+":
            mutants[-1].replacement.append(value)
        else:
            setattr(mutants[-1], key, value)
    return mutants


def copy_sources(root):
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in SOURCES:
        subprocess.run(["cp", "-a", ROOT / name, root], check=True)


def copy_objects(source, target):
    """The build folder without programs and archives. cp -a keeps the times that make compares."""
    (target / "build").mkdir()
    if not (source / "build" / "verilated").is_dir():
        return
    for name in ["verilated", "verilated.flags", "release"]:
        subprocess.run(["cp", "-a", source / "build" / name, target / "build"], check=True)
    for archive in (target / "build" / "release").glob("*.a"):
        archive.unlink()


def keep_units(mutant, root):
    """The units that do not get the bug count as made after it."""
    stamps = list((root / "build" / "verilated").glob("*.stamp"))
    names = mutant.units.split()
    unknown = set(names) - {stamp.stem for stamp in stamps}
    if unknown:
        raise ValueError(f"mutant {mutant.name}: no unit is called {' or '.join(sorted(unknown))}")
    for stamp in stamps if names else []:
        if stamp.stem not in names:
            stamp.touch()


def run(command, root, log, timeout):
    """Exit code, or None where the time ran out. Output goes to the file `log` in root."""
    with open(root / log, "w") as output:
        try:
            return subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=timeout,
                                  env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""}).returncode
        except subprocess.TimeoutExpired:
            return None


def build(root, jobs, goal="build/if4_tests"):
    return run(["make", f"-j{jobs}", goal], root, "build.log", BUILD_TIMEOUT) == 0


def failed_test(root):
    """Name of the first test case that failed, or, after a crash or a hang, the one that was running."""
    text = (root / "test.log").read_text(errors="replace")
    cases = re.split(r'<TestCase name="', text)[1:]
    failed = [case for case in cases if 'success="false"' in case] or cases[-1:]
    return html.unescape(failed[0].split('"')[0]) if failed else "no test case"


def test(root):
    """None if the suite passed, otherwise how it failed."""
    # The tests of the RTL first, those that take long after the others; the tests of the program last, and the
    # program built only for them: that a unit is broken is for its own tests to say.
    for tests in ["[rtl]~[long],[lane_fp32_rtl],[fp32],[array]", "[long]",
                  "~[rtl]~[lane_fp32_rtl]~[fp32]~[array]~[cli]", "[cli]"]:
        if tests == "[cli]" and not build(root, 1, "build/if4"):
            return "a program that does not build"
        # One seed for all, so that a mutant is caught by the same test each time.
        code = run(["build/if4_tests", tests, "--abort", "--rng-seed", "1", "--reporter", "xml"], root, "test.log",
                   TIMEOUT)
        if code is None:
            return f"timeout ({TIMEOUT} s) in '{failed_test(root)}'"
        if code != 0:
            return ("crash in " if code < 0 else "") + f"'{failed_test(root)}'"
    return None


def run_mutant(mutant, control):
    start = time.monotonic()
    root = WORK / mutant.name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name in SOURCES:
        subprocess.run(["cp", "-a", control / name, root], check=True)
    copy_objects(control, root)
    mutant.apply(root)
    keep_units(mutant, root)
    if not build(root, 1):
        return Outcome(False, f"DOES NOT BUILD, see {root}/build.log", time.monotonic() - start)
    failure = test(root)
    if failure is None:
        return Outcome(False, "SURVIVED", time.monotonic() - start)
    shutil.rmtree(root)
    return Outcome(True, f"CAUGHT by {failure}", time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time (default 2)")
    parser.add_argument("--sample", type=int, metavar="N", help="run only N, at even distances in the list")
    parser.add_argument("names", nargs="*", metavar="ID", help="run only these")
    args = parser.parse_args()

    mutants = read_mutants()
    unknown = set(args.names) - {mutant.name for mutant in mutants}
    if unknown:
        raise ValueError("no such mutant: " + ", ".join(sorted(unknown)))
    if args.names:
        mutants = [mutant for mutant in mutants if mutant.name in args.names]
    if args.sample is not None and 0 < args.sample < len(mutants):
        mutants = [mutants[i * len(mutants) // args.sample] for i in range(args.sample)]
    if args.list:
        for mutant in mutants:
            print(f"{mutant.name:28} {mutant.file:22} {mutant.units:26} {mutant.what}")
        return 0

    control = WORK / "control"
    copy_sources(control)
    copy_objects(ROOT, control)
    # All are tried before the first is built: a text that moved on is a mistake to hear about at once.
    for mutant in mutants:
        text = (control / mutant.file).read_bytes()
        times = (control / mutant.file).stat()
        mutant.apply(control)
        (control / mutant.file).write_bytes(text)
        os.utime(control / mutant.file, ns=(times.st_atime_ns, times.st_mtime_ns))
    if not build(control, os.cpu_count() or 1):
        print(f"the unchanged project does not build, see {control}/build.log", file=sys.stderr)
        return 1
    start = time.monotonic()
    failure = test(control)
    if failure is not None:
        print(f"the unchanged project fails its tests: {failure}, see {control}/test.log", file=sys.stderr)
        return 1
    print(f"{'unchanged':32} passes ({time.monotonic() - start:.0f} s)", flush=True)

    caught = 0
    with concurrent.futures.ThreadPoolExecutor(max(args.jobs, 1)) as pool:
        pending = {pool.submit(run_mutant, mutant, control): mutant for mutant in mutants}
        for done in concurrent.futures.as_completed(pending):
            outcome = done.result()
            caught += outcome.caught
            print(f"{pending[done].name:32} {outcome.text} ({outcome.seconds:.0f} s)", flush=True)
    # What broke the machine meanwhile would fail every mutant, and none of them would have been caught.
    failure = test(control)
    if failure is not None:
        print(f"the unchanged project no longer passes, so nothing above counts: {failure}, see {control}/test.log",
              file=sys.stderr)
        return 1
    print(f"{len(mutants)} mutants, {caught} caught")
    return 0 if mutants and caught == len(mutants) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        print(f"mutants.py: {error}", file=sys.stderr)
        sys.exit(2)
