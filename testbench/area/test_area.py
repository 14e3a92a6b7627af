#!/usr/bin/env python3
"""Tests of the scripts behind `make area` and `make gates`: what they read, and that what is no result is refused."""

import contextlib
import io
import re
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "area"))
sys.dont_write_bytecode = True

import area  # noqa: E402
import gates  # noqa: E402
import report  # noqa: E402
import sta  # noqa: E402
import synthesis  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError  # noqa: E402

def timing(pins):
    tables = " ".join(f'{kind} (scalar) {{ values ("1"); }}'
                      for kind in ("cell_rise", "cell_fall", "rise_transition", "fall_transition"))
    return f'timing () {{ related_pin : "{pins}"; {tables} }}'


CELLS = re.sub("@(.*)@", lambda pins: timing(pins.group(1)), """library (small) {
  default_input_pin_cap : 0.5;  /* a comment */
  cell (INV) { area : 2; pin (A) { direction : input; } pin (Y) { direction : output; @A@ function : "A'"; max_capacitance : 1 } }
  cell (BUF1) { area : 3; pin (A) { direction : input; } pin (Y) { direction : output; @A@ function : "A"; max_capacitance : 1; } }
  cell (BUF2) { area : 4; pin (A) { direction : input; } pin (Y) { direction : output; @A@ function : "A"; max_capacitance : 2; } }
  cell (TBUF) { area : 3; pin (A) { direction : input; }
    pin (Y) { direction : output; @A@ function : "A"; three_state : "A"; max_capacitance : 2; } }
  cell (NOR) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; @A B@ function : "!(A+B)"; } }
  cell (BIG_ND) { area : 9; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; @A B@ function : "!(A B)"; } }
  cell (ODD) { area : 5; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; @A B@ function : "(!A) | B'"; } }
  cell (FF) { area : 20; ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; clear : "(!R)"; }
    pin (C) { direction : input; } pin (D) { direction : input; } pin (R) { direction : input; }
    pin (Q) { direction : output; @C@ function : "IQ"; } }
  cell (LAT) { area : 9; latch (IQ, IQN) { enable : "C"; data_in : "D"; }
    pin (C) { direction : input; } pin (D) { direction : input; } pin (Q) { direction : output; @C@ function : "IQ"; } }
}
""")

STAT = """
=== top ===

   Number of wires:                  4
   Number of cells:                  3
     INV                             2
     FF                              1

   Chip area for module '\\top': 24.000000
"""

STA = """SLACK 12.5
Startpoint: _1_ (rising edge-triggered flip-flop clocked by clk)
Endpoint: y (output port clocked by clk)
"""

NETLIST = """module top(clk_i, y);
  FF _1_ (
    .C(clk_i),
    .D(_0_),
    .Q(\\stage.value_q[3] ),
    .R(1'h1)
  );
  INV _2_ (
    .A(\\stage.value_q[3] ),
    .Y(_0_)
  );
  INV _3_ (
    .A(_0_),
    .Y(y)
  );
endmodule
"""


def library(text=CELLS):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.lib"
        path.write_text(text)
        return read_library(path)


