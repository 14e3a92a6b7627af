#!/usr/bin/env python3
"""Tests of what the scripts of `make fpga` make of what tools say, and of where results are kept. No tool for FPGAs runs."""

import copy
import errno
import json
import os
import shutil
import signal
import sys
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "fpga"))
sys.dont_write_bytecode = True

import flow  # noqa: E402
import fpga  # noqa: E402
import selftest  # noqa: E402
from flow import LibertyError, ToolError, Unit  # noqa: E402
from tools import Interrupted, save  # noqa: E402

SIX = ["if4", "mixfp4", "nvfp4", "if4_iterative", "mixfp4_iterative", "nvfp4_iterative"]


class Units(unittest.TestCase):
    def names(self, *words):
        return [unit.name for unit in fpga.select(words)]

    def test_the_six_of_the_question_are_there(self):
        self.assertLessEqual(set(SIX), set(self.names()))

    def test_names_patterns_formats_and_serial(self):
        self.assertEqual(self.names("if4_serial"), ["if4_iterative"])
        self.assertEqual(self.names("if4_iterative", "if4_serial"), ["if4_iterative"])
        self.assertEqual(self.names("nvfp4"), ["nvfp4", "nvfp4_iterative"])
        self.assertEqual(self.names("*_serial"), [name for name in self.names() if name.endswith("_iterative")])

    def test_unknown_names_are_answered_with_those_there_are(self):
        for word in ("if5", "", "serial", "if4_array", "*x"):
            with self.assertRaisesRegex(LibertyError, "no configuration is called '.*'; there are if4, .*nvfp4_iterative"):
                fpga.select([word])

    def test_the_nvfp4_unit_of_the_same_kind(self):
        nvfp4 = {unit.name: unit.nvfp4 for unit in fpga.UNITS}
        for name in SIX:
            self.assertEqual(nvfp4[name], "nvfp4" + ("_iterative" if "iterative" in name else ""))

    def test_the_nvfp4_unit_has_the_other_parameters(self):
        def build(area, **parameters):
            return flow.builds.Build(area, "if4_mac", "rtl/if4_mac.f", parameters, ("fpga",), area)

        table = [build("fast", Depth=1), build("nvfp4", Format=2), build("nvfp4_fast", Format=2, Depth=1),
                 build("deep", Depth=2)]
        self.assertEqual([unit.nvfp4 for unit in flow.units_of(table)], ["nvfp4_fast", "nvfp4", "nvfp4_fast", None])


class Counts(unittest.TestCase):
    def test_each_kind_counts_where_it_belongs(self):
        kinds = {"SB_LUT4": 7, "SB_CARRY": 3, "SB_DFF": 1, "SB_DFFER": 2, "SB_DFFESS": 4, "SB_DFFNSR": 8}
        self.assertEqual(flow.ice40_counts(kinds, "x"), {"luts": 7, "carries": 3, "flip_flops": 15})

    def test_another_kind_is_an_error(self):
        for kind in ("SB_RAM40_4K", "SB_MAC16", "$_DLATCH_P_", "SB_LUT5", "XSB_DFF"):
            with self.assertRaisesRegex(ToolError, "no kind that is counted"):
                flow.ice40_counts({"SB_LUT4": 7, "SB_DFF": 1, kind: 1}, "x")

    def test_a_netlist_of_nothing_is_an_error(self):
        for kinds in ({}, {"SB_LUT4": 1}, {"SB_DFF": 1}):
            with self.assertRaisesRegex(ToolError, "no LUTs or no flip-flops"):
                flow.ice40_counts(kinds, "x")

    def count(self, family, kinds):
        netlist = {"modules": {"if4_mac": {"cells": {f"{kind}{i}": {"type": kind} for kind, number in kinds.items()
                                                     for i in range(number)}}}}

        def write(_commands, work, _what):
            (ROOT / work / "netlist.json").write_text(json.dumps(netlist))

        work = Path("build") / f"fpga_counts_{os.getpid()}"
        (ROOT / work).mkdir(parents=True)
        self.addCleanup(shutil.rmtree, ROOT / work)
        with mock.patch.object(flow, "yosys", write):
            return flow.count_luts(Unit("x", "rtl/if4_mac.f"), family, work)["luts"]

    def test_ecp5(self):
        self.assertEqual(self.count("ecp5", {"LUT4": 5, "CCU2C": 3, "PFUMX": 7, "L6MUX21": 2, "TRELLIS_FF": 9}), 11)

    def test_xilinx(self):
        self.assertEqual(self.count("xilinx", {"LUT1": 1, "LUT2": 2, "LUT6": 4, "INV": 8, "CARRY4": 3, "MUXF7": 5, "FDRE": 6}), 15)

    def test_other_families_have_errors_too(self):
        with self.assertRaisesRegex(ToolError, "1 cells MULT18X18D of the netlist"):
            self.count("ecp5", {"LUT4": 5, "MULT18X18D": 1})

    def test_no_luts(self):
        with self.assertRaisesRegex(ToolError, "no LUTs"):
            self.count("xilinx", {"FDRE": 5})


