#!/usr/bin/env python3
"""Tests of `make area` with the tools it runs: units, files, bad input and interrupts, on the few cells of tiny.lib."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "area"))
sys.dont_write_bytecode = True

import gates  # noqa: E402
import tools  # noqa: E402
from liberty import LibertyError  # noqa: E402
from synthesis import library_folder, map_commands, prepare, try_library, yosys  # noqa: E402
from tables import read_library  # noqa: E402

TINY = (ROOT / "testbench/data/liberty/tiny.lib").read_text()
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_S = 600  # a tool that hangs


# A few registers with and without a reset, and a bench that compares them with their netlist, also after resets between
# edges.
REGISTERS = """
module registers (input clk_i, input rst_ni, input [3:0] a_i, output reg [3:0] q_o, output reg [3:0] p_o);
  always @(posedge clk_i or negedge rst_ni) if (!rst_ni) q_o <= 4'd5; else q_o <= q_o * a_i + 4'd1;
  always @(posedge clk_i) p_o <= q_o ^ a_i;
endmodule
"""
COMPARE = """module compare;
  reg clk = 0, rst_n = 0;
  reg [3:0] a = 0;
  wire [3:0] q, p, netlist_q, netlist_p;
  integer i, wrong = 0;
  registers rtl (clk, rst_n, a, q, p);
  netlist gates (.clk_i(clk), .rst_ni(rst_n), .a_i(a), .q_o(netlist_q), .p_o(netlist_p));
  initial begin
    #1 clk = 1; #1 rst_n = 1; #1 clk = 0;
    for (i = 0; i < 1000; i = i + 1) begin
      #1 a = $random; rst_n = $random % 8 != 0;
      #1 clk = 1;
      #1 if ({q, p} !== {netlist_q, netlist_p}) wrong = wrong + 1;
      rst_n = $random % 8 != 0;
      #1 if (q !== netlist_q) wrong = wrong + 1;
      clk = 0;
    end
    $display("wrong: %0d, at last %h %h", wrong, q, p);
  end
