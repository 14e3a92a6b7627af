#!/usr/bin/env python3
"""Tests of `make verify` in half a minute: in Icarus Verilog with directed vectors, whose results no golden model gave."""

import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from kit_testing import FORMATS, KIT, MAC, ROOT, Box, mistakes  # first: it says where the others are
from directed import Writer
from formats import Format
from simulators import Icarus
from sources import read_sources
from vectors import Vectors

ICARUS = ("--sim", "icarus")


class Verdicts(Box):
    def run_mac(self, *arguments, dut=MAC, top="behavioural_mac"):
        return self.verify("--dut", f"{dut}", "--top", top, "--vectors", self.directed(), *ICARUS, *arguments)

    def test_a_right_mac_passes(self):
        code, out, error = self.run_mac()
        self.assertEqual((code, error), (0, ""))
        self.assertTrue(out.startswith("PASS  behavioural_mac\n"), out)
        self.assertRegex(out, r"\n  checks +[0-9]{4,} in [0-9]+ clocks, 0 failures\n")

    def test_a_wrong_one_fails_and_the_report_says_where(self):
        code, out, error = self.run_mac("--params", "BUG=2")
        self.assertEqual((code, error), (1, ""))
        self.assertTrue(out.startswith("FAIL  behavioural_mac BUG=2\n"), out)
        match = re.search(r"first mismatches\n  clock (\d+), testpoint (directed\.\w+), result \d+\n"
                          r"    expected   0x(\w{8}) = (\S+)\n    got        0x(\w{8}) = (\S+)\n"
                          r"    beat 1     a +scale [0-9A-F]{2} = (?:int|float) x [^\n]*, codes [0-9A-F]{16} = ", out)
        self.assertTrue(match, out)
        self.assertEqual(int(match[3], 16) - int(match[5], 16), 1, "a result that is cut off is one unit less")
        self.assertRegex(out, rf"exact +~?{re.escape(match[4])[:6]}")
        self.assertRegex(out, rf"testpoints with failures\n(?:  .*\n)*  {re.escape(match[2])} +[0-9]+ of +[0-9]+ checks\n")
        wave = re.search(r"  waveform +(\S+)\n", out)[1]
        with open(wave) as lines:
            text = lines.read()
        times = [int(number) for number in re.findall(r"^#(\d+)$", text, re.M)]
        self.assertLess(times[0], int(match[1]) * 10000)
        self.assertGreater(times[-1], int(match[1]) * 10000)
        self.assertIn(" result_o ", text)
        again = re.search(r"  again +(.*)\n", out)[1]
        self.assertIn("TOP=behavioural_mac PARAMS=BUG=2 FORMAT=if4 LANES=16 SIM=icarus SEED=1", again)
        report = re.search(r"  report +(\S+),", out)[1]
        with open(report) as lines:
            self.assertRegex(lines.read(), r"\ntestpoint +checks +failures\n(?:directed\.\w+ +\d+ +\d+\n){9}\Z")

    def test_the_operands_of_a_result_are_numbers(self):
        _, out, _ = self.run_mac("--params", "BUG=21")
        self.assertRegex(out, r"scale 38 = float x 1, codes \w{16} = (?:0 [^\n]*and )?\d+ times 0\n")
        self.assertIn("expected   0x00000000 = 0\n", out)
        self.assertIn("in the accumulator 0\n", out)

    def test_unknown_bits_are_wrong(self):
        code, out, _ = self.run_mac("--params", "BUG=66")
        self.assertEqual(code, 1)
        self.assertIn("overflow_o unknown", out)
        code, out, _ = self.run_mac("--params", "BUG=67")
        self.assertEqual(code, 1)
        self.assertIn("XXXX (bits are unknown)", out)

    def test_a_module_of_nothing_but_ports_fails(self):
        empty = self.changed("empty.sv", (r"(?s)\n\);\n.*\nendmodule", "\n);\nendmodule"))
        code, out, _ = self.run_mac("--plusargs", "+watchdog=50", dut=empty, top="m")
        self.assertEqual(code, 1)
        self.assertIn("known: ready_o is ", out)
        self.assertIn("progress: a beat is offered, and ready_o stays 0", out)

    def test_a_seed_repeats_a_run_and_another_differs(self):
        def clocks(seed):
            return re.search(r"in (\d+) clocks", self.run_mac("--seed", seed)[1])[1]
        self.assertEqual(clocks("7"), clocks("7"))
        self.assertGreater(len({clocks(seed) for seed in ("7", "8", "9")}), 1)

    def test_a_testpoint_without_a_check_fails(self):
        folder = self.box / "unchecked"
        shutil.copytree(self.directed(), folder)
        with open(folder / "points.memh", "a") as points:
            points.write("nobody".encode().hex().rjust(128, "0") + "\n")
        config = folder / "if4_kit_config.svh"
        config.write_text(config.read_text().replace("POINTS 9", "POINTS 10"))
        code, out, _ = self.verify("--dut", f"{MAC}", "--top", "behavioural_mac", "--vectors", folder, *ICARUS)
        self.assertEqual(code, 1)
        self.assertIn("testpoints without a check: nobody\n", out)

    def test_vectors_that_are_cut_off_are_no_pass(self):
        folder = self.box / "cut"
        shutil.copytree(self.directed(), folder)
        for name in ("stimulus.memh", "expected.memh"):
            text = (folder / name).read_text()
            (folder / name).write_text("\n".join(text.split("\n")[:-3]) + "\n")
            code, _, _ = self.verify("--dut", f"{MAC}", "--top", "behavioural_mac", "--vectors", folder, *ICARUS)
            self.assertNotEqual(code, 0)
            (folder / name).write_text(text)