def step(begin, end, delay):
    return {"from": {"cell": begin}, "to": {"cell": end}, "delay": delay}


REPORT = {
    "fmax": {"clk": {"achieved": 40.0, "constraint": 12}},
    "utilization": {"ICESTORM_LC": {"used": 1234, "available": 7680}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": [step("rst", "u_unit.x", 30.0)]},
        {"from": "posedge clk", "to": "posedge clk", "path": [step("clk", "in_q", 0.5), step("in_q", "u_unit.a", 10.0),
                                                              step("u_unit.a", "out_q", 14.5)]},
        {"from": "posedge clk", "to": "<async>", "path": [step("clk", "pin", 2.0)]}]}


class Report(unittest.TestCase):
    def test_the_rate_and_its_path(self):
        self.assertEqual(flow.read_report(REPORT, "x", "u_unit"),
                         {"mhz": 40.0, "device_logic_cells": 1234, "from": "in_q", "to": "out_q"})

    def refuse(self, message, change, instance="u_unit"):
        report = copy.deepcopy(REPORT)
        change(report)
        with self.assertRaisesRegex(ToolError, message):
            flow.read_report(report, "x", instance)

    def test_what_is_no_rate_of_the_unit(self):
        self.refuse("the report has 2 clocks", lambda report: report["fmax"].update(other={"achieved": 1}))
        self.refuse("the report has 0 clocks", lambda report: report["fmax"].clear())
        self.refuse("no path between registers", lambda report: report["critical_paths"].pop(1))
        self.refuse("no path between registers", lambda report: report["critical_paths"][1].update(path=[]))
        self.refuse("takes 25.000 ns, which is not 50.00 MHz", lambda report: report["fmax"]["clk"].update(achieved=50.0))
        self.refuse("the longest path is not in the unit but from in_q to out_q",
                    lambda report: report["critical_paths"][1].update(path=[step("clk", "in_q", 0.5), step("in_q", "out_q", 24.5)]))

    def test_any_path_where_no_instance_is_asked_for(self):
        self.assertEqual(flow.read_report(REPORT, "x", "")["mhz"], 40.0)
        self.refuse("not 50.00 MHz", lambda report: report["fmax"]["clk"].update(achieved=50.0), "")


def harness(**changes):
    """A unit of an input of two bits and an output of one, each with a register."""
    unit = {"type": "fpga_unit", "port_directions": {"clk_i": "input", "rst_ni": "input", "a_i": "input", "q_o": "output"},
            "connections": {"clk_i": [2], "rst_ni": [3], "a_i": [4, 5], "q_o": [6], **changes}}
    return {"cells": {"u_unit": unit, **{f"ff{q}": {"type": "SB_DFF", "connections": {"C": [2], "D": [d], "Q": [q]}}
                                         for d, q in ((9, 4), (4, 5), (6, 7))}}}


class Harness(unittest.TestCase):
    def test_each_pin_has_its_register(self):
        self.assertEqual(flow.check_harness(harness(), "x"), 3)

    def test_a_pin_without_one(self):
        for changes in ({"a_i": [4, "0"]}, {"a_i": [4, 9]}, {"a_i": [4, 4]}, {"a_i": [4, 6]}, {"q_o": [7]}, {"q_o": [8]}):
            with self.assertRaisesRegex(ToolError, "has no register of its own"):
                flow.check_harness(harness(**changes), "x")


