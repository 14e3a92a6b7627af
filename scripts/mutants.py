#!/usr/bin/env python3
"""Plants bugs in copies of the project, one at a time, and checks that the test suite notices each.

usage: scripts/mutants.py [--list] [--jobs N] [--sample N] [--changed REV] [--bits] [ID...]

The bugs are in testbench/mutants/*.txt; the README there says how to write one. Each is planted in a copy of the
project in build/mutants/ID, with the objects of an unchanged copy, so that make builds only what the change touches.
A run of the test suite that takes longer than TIMEOUT seconds counts as caught, since a bug may well hang the unit.
The test that notices a bug must pass in the unchanged copy, or it counts for nothing. The folders of bugs that are
not caught are kept. With --bits, the bugs of the MAC unit's RTL are planted for the bits engine, and the tests of the
RTL run on that: whether another reading of the same RTL notices what the Verilated one does.
Exit codes: 0 all caught, or no bug is in a file changed since REV; 1 not all caught; 2 usage, or a bug no longer applies.
"""

import concurrent.futures
import html
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from builds import listed, with_use
from planted import Parser, PlantedBug, chosen, count, main_of, new_name, read_lines, run_tool

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "testbench" / "mutants"
WORK = ROOT / "build" / "mutants"
SOURCES = ["Makefile", "README.md", "LICENSE", "model", "sim", "rtl", "testbench", "scripts"]
# What is copied of the build folder, so that make need not make it again.
BUILT = ["verilated", "verilated.flags", "builds.mk", "builds", "bits", "release"]
BITS_TESTS = "build/bits/rtl_tests"
BUILD_TIMEOUT = 1800
TIMEOUT = 300
BITS_TIMEOUT = 1200


@dataclass
class Mutant(PlantedBug):
    what: str = ""
    builds: str = ""

    def changed_text(self, root):
        unknown = set(self.builds.split()) - {build.name for build in with_use("sim")}
        if unknown:
            raise ValueError(f"planted bug {self.name}: no build with the use 'sim' is called {min(unknown)}")
        return super().changed_text(root)


@dataclass
class Outcome:
    caught: bool
    text: str
    seconds: float


def read_mutants(lists=LISTS):
    mutants = []
    for path in sorted(lists.glob("*.txt")):
        for place, key, value in read_lines(path):
            if key == "mutant":
                mutants.append(Mutant(new_name(place, value, mutants)))
            elif mutants and key in ("what", "builds"):
                setattr(mutants[-1], key, value)
            elif not mutants or not mutants[-1].read_line(key, value):
                raise ValueError(f"{place}: not a line of a planted bug: '{key} {value}'")
    return mutants


def changed_files(revision):
    """The files that differ between the revision and the working tree, and those that git does not know yet."""
    files = set()
    for command in (["diff", "--name-only", "--no-renames", "--end-of-options", revision, "--"],
                    ["ls-files", "--others", "--exclude-standard"]):
        done = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            raise ValueError(f"--changed {revision}: {done.stderr.strip().splitlines()[0]}")
        files |= set(done.stdout.splitlines())
    return files