class Kinds(Box):
    """The mistake that each kind of check is for is found by it, and found first."""
    FOUND_BY = {
        13: "value: expected", 44: None, 47: "value: expected", 50: "stable: result or flags changed",
        52: "due: valid_o is 1, but no result is due", 54: "comb: valid_o follows ready_i",
        55: "progress: valid_o stays 0 while ready_i is 0", 56: "stable: valid_o fell",
        57: "stable: result or flags changed", 58: "progress: a beat is offered, and ready_o stays 0",
        59: "value: expected", 61: "due: valid_o is not 0 in reset", 62: "value: expected",
    }

    def test_mistakes(self):
        work = self.box / "kinds"
        work.mkdir()
        simulator = Icarus(work)
        simulator.compile(read_sources([str(MAC)], ROOT), "behavioural_mac", {}, self.directed())
        for bug, kind in self.FOUND_BY.items():
            with self.subTest(bug=bug, what=mistakes()[bug]):
                command = simulator.simulation([f"+vectors={self.directed()}", f"+bug={bug}", "+stop_after=1",
                                                "+watchdog=1000"], 1)
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
                first = re.search(r"^mismatch clock \d+ testpoint directed\.\w+ result \d+ (.*)$", done.stdout, re.M)
                if kind is None:  # only an overflow shows it, and the short vectors have none
                    self.assertEqual((done.returncode, first), (0, None))
                else:
                    self.assertTrue(first and first[1].startswith(kind), done.stdout)
                    self.assertNotEqual(done.returncode, 0)