class Kept(unittest.TestCase):
    """Results in a folder of their own."""

    def setUp(self):
        self.addCleanup(flow.place, "build/fpga")
        flow.place(f"build/fpga_kept_{os.getpid()}")
        self.addCleanup(shutil.rmtree, flow.FOLDER, ignore_errors=True)
        patch = mock.patch.object(flow, "versions", lambda: ("yosys 1", "nextpnr 2"))
        patch.start()
        self.addCleanup(patch.stop)

    def names(self):
        return sorted(path.name for path in flow.FOLDER.iterdir()) if flow.FOLDER.exists() else []

    def test_made_once(self):
        calls = []
        for _ in range(2):
            self.assertEqual(flow.result_of("a", "k", lambda work: calls.append(work) or {"x": 1}), {"key": "k", "x": 1})
        self.assertEqual(len(calls), 1)
        self.assertEqual(flow.result_of("a", "other", lambda work: {"x": 2})["x"], 2)
        self.assertEqual(self.names(), ["a"])

    def test_a_result_that_is_none(self):
        for text in ("", "{", "[]", "null", '{"key": "j"}'):
            save(flow.FOLDER / "a" / "result.json", text)
            self.assertEqual(flow.result_of("a", "k", lambda work: {"x": 3})["x"], 3, text)

    def break_off(self, error):
        def function(work):
            (ROOT / work / "half").write_text("half")
            raise error

        flow.result_of("a", "good", lambda work: {"x": 1})
        flow.result_of("a", "new", function)

    def test_what_fails_leaves_what_was_there(self):
        cases = ((ToolError("x: yosys failed"), ToolError, "x: yosys failed; log: build/fpga_kept_.*/a.failed/yosys.log"),
                 (OSError(errno.ENOSPC, "No space left on device"), LibertyError, "build/fpga_kept_.*: no space left for a"),
                 (OSError(errno.EFBIG, "File too large"), LibertyError, "no space left for a"),
                 (ToolError("x: yosys failed", code=-signal.SIGXFSZ), LibertyError, "no space left for a"),
                 (OSError(errno.EACCES, "Permission denied"), LibertyError, "/a: Permission denied"),
                 (Interrupted(), Interrupted, ""), (SystemExit(130), SystemExit, ""))
        for error, kind, message in cases:
            with self.assertRaisesRegex(kind, message):
                self.break_off(error)
            self.assertEqual(json.loads((flow.FOLDER / "a" / "result.json").read_text()), {"key": "good", "x": 1})
            self.assertEqual(self.names(), ["a", "a.failed"] if "log:" in message else ["a"])
            shutil.rmtree(flow.FOLDER)

    def test_a_tool_that_fails_on_a_full_disk(self):
        usage = shutil.disk_usage(ROOT)._replace(free=1000)
        with mock.patch.object(flow.shutil, "disk_usage", lambda folder: usage):
            with self.assertRaisesRegex(LibertyError, "no space left for a"):
                self.break_off(ToolError("x: nextpnr-ice40 failed"))
        self.assertEqual(self.names(), ["a"])

    def test_keys_depend_on_all_that_results_do(self):
        unit = Unit("x", "rtl/if4_mac.f", (("Format", 2),))
        other = Unit("x", "rtl/if4_mac.f", (("Format", 0),))
        keys = {flow.netlist_key(unit), flow.netlist_key(other), flow.family_key(unit, "ecp5"), flow.family_key(unit, "xilinx"),
                flow.seed_key(unit, 1), flow.seed_key(unit, 2), flow.seed_key(other, 1)}
        read = Path.read_bytes
        for file in ("rtl/if4_adder.sv", flow.HARNESS, "scripts/fpga/flow.py"):
            with mock.patch.object(Path, "read_bytes", lambda path: read(path) + (b" " if str(path).endswith(file) else b"")):
                keys.add(flow.netlist_key(unit))
                keys.add(flow.seed_key(unit, 1))
        with mock.patch.object(flow, "versions", lambda: ("yosys 1", "nextpnr 3")):
            keys.add(flow.seed_key(unit, 1))
        self.assertEqual(len(keys), 7 + 6 + 1)
        self.assertEqual(flow.netlist_key(unit), flow.netlist_key(Unit("y", "rtl/if4_mac.f", (("Format", 2),))))

    def complete(self, unit, rates, cells):
        flow.result_of(unit.name, flow.netlist_key(unit),
                       lambda work: {"luts": 10, "carries": 2, "flip_flops": 3, "logic_cells": cells, "pins": 5})
        for family, luts in (("ecp5", 20), ("xilinx", 30)):
            flow.result_of(f"{unit.name}.{family}", flow.family_key(unit, family), lambda work: {"luts": luts, "cells": {}})
        for seed, rate in zip(flow.SEEDS, rates):
            flow.result_of(f"{unit.name}.seed{seed}", flow.seed_key(unit, seed), lambda work: {"seed": seed, "mhz": rate})

    def test_the_median_of_five_seeds(self):
        unit = next(unit for unit in fpga.UNITS if unit.name == "if4")
        self.assertIsNone(flow.complete_result(unit))
        self.complete(unit, (50.0, 41.0, 44.0, 47.0), 12)
        self.assertIsNone(flow.complete_result(unit))
        self.complete(unit, (50.0, 41.0, 44.0, 47.0, 49.0), 12)
        result = flow.complete_result(unit)
        self.assertEqual((result["mhz"], result["mhz_least"], result["mhz_most"]), (47.0, 41.0, 50.0))
        self.assertEqual([seed["seed"] for seed in result["seeds"]], [1, 2, 3, 4, 5])
        self.assertEqual(fpga.rows_of({"if4": result}, {"if4": fpga.ratios(result, None)}),
                         [["if4", "10", "2", "3", "12", "47.0", "41.0-50.0", "-", "-", "20", "30"]])

    def test_ratios_are_over_nvfp4(self):
        by_name = {unit.name: unit for unit in fpga.UNITS}
        self.complete(by_name["if4"], (30.0, 30.0, 30.0, 30.0, 30.0), 12)
        self.complete(by_name["nvfp4"], (40.0, 40.0, 40.0, 40.0, 40.0), 8)
        with mock.patch("builtins.print") as said:
            fpga.save_table([by_name["if4"]])
        document = json.loads((flow.FOLDER / "fpga.json").read_text())
        self.assertEqual(document["configurations"][0]["ratios"], {"cells / nvfp4": 1.5, "mhz / nvfp4": 0.75})
        self.assertTrue(said.call_args_list[0].args[0].startswith("What the numbers are not"))
        self.assertTrue((flow.FOLDER / "fpga.md").read_text().startswith("What the numbers are not"))
        self.assertIn("| if4 | 10 | 2 | 3 | 12 | 30.0 | 30.0-30.0 | 1.500 | 0.750 | 20 | 30 |", (flow.FOLDER / "fpga.md").read_text())
        self.assertEqual((flow.FOLDER / "fpga.csv").read_text().splitlines()[1], "if4,10,2,3,12,30.0,30.0-30.0,1.500,0.750,20,30")

    def test_a_folder_outside_of_the_project(self):
        for folder in ("/tmp/x", "..", "."):
            with self.assertRaisesRegex(LibertyError, "no folder in"):
                flow.place(folder)