def select(mutants, args):
    """What the command line asks for."""
    mutants = chosen(mutants, args.names)
    if args.bits:
        mutants = [mutant for mutant in mutants if mutant.file in listed("rtl/if4_mac.f")]
    if args.changed is not None:
        files = changed_files(args.changed)
        mutants = [mutant for mutant in mutants if mutant.file in files]
    if args.sample is not None and args.sample < len(mutants):
        mutants = [mutants[i * len(mutants) // args.sample] for i in range(args.sample)]
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
    for name in BUILT:
        if (source / "build" / name).exists():
            subprocess.run(["cp", "-a", source / "build" / name, target / "build"], check=True)
    for archive in (target / "build" / "release").glob("*.a"):
        archive.unlink()


def plant(mutant, root):
    """Plants the bug. Where the entry names builds, only these count as older than the changed file."""
    path = root / mutant.file
    times = path.stat()
    mutant.plant(root)
    for name in mutant.builds.split():
        for folder in ("verilated", "bits"):
            (root / "build" / folder / f"{name}.stamp").unlink(missing_ok=True)
    if mutant.builds:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def build(root, jobs, goal="build/if4_tests"):
    return run_tool(["make", f"-j{jobs}", goal], root, "build.log", BUILD_TIMEOUT) == 0


def failed_test(root):
    """Name of the first test case that failed, or, after a crash or a hang, the one that was running."""
    text = (root / "test.log").read_text(errors="replace")
    cases = re.split(r'<TestCase name="', text)[1:]
    failed = [case for case in cases if 'success="false"' in case] or cases[-1:]
    return html.unescape(failed[0].split('"')[0]) if failed else "no test case"


# Tests that run only for planted bugs in these folders, since no other bug needs them.
OWN_TESTS = {"testbench/kit/": "[verify]", "scripts/kit/": "[verify]", "scripts/regress/": "[regress]",
             "scripts/coverage/": "[regress]", "scripts/page/": "[regress]", "scripts/explore/": "[explore]",
             "scripts/fpga/": "[fpga]", "testbench/fpga/": "[fpga]"}
# Programs that the tests of a tag run, beside that of the tests.
PROGRAMS = {"[cli]": "build/if4", "[explore]": "build/if4", "[verify]": "build/kit/if4"}


@dataclass
class Failure:
    """How the tests failed: the text, and the test case, program of tests and further program to make first, by which the
    same run can be repeated on the unchanged project."""
    text: str
    case: str = ""
    tests: str = "build/if4_tests"
    program: str = ""


def run_tests(root, tests, selection, timeout, log="test.log"):
    """The exit code; None where it took too long. One seed for all, so that a bug is caught by the same test each time."""
    return run_tool([tests, selection, "--abort", "--rng-seed", "1", "--reporter", "xml"], root, log, timeout)


def test_bits(root):
    """What test() does, of the tests of the RTL on the bits engine."""
    for tests in ("[rtl]~[long]", "[long]"):
        code = run_tests(root, BITS_TESTS, tests, BITS_TIMEOUT)
        if code != 0:
            case = failed_test(root)
            return Failure(f"timeout ({BITS_TIMEOUT} s)" if code is None else f"'{case}'", case, BITS_TESTS)
    return None


def own_tests(mutant):
    """The tags of the tests that alone can notice the bug."""
    return [tag for folder, tag in OWN_TESTS.items() if mutant.file.startswith(folder)]


def test(root, of_rtl=True, own=()):
    """None if the suite passed, otherwise the Failure. `of_rtl` says which tests come first, after those of the tags
    `own`."""
    # Those that are about the changed part first, since the first failure ends the run; those that take long after the
    # others. The program is built only for its own tests.
    rtl = ["[rtl]~[long],[lane_fp32_rtl],[fp32],[array]", "[long]~[handoff]~[regress]~[explore]"]
    rest = ["~[long]~[rtl]~[lane_fp32_rtl]~[fp32]~[array]~[cli]", "[cli]"]
    for tests in [*own, *(rtl + rest if of_rtl else rest + rtl)]:
        program = PROGRAMS.get(tests, "")
        if program and not build(root, 1, program):
            return Failure("a program that does not build", program=program)
        code = run_tests(root, "build/if4_tests", tests, TIMEOUT)
        if code == 0:
            continue
        case = failed_test(root)
        if code is None:
            return Failure(f"timeout ({TIMEOUT} s) in '{case}'", case, program=program)
        return Failure(("crash in " if code < 0 else "") + f"'{case}'", case, program=program)
    return None


class Control:
    """The unchanged copy. A bug counts as caught by a test only where that test passes here: what fails without a bug
    says nothing about one, and a machine that broke meanwhile, for example by a full disk, would seem to catch all."""

    def __init__(self, root):
        self.root = root
        self.lock = threading.Lock()
        self.known = {}

    def passes(self, failure):
        with self.lock:
            place = (failure.tests, failure.case, failure.program)
            if not self.known.get(place):
                self.known[place] = self.run(failure)
            return self.known[place]

    def run(self, failure):
        if failure.program and not build(self.root, 1, failure.program):
            return False
        if not failure.case:
            return bool(failure.program)
        # Catch2 takes commas, brackets and stars in a name for its own.
        name = re.sub(r"([\\,\[*])", r"\\\1", failure.case)
        return run_tests(self.root, failure.tests, name, BITS_TIMEOUT) == 0 and self.ran_one()

    def ran_one(self):
        return '<TestCase name="' in (self.root / "test.log").read_text(errors="replace")


def run_mutant(mutant, control, bits):
    start = time.monotonic()
    root = WORK / mutant.name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name in SOURCES:
        subprocess.run(["cp", "-a", control.root / name, root], check=True)
    copy_objects(control.root, root)
    plant(mutant, root)

    def outcome(caught, text):
        return Outcome(caught, text, time.monotonic() - start)

    if not build(root, 1, *([BITS_TESTS] if bits else [])):
        return outcome(False, f"DOES NOT BUILD, see {root}/build.log")
    failure = test_bits(root) if bits else test(root, mutant.file.startswith("rtl/"), own_tests(mutant))
    if failure is None:
        return outcome(False, "SURVIVED")
    if not control.passes(failure):
        return outcome(False, f"NOT SHOWN: {failure.text}, which fails without the bug too, see {control.root}/test.log")
    shutil.rmtree(root)
    return outcome(True, f"CAUGHT by {failure.text}")


def run_all(mutants, control, jobs, bits):
    """How many of them were caught."""
    caught = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = {pool.submit(run_mutant, mutant, control, bits): mutant for mutant in mutants}
        for done in concurrent.futures.as_completed(pending):
            outcome = done.result()
            caught += outcome.caught
            print(f"{pending[done].name:32} {outcome.text} ({outcome.seconds:.0f} s)", flush=True)
    return caught


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the planted bugs and stop")
    parser.add_argument("--jobs", type=count, default=2, metavar="N", help="planted bugs at a time (default 2)")
    parser.add_argument("--sample", type=count, metavar="N", help="run only N, at even distances in the list")
    parser.add_argument("--changed", metavar="REV", help="run only those in files that changed since this revision")
    parser.add_argument("--bits", action="store_true", help="run those of the MAC unit's RTL on the bits engine")
    parser.add_argument("names", nargs="*", metavar="ID", help="run only these")
    args = parser.parse_args()

    mutants = select(read_mutants(), args)
    if args.list:
        for mutant in mutants:
            print(f"{mutant.name:28} {mutant.file:32} {mutant.builds:26} {mutant.what}")
        return 0
    if not mutants:
        print(f"no planted bug of those is in a file that changed since {args.changed}" if args.changed is not None else
              "none of these planted bugs is in the RTL of the MAC unit")
        return 0
    # A text that moved on is a mistake to hear about before anything is built.
    for mutant in mutants:
        mutant.changed_text(ROOT)

    control = Control(WORK / "control")
    copy_sources(control.root)
    copy_objects(ROOT, control.root)
    if not build(control.root, os.cpu_count() or 1, *([BITS_TESTS] if args.bits else [])):
        print(f"the unchanged project does not build, see {control.root}/build.log", file=sys.stderr)
        return 1
    caught = run_all(mutants, control, args.jobs, args.bits)
    print(f"{len(mutants)} planted bugs, {caught} caught")
    return 0 if caught == len(mutants) else 1


if __name__ == "__main__":
    main_of("mutants.py", main)
