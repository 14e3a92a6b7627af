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

import tools  # noqa: E402
from liberty import LibertyError  # noqa: E402
from synthesis import library_folder, try_library  # noqa: E402
from tables import read_library  # noqa: E402

TINY = (ROOT / "testbench/data/liberty/tiny.lib").read_text()
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_S = 600  # a tool that hangs


def rescaled(time_unit, times, load_unit, loads):
    """The same library in other units."""
    def by(factor):
        return lambda found: found.group(1) + re.sub(r"\d[\d.]*", lambda one: f"{float(one.group()) * factor:.9g}", found.group(2))

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

    def test_no_xor_no_nand(self):
        for name in ("XOR2", "NAND2", "NOR2", "DFF"):
            self.probe(re.sub(rf"  cell \({name}\).*?\n  }}\n", "", TINY, flags=re.DOTALL))

    def test_what_the_tools_do_not_take_is_bad_input(self):
        library = read_library(self.write(TINY))
        library.text = library.text.replace("lu_table_template", "nothing")
        with self.assertRaisesRegex(LibertyError, "the tools do not take these cells.*log: build/area/.*/probe.failed/"):
            try_library(library)
        self.assertEqual([folder.name for folder in self.results.iterdir()], ["probe.failed"])

    def area(self, *arguments, folder=ROOT):
        return subprocess.run([sys.executable, ROOT / "scripts/area/area.py", *arguments], cwd=folder, capture_output=True,
                              text=True, timeout=LONGEST_S)

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
            program = subprocess.Popen([sys.executable, ROOT / "scripts/area/area.py", "--jobs", "2", "--liberty", self.cells,
                                        "if4", "nvfp4_iterative", "if4_iterative"], cwd=ROOT, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True,
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
