"""What the tests of `make regress` share: a folder with a table of suites of their own, and runs in it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "regress"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))
import records

# What is sent Ctrl-C must not have inherited that it is ignored, as what a shell starts in the background has.
signal.signal(signal.SIGINT, signal.default_int_handler)

PATIENCE = 120  # seconds for what happens at once on an idle machine

# Passes; what it prints depends on the seed alone.
PASS = "sh -c 'printf \"stimuli %032x\\nchecks 3\\n\" {seed}'"


def suite(name, command, limit=60, more=""):
    return f"suite {name}\nlimit {limit}\nseconds 0.05\ncommand {command}\n{more}\n"


class RegressTest(unittest.TestCase):
    def setUp(self):
        self.box = tempfile.TemporaryDirectory(prefix="regress")
        self.folder = Path(self.box.name)
        self.run_folder = self.folder / "run"
        self.addCleanup(self.box.cleanup)
        self.addCleanup(self.end_all)

    def end_all(self):
        """What a run should have ended itself."""
        for pid in filter(alive, self.lines("pids")):
            os.kill(int(pid), signal.SIGKILL)

    def table(self, *suites):
        (self.folder / "suites.txt").write_text("\n".join(suites))

    def script(self, name, text):
        """A shell script in the test's folder, as a command."""
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text.replace("BOX", str(self.folder)))
        path.chmod(0o755)
        return str(path)

    def command(self, *words):
        return [sys.executable, "-B", str(SCRIPTS / "regress.py"), "--table", str(self.folder / "suites.txt"),
                "--folder", str(self.run_folder), *map(str, words)]

    def regress(self, *words, code=0):
        """What a run says; it must end with that code."""
        done = subprocess.run(self.command(*words), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=10 * PATIENCE)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.said, self.complained = done.stdout, done.stderr
        return done.stdout

    def start(self, *words):
        process = subprocess.Popen(self.command(*words), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()

    def records(self, folder=None):
        """By name; none may be bad."""
        found, bad = records.read(folder or self.run_folder)
        self.assertEqual(bad, [])
        return {record.name: record for record in found}

    def outcomes(self):
        return {name: record.outcome for name, record in self.records().items()}

    def wait_for(self, condition, what):
        last = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), last, f"in vain: {what}")
            time.sleep(0.01)

    def lines(self, name):
        path = self.folder / name
        return path.read_text().split() if path.exists() else []


def alive(pid):
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main():
    print(f"{Path(sys.argv[0]).name}: ", end="", flush=True, file=sys.stderr)
    os.umask(0o022)
    unittest.main(verbosity=0)
