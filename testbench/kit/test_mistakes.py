#!/usr/bin/env python3
"""The behavioural MAC with each of its mistakes against the test plan, in both simulators: minutes.

Each simulator compiles the MAC once, and the plusarg +bug=N chooses the mistake; a few go all the way through `make verify`
with PARAMS="BUG=N", where they must end within a minute.
"""

import concurrent.futures
import os
import subprocess
import time
import unittest

from kit_testing import MAC, PROGRAM, ROOT, Box, mistakes

import simulators  # noqa: E402
import sources  # noqa: E402
from test_verify import BadPorts  # noqa: E402

MOST_SECONDS = 60


class Mistakes(Box):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vectors = cls.box / "plan"
        subprocess.run([PROGRAM, "vectors", "--plan", "--memh", cls.vectors], check=True, stdout=subprocess.DEVNULL)

    def build(self, name):
        work = self.box / name
        work.mkdir()
        simulator = simulators.SIMULATORS[name](work)
        simulator.compile(sources.read_sources([str(MAC)], ROOT), "behavioural_mac", {}, self.vectors)
        return simulator

    def run_bug(self, simulator, bug):
        command = simulator.simulation([f"+vectors={self.vectors}", f"+bug={bug}", "+stop_after=1", "+finish"], 1)
        begin = time.monotonic()
        done = subprocess.run(command, cwd=simulator.work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.stdout, time.monotonic() - begin

    def check_all(self, name):
        simulator = self.build(name)
        out, _ = self.run_bug(simulator, 0)
        self.assertIn("PASS if4_mac_tb: ", out)
        self.assertGreaterEqual(len(mistakes()), 60)
        jobs = len(os.sched_getaffinity(0))
        slowest = (0, None)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for bug, (out, seconds) in zip(mistakes(), pool.map(lambda bug: self.run_bug(simulator, bug), mistakes())):
                with self.subTest(simulator=name, bug=bug, what=mistakes()[bug]):
                    self.assertIn("FAIL if4_mac_tb: ", out)
                    self.assertIn("\nmismatch clock ", out)
                    self.assertLess(seconds, MOST_SECONDS)
                slowest = max(slowest, (seconds, bug))
        print(f"{len(mistakes())} mistakes in {simulator.title}; number {slowest[1]} took longest, {slowest[0]:.1f} s")

    def test_icarus(self):
        self.check_all("icarus")

    def test_verilator(self):
        self.check_all("verilator")

    def check_all_the_way(self, simulator, bug):
        begin = time.monotonic()
        done = subprocess.run(["make", "-C", ROOT, "--no-print-directory", "verify", f"DUT={MAC}", "TOP=behavioural_mac",
                               f"PARAMS=BUG={bug}", f"SIM={simulator}"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2, done.stderr)  # make's own code for a recipe that failed
        self.assertIn(f"FAIL  behavioural_mac BUG={bug}\n", done.stdout)
        self.assertIn("  waveform ", done.stdout)
        self.assertLess(time.monotonic() - begin, MOST_SECONDS)

    def test_all_the_way(self):
        for simulator in simulators.SIMULATORS:
            for bug in (1, 39, 58):  # one at once, one at the end of the plan, and one that hangs
                with self.subTest(simulator=simulator, bug=bug):
                    self.check_all_the_way(simulator, bug)


class InVerilator(Box):
    def test_registers_are_1_and_0_before_the_reset_too(self):
        # Random bits are all 1 once in 2^64 seeds.
        dut = self.changed("ones.sv", (r"  typedef", "  logic [63:0] unset;\n"
                                       "  always @(posedge clk_i) if (valid_o) unset <= 0;\n  typedef"),
                           (r"assign overflow_o = ", "assign overflow_o = (&unset) || "))
        code, out, error = self.verify("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(),
                                       "--sim", "verilator")
        self.assertEqual(code, 1, error)
        self.assertIn(", with registers all 1 before the reset\n", out)

    def test_verilator_says_that_signals_do_not_come_to_rest(self):
        dut = self.changed("loop.sv", (r"  typedef", "  wire x = rst_ni & ~x;\n  typedef"))
        code, out, error = self.verify("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(),
                                       "--sim", "verilator")
        self.assertEqual(code, 1, error)
        self.assertIn("its signals do not come to rest: a combinational loop", out)


class Callers(Box):
    """Names are relative to where make is called."""

    def make(self, *arguments, cwd, **env):
        done = subprocess.run(["make", *arguments, "verify", "DUT=no such.sv", "TOP=m", "SIM=icarus"], cwd=cwd,
                              capture_output=True, text=True, env={**os.environ, **env})
        return next(line for line in done.stderr.splitlines() if line.startswith("verify: "))

    def test_with_and_without_a_folder(self):
        self.assertIn(f"there is no file {self.box}/no (", self.make("-C", ROOT, cwd=self.box, PWD=str(self.box)))
        self.assertIn(f"there is no file {self.box}/no (", self.make(f"--directory={ROOT}", cwd=self.box, PWD=str(self.box)))
        # What a program that starts make in another folder leaves in PWD means nothing.
        self.assertIn(f"there is no file {ROOT}/no (", self.make(cwd=ROOT, PWD=str(self.box)))


class BadPortsInVerilator(BadPorts):
    sim = "verilator"


if __name__ == "__main__":
    unittest.main(verbosity=2)