class SelfTest(unittest.TestCase):
    def test_the_verdict(self):
        self.assertEqual(selftest.verdict("selftest pass 3f 120\n", "x"), ("pass", "3f", 120))
        self.assertEqual(selftest.verdict("selftest fail 2258f4f96 5687\n", "x"), ("fail", "2258f4f96", 5687))
        self.assertEqual(selftest.verdict("selftest hangs 1000001\n", "x"), ("hangs", None, 1000001))
        for text in ("", "selftest pass 120", "selftest pass xx 3", "selftest contradicts itself: pass x", "selftest pass 3f 120 2",
                     "error\nselftest pass 3f 120"):
            with self.assertRaisesRegex(ToolError, "no verdict"):
                selftest.verdict(text, "x")

    def test_units_without_beats(self):
        for unit in (Unit("a", "f", (("Lanes", 32),)), Unit("a", "f", (("AccWidth", 50),)), Unit("a", "f", (), "if6_e2m3"),
                     Unit("a", "f", (), "if3")):
            with self.assertRaisesRegex(LibertyError, "a: the self-test has beats of 16 lanes and codes of 4 bits"):
                selftest.check(unit)
        for unit in fpga.UNITS:
            selftest.check(unit)

    def measured(self, said):
        with mock.patch.object(selftest, "golden_signature", lambda *_: "12ab"), \
                mock.patch.object(selftest, "bitstream", lambda *_: {"mhz": 1.0, "device_logic_cells": 1}), \
                mock.patch.object(selftest, "simulate", lambda *_: said):
            return selftest.measure(Unit("x", "f"), "program", Path("."))

    def test_only_a_pass_with_the_golden_signature_passes(self):
        self.assertEqual(self.measured(("pass", "12ab", 7))["signature"], "12ab")
        for said in (("pass", "12ac", 7), ("fail", "12ab", 7), ("fail", "1", 7), ("hangs", None, 7)):
            with self.assertRaisesRegex(ToolError, "the self-test fails"):
                self.measured(said)

    def test_results_are_those_of_the_rtl(self):
        self.assertGreaterEqual(selftest.results_counted(), 100)


if __name__ == "__main__":
    unittest.main()
