#!/usr/bin/env python3
"""Tests of `make layout` as a user starts it: bad input, missing tools, a full disk, signals, and nothing done twice."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = ROOT / "build" / "layout"
BLOCK = "if4_slice Width=2"
LARGER = "if4_dot"        # takes long enough to be interrupted
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_S = 600           # a tool that hangs


def run(*arguments, env=None, **options):
    """The script as a user starts it: exit code, what it printed, what it said on stderr."""
    done = subprocess.run([sys.executable, "-B", ROOT / "scripts/layout/layout.py", *arguments], cwd=ROOT, text=True,
                          capture_output=True, timeout=LONGEST_S, env={**os.environ, **(env or {})}, **options)
    return done.returncode, done.stdout, done.stderr


class ProgramTest(unittest.TestCase):
    """The program as it is called."""

    def leftovers(self):
        """What runs of the blocks of these tests have left half-done."""
        return [*LAYOUTS.glob(".block_if4_slice*"), *LAYOUTS.glob(f".block_{LARGER}.*"),
                *LAYOUTS.glob("block_if4_slice*/.*"), *LAYOUTS.glob(f"block_{LARGER}/.*")]

    def test_a_block(self):
        code, out, said = run("--block", BLOCK)
        self.assertEqual((code, said), (0, ""))
        self.assertLess(out.index("What the numbers are not"), out.index("| `block_if4_slice_Width2` |"))
        self.assertIn("| layout against netlist | equal |", out)
        kept = json.loads((LAYOUTS / "block.json").read_text())["layouts"][0]
        self.assertEqual((kept["unrouted"], kept["drc"]), (0, 0))
        code, out, said = run("--block", BLOCK)
        self.assertEqual((code, said, out.count("up to date"), out.count("done")), (0, "", 5, 0))
        self.assertEqual(self.leftovers(), [])

    def test_bad_input(self):
        for arguments, env, says in ((["--block", "no_such"], {}, "no list of files"), (["--block", "if4_slice Width"], {}, "not PARAMETER=NUMBER"),
                                     (["no_such"], {}, "no configuration is called 'no_such'"), (["if4_array"], {}, "is an array"),
                                     (["--block", BLOCK, "if4"], {}, "goes with neither"), ([], {"LIBERTY": "other.lib"}, "of osu018 alone"),
                                     (["--block", ""], {}, "no list of files")):
            code, out, said = run(*arguments, env=env)
            self.assertEqual((code, out, said.count("\n")), (2, "", 1), said)
            self.assertIn(says, said)

    def test_a_block_that_is_too_small(self):
        code, _, said = run("--block", "if4_element Format=2")
        self.assertEqual(code, 1)
        self.assertIn("too small to lay out", said)
        self.assertNotIn("Traceback", said)

    def test_a_parameter_that_is_not_there(self):
        code, _, said = run("--block", "if4_slice NoSuch=1")
        self.assertEqual(code, 1)
        self.assertIn("NoSuch", said)
        self.assertEqual(self.leftovers(), [])

    def test_a_missing_tool(self):
        """Each tool, in a PATH that has all others."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("graywolf", "qrouter", "magic", "netgen-lvs", "sta", "yosys", "tclsh", "iverilog", "sh", "bash", "git", "python3",
                         "sed", "cat", "dirname", "env", "basename", "uname"):
                if shutil.which(name):
                    os.symlink(shutil.which(name), Path(folder) / name)
            for name in ("graywolf", "qrouter", "magic", "netgen-lvs"):
                (Path(folder) / name).unlink()
                code, out, said = run("--block", BLOCK, env={"PATH": folder})
                self.assertEqual((code, said), (1, f"layout.py: not installed: Debian's {name}\n"))
                os.symlink(shutil.which(name), Path(folder) / name)

    def test_a_full_disk(self):
        """No file may become larger than some: one line, nothing half-written, and afterwards all goes on."""
        for most in (20_000, 60_000, 200_000):
            shutil.rmtree(LAYOUTS / "block_if4_slice_Width3", ignore_errors=True)
            code, _, said = run("--block", "if4_slice Width=3", preexec_fn=lambda: (
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))))
            self.assertEqual(self.leftovers(), [])
            if code:
                self.assertEqual((code, said.startswith("layout.py: "), said.count("\n")), (1, True, 1), said)
        code, _, said = run("--block", "if4_slice Width=3")
        self.assertEqual((code, said), (0, ""))

    def test_signals(self):
        for number in SIGNALS:
            shutil.rmtree(LAYOUTS / f"block_{LARGER}", ignore_errors=True)
            program = subprocess.Popen([sys.executable, "-B", ROOT / "scripts/layout/layout.py", "--block", LARGER], cwd=ROOT,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in SIGNALS])
            folder = LAYOUTS / f"block_{LARGER}"
            begun = time.monotonic()
            while not list(folder.glob(".place.*/graywolf.log")):
                self.assertIsNone(program.poll())
                self.assertLess(time.monotonic() - begun, LONGEST_S)
                time.sleep(0.02)
            program.send_signal(number)
            _, said = program.communicate(timeout=LONGEST_S)
            self.assertEqual((program.returncode, said), (128 + number, ""))
            self.assertEqual(list(folder.iterdir()) if folder.exists() else [], [])
            self.assertEqual(self.leftovers(), [])
            self.assertEqual(self.working_in(folder), [])

    def working_in(self, folder):
        """Processes whose folder is or was below `folder`."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(folder) in os.readlink(process / "cwd"):
                    found.append((process / "cmdline").read_bytes())
            except OSError:
                pass
        return found


if __name__ == "__main__":
    unittest.main()