class Page(Box):
    def test_the_commands_for_another_simulator(self):
        page = (KIT / "README.md").read_text()
        commands = re.findall(r"^    ((?:iverilog|vvp) .*)$", page, re.M)
        self.assertEqual(len(commands), 2)
        shutil.copy(MAC, self.box / "my_mac.sv")
        vectors = self.directed()
        for command in commands:
            for old, new in (("vectors", str(vectors)), ("IF4_DUT=my_mac", "IF4_DUT=behavioural_mac"),
                             (".Width(8)", ".Lanes(16)"), ("testbench/kit/", f"{KIT}/")):
                command = re.sub(rf"(?<![+\w]){re.escape(old)}(?!=)", new, command)
            done = subprocess.run(command, shell=True, cwd=self.box, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        self.assertRegex(done.stdout, r"\nPASS if4_mac_tb: .*\n\Z")


class Operands(Box):
    """The worked example of the README of the project, whose numbers are derived there by hand."""

    def test_worked_example(self):
        form = Format("if4")
        writer = Writer(form, 16, 64, False)
        writer.point("worked")
        codes = [[int(digit, 16) for digit in reversed(f"{number:016X}")] for number in (0x1E3, 0x2B3, 8, 5)]
        writer.dot([([(0x42, codes[0])], [(0xB4, codes[1])]), ([(0xB0, codes[2])], [(0xB8, codes[3])])])
        self.assertEqual(writer.expected[0], 0x41D24E5E)
        writer.save(self.box / "worked", 1)
        vectors = Vectors(self.box / "worked")
        said = vectors.describe(vectors.beats({0})[0])
        self.assertEqual([" ".join(line.split()) for line in said], [
            "beat 1 a scale 42 = float x 2.5, codes 00000000000001E3 = 3.75 -10 1.25 and 13 times 0",
            "w scale B4 = int x 0.75, codes 00000000000002B3 = 27/14 -45/14 9/7 and 13 times 0",
            "sum ~40.982142857142854, together ~40.982142857142854",
            "beat 2 a scale B0 = int x 0.5, codes 0000000000000008 = -24/7 and 15 times 0",
            "w scale B8 = int x 1, codes 0000000000000005 = 30/7 and 15 times 0",
            "sum ~-14.693877551020408, together ~26.288265306122447",
            "exact ~26.288265306122447, in FP32 0x41D24E5E = 26.2882652; in the accumulator 1350696960"])


class Hanging(Box):
    """A MAC that lets no clock pass, or no result come."""

    def run_mac(self, dut, *arguments):
        return self.verify("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(), "--standstill", "2", *ICARUS,
                           *arguments)

    def test_a_loop_without_a_delay(self):
        dut = self.changed("loop.sv", (r"  typedef", "  logic x, y;\n  initial x = 0;\n  always @* y = !x;\n"
                                       "  always @* if (valid_o) x = y;\n  typedef"))
        code, out, _ = self.run_mac(dut)
        self.assertEqual(code, 1)
        self.assertRegex(out, r"wrong +after clock \d+ the simulation stands still: a combinational loop")

    def test_a_mac_that_stops_ends_with_a_verdict(self):
        code, out, _ = self.run_mac(self.changed("stop.sv", (r"  typedef", "  initial #5000 $finish;\n  typedef")))
        self.assertEqual(code, 1)
        self.assertIn("without a verdict: has the MAC a $finish?", out)
        code, out, _ = self.run_mac(self.changed("stop.sv", (r"  typedef", "  initial #5000 $stop;\n  typedef")))
        self.assertEqual(code, 1)

    def test_a_mac_that_refuses_its_parameters_is_bad_input(self):
        dut = self.changed("fatal.sv", (r"  typedef", '  initial $fatal(1, "m: AccWidth cannot be");\n  typedef'))
        self.refused("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(), *ICARUS, says="AccWidth cannot be")

    def test_no_progress(self):
        dut = self.changed("deaf.sv", (r"assign ready_o = used < 3'd4", "assign ready_o = 1'b0 && used < 3'd4"))
        code, out, _ = self.run_mac(dut, "--plusargs", "+watchdog=100")
        self.assertEqual(code, 1)
        self.assertIn("progress: a beat is offered, and ready_o stays 0", out)

    def test_an_interrupt_leaves_nothing_running(self):
        dut = self.changed("slow.sv", (r"  typedef", "  always @(posedge clk_i) for (int i = 0; i < 100000; i++) ;\n"
                                       "  typedef"))
        process = self.start("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(), *ICARUS)
        for _ in range(600):
            if self.simulations():
                break
            time.sleep(0.1)
        self.assertTrue(self.simulations(), "the simulation has not begun")
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.simulations(), [])

    def simulations(self):
        found = []
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as command:
                    words = command.read().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"vvp") and any(bytes(self.box) in word for word in words):
                found.append(pid)
        return found


class BadPorts(Box):
    """Exit code 2 and one line, in Icarus; the tests of mistakes have the same in Verilator."""
    sim = "icarus"

    def check(self, says, *changes):
        dut = self.changed("bad.sv", *changes)
        self.refused("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(), "--sim", self.sim, says=says)

    def test_a_port_is_missing(self):
        self.check("m has no port overflow_o", (r",\n  output logic +overflow_o\n", "\n"),
                   (r"\n  assign overflow_o[^\n]*", ""))
        self.check("m has no port rst_ni", (r"\n  input  logic +rst_ni,", ""),
                   (r"(?s)\n  typedef", "\n  wire rst_ni = 1;\n  typedef"))

    def test_a_port_has_another_width(self):
        self.check("port result_o of m has 31 bits; with this format and number of lanes it has 32",
                   (r"logic \[31:0\] +result_o", "logic [30:0] result_o"))
        self.check("port w_scale_i of m has 9 bits; with this format and number of lanes it has 8",
                   (r"\[Lanes/2-1:0\] +w_scale_i", "[Lanes/2:0] w_scale_i"))

    def test_a_port_too_many_or_the_wrong_way(self):
        self.check("m has another input, scan_i, which if4_mac has not",
                   (r"input  logic +clk_i,", "input logic scan_i, clk_i,"))
        self.check("port ready_i of m is an output", (r"input  logic +ready_i", "output logic ready_i"))

    def test_an_output_too_many_does_no_harm(self):
        dut = self.changed("more.sv", (r"input  logic +clk_i,", "output logic busy_o, input logic clk_i,"))
        if self.sim == "icarus":  # in Verilator it would take a compilation
            code, _, error = self.verify("--dut", f"{dut}", "--top", "m", "--vectors", self.directed(), *ICARUS)
            self.assertEqual((code, error), (0, ""))

    def test_it_does_not_compile(self):
        dut = self.changed("bad.sv", (r"  typedef", "  typedefs"))
        line = 1 + dut.read_text()[:dut.read_text().index("typedefs")].count("\n")
        self.check(f"bad.sv:{line}", (r"  typedef", "  typedefs"))
        self.check("Unknown module type: nothing" if self.sim == "icarus" else "'nothing'",
                   (r"  typedef", "  nothing n ();\n  typedef"))
        self.check("no_such.svh", (r"  typedef", '`include "no_such.svh"\n  typedef'))

    def test_another_top_or_parameter(self):
        common = ("--dut", f"{MAC}", "--vectors", self.directed(), "--sim", self.sim)
        self.refused(*common, "--top", "other", says="DUT has no module other")
        self.refused(*common, "--top", "behavioural_mac", "--params", "BUGS=3", says="behavioural_mac has no parameter BUGS")
        self.refused(*common, "--top", "behavioural_mac", "--params", "BUG=few", says="PARAMS: few is not a constant")


class Arguments(Box):
    def bad(self, says, *arguments, dut=f"{MAC}", top="behavioural_mac"):
        self.refused(f"--dut={dut}", "--top", top, *ICARUS, *arguments, says=says, cwd=self.box)

    def test_what_is_missing_or_not_known(self):
        self.bad("DUT= is missing", dut=" ")
        self.bad("TOP= is missing", top="")
        self.bad("TOP=a-b is not the name of a module", top="a-b")
        self.bad("FORMAT=if5 is none of: if4 ", "--format", "if5")
        self.bad("LANES=8 is not one of 16 32 64", "--lanes", "8")
        self.bad("SCALED=2 is not one of 0 1", "--scaled", "2")
        self.bad("ACCWIDTH=1e2 is not a whole number", "--accwidth", "1e2")
        self.bad("SEED=-1 is not a whole number", "--seed=-1")
        self.bad("SIM=vcs is none of: verilator icarus", "--sim", "vcs")
        for wrong in ("BUG", "BUG=", "=3", "BUG=3,4", "BUG=3)", "BUG=`x"):
            self.bad(f"PARAMS: '{wrong}' is not NAME=VALUE", "--params", wrong)
        self.bad("PARAMS: BUG is given twice", "--params", "BUG=1 BUG=2")

    def test_files(self):
        self.write("a b.sv", "")
        self.bad("there is no file", dut="a b.sv")
        self.bad("a name with a blank in it cannot be given", dut="a b.sv")
        self.write("c d/e.sv", "")
        self.write("blank.f", "")
        self.refused("--dut=e.sv", "--top", "m", *ICARUS, cwd=self.box / "c d",
                     says="a path with a blank in it cannot be used")
        self.bad("this is a folder", dut=".")
        self.bad("there is no file", dut="no.sv")
        self.bad("-F is the last word", dut="-F")
        self.bad("'+wrong+x' is no option", dut="+wrong+x")
        self.bad("DUT names no source file", dut="+define+A=1")
        self.bad("DUT names no source file", dut="-F blank.f")
        self.write("loop.f", "-F loop.f\n")
        self.bad("names itself", dut="-F loop.f")
        self.write("line.f", "// a comment\n\nno.sv\n")
        self.bad("line.f:3: there is no file", dut="-F line.f")
        self.write("a.vhd", "")
        self.bad("is VHDL", dut="a.vhd")
        (self.box / "binary.f").write_bytes(b"\xff\xfe\x00")
        self.bad("is not text", dut="-F binary.f")

    def test_lists_are_read_as_simulators_read_them(self):
        text = MAC.read_text().replace("  typedef", "`ifdef NEEDED\n`include \"part.svh\"\n`endif\n  typedef")
        self.write("deep/mac.sv", text.replace("Denominator * Denominator", "`SQUARE"))
        self.write("deep/inc/part.svh", "`define SQUARE (Denominator * Denominator)\n")
        self.write("deep/inner.f", "/* two\nlines */ mac.sv // the MAC\n+incdir+inc\n")
        self.write("outer.f", "# comment\n-F deep/inner.f +define+NEEDED\n")
        code, out, error = self.verify("--dut", "-F outer.f", "--top", "behavioural_mac", "--vectors", self.directed(),
                                       *ICARUS, cwd=self.box)
        self.assertEqual((code, error), (0, ""), out)

    def test_a_library_has_a_module_in_the_file_of_its_name(self):
        self.write("lib/behavioural_mac.sv", MAC.read_text())
        wrap = re.sub(r"(?s)\n\);\n.*", "\n);\n  behavioural_mac u (.*);\nendmodule\n", MAC.read_text())
        self.write("wrap.sv", wrap.replace("module behavioural_mac", "module wrap"))
        code, out, error = self.verify("--dut", "wrap.sv -y lib", "--top", "wrap", "--vectors", self.directed(), *ICARUS,
                                       cwd=self.box)
        self.assertEqual((code, error), (0, ""), out)


class Directed(Box):
    """The vectors of exact fractions, on MACs that know nothing of them."""

    def test_our_unit(self):
        code, out, error = self.verify("--dut", "-F rtl/if4_mac.f", "--top", "if4_mac", "--vectors", self.directed(),
                                       *ICARUS, cwd=ROOT)
        self.assertEqual((code, error), (0, ""), out)

    def test_scaled_results(self):
        """Only a unit that leaves the factor out has the results of such vectors, and they are shown with it."""
        for form, number, factor in (("if4", 0, 49), ("if6_e3m2", 6, 961), ("nvfp4", 2, 1)):
            vectors = self.directed(form, "--scaled")
            for scaled in (0, 1):
                with self.subTest(form, scaled=scaled):
                    code, out, error = self.verify("--dut", "-F rtl/if4_mac.f", "--top", "if4_mac", "--vectors", vectors,
                                                   "--params", f"Format={number} Scaled={scaled}", "--format", form,
                                                   "--scaled", "1", *ICARUS, cwd=ROOT)
                    self.assertEqual((code, error), (int(not scaled and factor != 1), ""), out)
                    self.assertIn(", scaled results\n", out)
                    if code:
                        self.assertRegex(out, rf"exact +[^ ]+, scaled by {factor}, in FP32 0x")
                        expected = set(re.findall(r"expected +0x(\w{8})", out))
                        self.assertTrue(set(re.findall(r"in FP32 0x(\w{8})", out)) <= expected, out)
                        self.assertIn(" SCALED=1 ", out)

    def test_behavioural_mac_of_every_format(self):
        for number, form in enumerate(FORMATS):
            with self.subTest(form):
                code, out, error = self.verify("--dut", f"{MAC}", "--top", "behavioural_mac", "--params", f"Format={number}",
                                               "--format", form, "--vectors", self.directed(form), *ICARUS)
                self.assertEqual((code, error), (0, ""), out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