endmodule
"""


def rescaled(time_unit, times, load_unit, loads):
    """The same library in other units."""
    def by(factor):
        return lambda found: found.group(1) + re.sub(r"\d[\d.]*", lambda one: f"{float(one.group()) * factor:.9g}",
                                                     found.group(2))

    head, body = TINY.split("  cell (INV)")
    head = re.sub(r'(\bindex_1 \()("[^"]*")', by(times), head)
    head = re.sub(r'(delay.*\n.*\bindex_2 \()("[^"]*")', by(loads), head)
    head = re.sub(r'(setup.*\n.*\bindex_2 \()("[^"]*")', by(times), head)
    body = re.sub(r"(values \()([^)]*)", by(times), "  cell (INV)" + body)
    body = re.sub(r"(capacitance : )([\d.]+)", by(loads), body)
    return (head + body).replace('time_unit : "1ns"', f'time_unit : "{time_unit}"').replace("(1, pf)", f"({load_unit})")


class FlowTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cells = Path(folder.name) / f"test_flow_{os.getpid()}.lib"
        self.results = ROOT / "build" / "area" / self.cells.stem
        self.addCleanup(shutil.rmtree, self.results, ignore_errors=True)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(ROOT)

    def write(self, text):
        self.cells.write_text(text)
        return self.cells


class Flow(FlowTest):
    def probe(self, text):
        return try_library(read_library(self.write(text)))

    def test_the_same_path_in_any_units(self):
        path = self.probe(TINY)
        self.assertGreater(path["critical_path_ns"], 0.2)
        for units in (("1ps", 1000, "1, ff", 1000), ("10ps", 100, "1000, ff", 1), ("100ps", 10, "0.1, pf", 10)):
            self.assertEqual(self.probe(rescaled(*units)), path, units)
        self.assertEqual(self.probe(re.sub(r".*(time|load)_unit.*\n", "", TINY)), path)
        self.assertNotEqual(self.probe(TINY.replace('"1ns"', '"10ps"')), path)
        self.assertEqual(list(self.results.iterdir()), [])

    def test_only_flip_flops_of_the_falling_edge(self):
        path = self.probe(TINY.replace('clocked_on : "CK"', 'clocked_on : "!CK"').replace("rising", "falling"))
        self.assertGreater(path["critical_path_ns"], 0.2)

    def compare(self, text):
        """Simulates a netlist in these cells against its RTL."""
        library = read_library(self.write(text))
        folder = prepare(self.results, library)
        (folder / "registers.sv").write_text(REGISTERS)
        (folder / "compare.v").write_text(COMPARE)
        yosys([f"read_verilog -sv {folder}/registers.sv", "synth -flatten -top registers", *map_commands(folder),
               "splitnets", "clean -purge", "rename registers netlist", f"write_verilog -noattr {folder}/netlist.v"],
              folder / "yosys.log", "registers")
        netlist = (folder / "netlist.v").read_text()
        used = sorted({match["cell"] for match in gates.INSTANCE.finditer(netlist)})
        (folder / "cells.v").write_text("\n".join(gates.cell_model(library.cells[name]) for name in used))
        tools.run(["iverilog", "-g2012", "-s", "compare", "-o", f"{folder}/compare", f"{folder}/registers.sv",
                   f"{folder}/compare.v", f"{folder}/netlist.v", f"{folder}/cells.v"], folder / "log", "registers")
        tools.run(["vvp", "-n", f"{folder}/compare"], folder / "log", "registers")
        said = (folder / "log").read_text()
        shutil.rmtree(folder)
        return said

    def test_flip_flops_of_any_kind_keep_what_the_rtl_keeps(self):
        expected = self.compare(TINY)
        self.assertRegex(expected, "wrong: 0, at last [0-9a-f] [0-9a-f]")
        falling = TINY.replace('clocked_on : "CK"', 'clocked_on : "!CK"').replace("rising", "falling")
        preset = TINY.replace("clear", "preset")
        alone = re.sub(r"  cell \(DFF\).*?\n  }\n", "", preset, flags=re.DOTALL)
        for text in (falling, preset, alone, *(kind.replace('next_state : "D"', 'next_state : "!D"')
                                               .replace('function : "IQ"', f'function : "{output}"')
                                               for kind in (TINY, preset, alone) for output in ("IQ", "IQN"))):
            self.assertEqual(self.compare(text), expected)

    def test_no_xor_no_nand(self):
        for name in ("XOR2", "NAND2", "NOR2", "DFF"):
            self.probe(re.sub(rf"  cell \({name}\).*?\n  }}\n", "", TINY, flags=re.DOTALL))

    def test_what_the_tools_do_not_take_is_bad_input(self):
        library = read_library(self.write(TINY))
        library.text = library.text.replace("lu_table_template", "nothing")
        with self.assertRaisesRegex(LibertyError, "the tools do not take these.*log: build/area/.*/probe.failed/"):
            try_library(library)
        self.assertEqual([folder.name for folder in self.results.iterdir()], ["probe.failed"])

    def area(self, *arguments, folder=ROOT):
        return subprocess.run([sys.executable, ROOT / "scripts/area/area.py", *arguments], cwd=folder,
                              capture_output=True, text=True, timeout=LONGEST_S)

    def test_bad_input_gives_one_line(self):
        for text in ("", "hello", TINY[:3000], TINY.replace('"!A"', '"!"'), TINY.replace("clear", "clean")):
            ran = self.area("--liberty", self.write(text), "nvfp4_iterative")
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (2, "", 1), ran.stderr)
            self.assertIn(str(self.cells), ran.stderr)
            self.assertFalse(self.results.exists())

    def test_from_another_folder(self):
        self.write(TINY)
        ran = self.area("--liberty", self.cells.name, "nvfp4_iterative", folder=self.cells.parent)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        for name in ("area.json", "area.csv", "area.md"):
            self.assertNotRegex((self.results / name).read_text(), r"mW|uW|dynamic|leakage")
        self.assertEqual(sorted(folder.name for folder in self.results.iterdir()),
                         ["area.csv", "area.json", "area.md", "nvfp4_iterative"])

    def test_folders_of_several_files(self):
        for names, folder in ((["a.lib"], "a"), (["b.lib.gz"], "b"), (["a.x.lib", "b.lib", "c.lib"], "a.x+2")):
            library = read_library(self.write(TINY))
            library.paths = [Path("/somewhere") / name for name in names]
            self.assertEqual(library_folder(library).name, folder)


class Interrupts(FlowTest):
    def tools_of(self):
        """The processes that work in the folder of results."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.results.name).encode() in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    def test_signals(self):
        self.write(TINY)
        for number in SIGNALS:
            program = subprocess.Popen([sys.executable, ROOT / "scripts/area/area.py", "--jobs", "2", "--liberty",
                                        self.cells, "if4", "nvfp4_iterative", "if4_iterative"],
                                       cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in SIGNALS])
            begun = time.monotonic()
            while len(list(self.results.glob(".*if4*/yosys.log"))) < 1:
                self.assertIsNone(program.poll())
                self.assertLess(time.monotonic() - begun, LONGEST_S)
                time.sleep(0.02)
            program.send_signal(number)
            _, said = program.communicate(timeout=LONGEST_S)
            self.assertEqual((program.returncode, said), (128 + number, ""))
            self.assertEqual(list(self.results.iterdir()), [])
            self.assertEqual(self.tools_of(), [])

    def test_a_tool_ended_by_a_signal_is_no_failure(self):
        self.results.mkdir(parents=True)
        tools._stopped.append(signal.SIGTERM)
        self.addCleanup(tools._stopped.clear)
        with self.assertRaises(tools.Interrupted):
            tools.run(["sleep", "600"], self.results / "log", "sleep")


if __name__ == "__main__":
    unittest.main()