class Results(unittest.TestCase):
    def test_stat(self):
        cells = synthesis.read_stat(STAT, library(), "top")["top"]
        self.assertEqual((cells.area(library()), cells.flip_flops(library())), (24, 1))

    def test_what_is_no_netlist_is_refused(self):
        for text, message in ((STAT.replace("INV ", "$_X_"), "not in the library"), (STAT.replace("FF ", "LAT"), "latch"),
                              (STAT.replace("24.0", "25.0"), "says an area"), ("", "no cells"),
                              (STAT.replace("     INV                             2\n     FF                              1\n", "")
                               .replace("24.0", "0.0"), "no cells")):
            with self.assertRaisesRegex(ToolError, message):
                synthesis.read_stat(text, library(), "top")

    def test_sta(self):
        result = sta.read_sta(STA, NETLIST, "top")
        self.assertEqual((result["critical_path_ns"], result["from"], result["to"]), (7.5, "stage.value_q[3]", "y"))
        for text in (STA.replace("SLACK 12.5", "SLACK INF"), STA.replace("Endpoint", "End"),
                     STA + "Error: netlist.v, line 7 syntax error\n", STA + "Warning: module X not found\n"):
            with self.assertRaises(ToolError):
                sta.read_sta(text, NETLIST, "top")

    def test_the_energy_is_not_sta_s(self):
        design = area.CONFIGS[0].design
        for text in (*report.HEADINGS, sta.sta_script(design, Path("."))):
            self.assertNotRegex(text, "power|mW|uW")

    def test_what_the_library_lacks_is_left_blank(self):
        cells = library(CELLS.replace("!(A B)", "A").replace("(!A) | B'", "A"))
        self.assertIsNone(cells.nand2())
        config = area.CONFIGS[0]
        results = {config.name: {"area": 9.0, "nand2": None, "flip_flops": 1, "critical_path_ns": 2.0}}
        self.assertEqual(report.rows([config], results)[0][1:4], ["9", "-", "1"])
        for energy, shown in ((None, "-"), (1.8737, "1.87"), (14.92, "14.9"), (99.97, "100"), (321.4, "321")):
            self.assertEqual(report.rows([config], results, {config.name: energy})[0][-1], shown)
        self.assertIn("no 2-input NAND", report.notes(cells)[0])

    def test_the_table_fits_120_columns_and_says_who_timed_it(self):
        longest = max((config.name for config in area.CONFIGS), key=len)
        row = [longest, "99999999", "999999", "99999", "99.99", "9999", "10-104", "0.99", "104", *["9.999"] * 5, "99.9"]
        self.assertEqual(len(row), len(report.HEADINGS))
        lines = report.text(report.BROKEN_HEADINGS, [row, row], gap=1).splitlines()
        self.assertEqual(len(lines), 4)
        self.assertLessEqual(max(map(len, lines)), 120)
        # The headings of area.csv, which programs read.
        self.assertEqual(report.HEADINGS, ["configuration", "area", "NAND2", "flip-flops", "path ns", "MHz", "latency",
                                           "beats/clk", "clk/result", "area/NVFP4", "same acc", "path/NVFP4", "area/lane",
                                           "path/lane", "pJ/MAC"])
        self.assertRegex("\n".join(report.notes(library())), r"OpenSTA \d")

    def test_limits_can_be_missed(self):
        configs = [config.name for config in area.CONFIGS]
        self.assertEqual(len(configs), len(set(configs)))
        results = {name: {"area": 1e5, "critical_path_ns": 7.0} for name in configs}
        for name in area.LIMITS:
            cells = library()
            cells.groups[0].arguments = [name or "another"]
            with contextlib.redirect_stdout(io.StringIO()):
                missed, checked = area.check_limits(cells, results, lambda designs: self.seeded(designs, [7.0] * 5))
            self.assertEqual(checked, len(area.LIMITS[name]))
            self.assertGreater(missed, 0)
            self.assertEqual(area.check_limits(cells, {}, None), (0, 0))

    @staticmethod
    def seeded(designs, paths):
        """Results with these paths, by seed."""
        return {design.name: {"area": 1e5, "nand2": None, "cells": 1, "flip_flop_area": 1.0, "critical_path_ns": paths[design.seed]}
                for design in designs}

    def test_a_figure_near_its_limit_is_judged_by_its_median(self):
        limits = {None: [("a path", "if4", "path", 6.8)]}
        cells = library()
        cells.groups[0].arguments = ["another"]
        for own, paths, missed in ((6.9, [6.9, 6.7, 6.7, 6.7, 7.0], 0), (6.7, [6.7, 6.9, 6.9, 6.7, 7.0], 1),
                                   (7.5, [7.5, 6.7, 6.7, 6.7, 6.7], 1), (6.0, [6.0, 7.0, 7.0, 7.0, 7.0], 0),
                                   # The first three say it, whatever the others are.
                                   (6.7, [6.7, 6.7, 6.8, None, None], 0), (6.9, [6.9, 6.9, 6.81, None, None], 1)):
            with unittest.mock.patch.object(area, "LIMITS", limits), contextlib.redirect_stdout(io.StringIO()) as out:
                found = area.check_limits(cells, {"if4": {"area": 1e5, "critical_path_ns": own}},
                                          lambda designs: self.seeded(designs, paths))
            self.assertEqual(found, (missed, 1))
            near = abs(own / 6.8 - 1) < 0.05
            self.assertEqual("median over 5 seeds" in out.getvalue(), near and None not in paths)
            self.assertEqual("median over 3 seeds" in out.getvalue(), None in paths)

    def test_a_ratio_is_certain_where_both_ends_of_it_are(self):
        """Own areas of 120 to 121 over others of 98 to 100: from 1.2 to 1.235 after three seeds."""
        areas = {"if4_iterative": [120, 121, 120.5, 200, 200], "nvfp4_iterative": [100, 98, 99, 1, 1]}
        cells = library()
        cells.groups[0].arguments = ["another"]
        asked = set()

        def more(designs):
            asked.update((design.name.partition(".")[0], design.seed) for design in designs)
            return {design.name: {"area": areas[design.name.partition(".")[0]][design.seed], "nand2": None, "cells": 1, "flip_flop_area": 1.0,
                                  "critical_path_ns": 6.0} for design in designs}

        for limit, seeds, missed in ((1.25, 3, 0), (1.19, 3, 1), (1.23, 5, 1), (1.21, 5, 1)):
            asked.clear()
            limits = {None: [("a ratio", "if4_iterative", "area / nvfp4", limit)]}
            with unittest.mock.patch.object(area, "LIMITS", limits), contextlib.redirect_stdout(io.StringIO()):
                found = area.check_limits(cells, {name: {"area": own[0], "critical_path_ns": 6.0} for name, own in areas.items()}, more)
            self.assertEqual((found, asked), ((missed, 1), {(name, seed) for name in areas for seed in range(seeds)}), limit)

    def test_the_groups_of_the_published_comparison_have_every_instance(self):
        """Else `make area-published` ends with an error, after minutes of synthesis."""
        instances = set(re.findall(r"\b(u_\w+) \(", (area.ROOT / "rtl/baseline/lane_fp32_mac.sv").read_text()))
        grouped = {pattern.split(".")[-1].rstrip("*") for _, patterns in area.PUBLISHED for pattern in patterns}
        self.assertGreater(len(instances), 5)
        self.assertEqual(instances - grouped, set())


class Gates(unittest.TestCase):
    def test_faults(self):
        text, count = gates.plant(NETLIST, library(), 5)
        self.assertEqual(count, 2)  # as many as there are gates
        self.assertEqual(text.count("if4_fault_gate #("), 2)
        self.assertIn(".in(if4_right_2), .out(y)", text)

    def test_models(self):
        model = gates.cell_model(library().cells["FF"])
        self.assertIn("always @(posedge if4_clock or posedge if4_clear)", model)
        self.assertIn("if (if4_clear) IQ <= 1'b0;\n    else IQ <= D;", model)
        model = gates.cell_model(library().cells["ODD"])
        self.assertIn("assign Y = ((~A) | (~B));", model)


if __name__ == "__main__":
    unittest.main()
