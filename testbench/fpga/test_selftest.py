#!/usr/bin/env python3
"""Tests of the self-test's bitstream: simulated from its own bits it has the golden signature, and with a bug in the RTL not.

usage: testbench/fpga/test_selftest.py PROGRAM      PROGRAM: build/fpga/signature
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "fpga"))
sys.dont_write_bytecode = True

import flow  # noqa: E402
import fpga  # noqa: E402
import selftest  # noqa: E402

SCRIPT = ROOT / "scripts/fpga/selftest.py"
PROGRAM = None
# A bug that a single result in many shows: a scale of an exponent field of 0 counts as if it had one of 1, significand and all.
BUG = ("rtl/if4_scale_decode.sv", "{normal, scale_i[2:0]}", "{1'b1, scale_i[2:0]}")


class Bitstream(unittest.TestCase):
    def setUp(self):
        self.place = ROOT / "build" / f"fpga_selftest_{os.getpid()}"
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.addCleanup(flow.place, "build/fpga")

    def run_script(self, *arguments, **options):
        return subprocess.run([sys.executable, "-B", SCRIPT, *arguments], cwd="/", capture_output=True, text=True, timeout=1800,
                              **options)

    def broken(self):
        """The unit with the bug."""
        shutil.copytree(ROOT / "rtl", self.place / "rtl")
        file, original, replacement = BUG
        text = (ROOT / file).read_text()
        self.assertEqual(text.count(original), 1)
        (self.place / file).write_text(text.replace(original, replacement))
        unit = next(unit for unit in fpga.UNITS if unit.name == "if4_iterative")
        return replace(unit, name="broken", files=str((self.place / "rtl/if4_mac.f").relative_to(ROOT)))

    def test_the_bits_pass_and_those_of_a_bug_fail(self):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            good = pool.submit(self.run_script, "--program", PROGRAM, "--jobs", "1")
            unit = self.broken()
            flow.place(self.place.relative_to(ROOT))
            with self.assertRaisesRegex(flow.ToolError, r"the self-test fails in the simulation of the bitstream \(fail\): "
                                                        "signature ([0-9a-f]+), golden ") as caught:
                selftest.selftest_result(unit, PROGRAM)
            ran = good.result()
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertRegex(ran.stdout, "if4_iterative: PASS  signature [0-9a-f]{1,9} of [0-9]+ results")
        golden = ran.stdout.split("signature ")[1].split()[0]
        self.assertTrue((ROOT / "build/fpga/if4_iterative.selftest/selftest.bin").stat().st_size > 100_000)
        self.assertIn(f"golden {golden}", str(caught.exception))
        self.assertNotIn(f"signature {golden},", str(caught.exception))
        self.assertFalse((self.place / "broken.selftest").exists())

    def test_refused(self):
        out = ("--out", str(self.place.relative_to(ROOT)))
        for arguments, message in (
                (("--program", PROGRAM, "if5"), "selftest.py: no configuration is called 'if5'; there are if4, "),
                (("--program", "/nowhere/signature"), "selftest.py: /nowhere/signature: No such file or directory")):
            ran = self.run_script(*out, *arguments)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (2, "", 1), ran.stderr)
            self.assertTrue(ran.stderr.startswith(message), ran.stderr)
        ran = self.run_script(*out, "--program", PROGRAM, env={"PATH": "/nowhere"})
        self.assertEqual((ran.returncode, ran.stderr), (2, "selftest.py: yosys is missing: install what Debian and Ubuntu call yosys\n"))
        self.assertFalse(self.place.exists())


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        sys.exit("test_selftest.py: give the program that prints signatures: build/fpga/signature")
    PROGRAM = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
