#!/usr/bin/env python3
"""Tests of arrays composed of parts: trees of buffers, stubs, numbers of copies, bad input; and, through the tools, that
small arrays have the area and the path that synthesis of the whole gives."""

import copy
import json
import math
import os
import shutil
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "area"))
sys.dont_write_bytecode = True

import area  # noqa: E402
import arrays  # noqa: E402
import fanout  # noqa: E402
import synthesis  # noqa: E402
from liberty import LibertyError  # noqa: E402
from stubs import Array, Netlist  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError  # noqa: E402

AGREEMENT = 0.02  # of area and path, with synthesis of the whole
TINY = ROOT / "testbench/data/liberty/tiny.lib"


def gate(kind, **pins):
    return {"hide_name": 0, "type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}


def module(ports, cells):
    """`ports`: {name: (direction, bits)}."""
    return {"ports": {name: {"direction": direction, "bits": bits} for name, (direction, bits) in ports.items()},
            "cells": cells, "netnames": {name: {"hide_name": 0, "bits": bits} for name, (_, bits) in ports.items()}}


# A part: a register of 1 bit, which loads what comes in where `go` is high, and a flag that depends on it and on `ask`.
PART = module({"clk_i": ("input", [2]), "go": ("input", [3]), "ask": ("input", [4]), "d": ("input", [5]),
               "q": ("output", [6]), "flag": ("output", [9])},
              {"load": gate("NAND2", A=5, B=3, Y=7), "hold": gate("NAND2", A=3, B=6, Y=8),
               "register": gate("DFF", CK=2, D=7, Q=6), "answer": gate("NAND2", A=6, B=4, Y=9)})


def whole(copies):
    """So many of them in a row, with `go` and `ask` for all, and their flags read by a gate each."""
    cells, bit, before = {}, 10, 4
    for number in range(copies):
        cells[f"u[{number}]"] = {
            "type": "$paramod\\part", "hide_name": 0,
            "port_directions": {"clk_i": "input", "go": "input", "ask": "input", "d": "input", "q": "output",
                                "flag": "output"},
            "connections": {"clk_i": [2], "go": [3], "ask": [3], "d": [before], "q": [bit], "flag": [bit + 1]}}
        cells[f"reads[{number}]"] = gate("INV", A=bit + 1, Y=bit + 2)
        before, bit = bit, bit + 3
    return module({"clk_i": ("input", [2]), "go": ("input", [3]), "d": ("input", [4]), "q": ("output", [before])}, cells)


class Trees(unittest.TestCase):
    def test_groups_are_even(self):
        for number in range(1, 200):
            groups = fanout.groups(list(range(number)))
            self.assertEqual([item for group in groups for item in group], list(range(number)))
            sizes = [len(group) for group in groups]
            self.assertLessEqual(max(sizes), fanout.MOST)
            self.assertLessEqual(max(sizes) - min(sizes), 1)
            self.assertEqual(len(groups), -(-number // fanout.MOST))

    def test_every_pin_has_its_net_still(self):
        buffer = read_library(str(TINY)).driving_cell()
        (into,), (out,) = buffer.inputs, buffer.outputs
        for copies in (1, fanout.MOST // 2, fanout.MOST, 100):
            top = whole(copies)
            before = copy.deepcopy(top)
            roots = fanout.add_trees(top, ("part",), ("clk_i",), buffer)
            trees = {cell["connections"][out][0]: cell["connections"][into][0]
                     for name, cell in top["cells"].items() if name.startswith(fanout.TREE)}
            self.assertEqual(sum(roots.values()), len(trees))
            self.assertEqual(set(roots), {3} if 2 * copies > fanout.MOST else set())
            loads = {}
            for name, cell in top["cells"].items():
                for port, (bit,) in cell["connections"].items():
                    if name in before["cells"]:
                        if cell["type"] == "$paramod\\part" and bit != 2:
                            loads[bit] = loads.get(bit, 0) + (cell["port_directions"][port] == "input")
                        while bit in trees:
                            bit = trees[bit]
                        self.assertEqual(bit, before["cells"][name]["connections"][port][0], (name, port))
                    elif port == into:
                        loads[bit] = loads.get(bit, 0) + 1
            self.assertLessEqual(max(loads.values()), fanout.MOST)


class Stubs(unittest.TestCase):
    def setUp(self):
        self.library = read_library(str(TINY))

    def test_a_stub_has_the_gates_to_its_outputs_and_the_loads_of_their_nets(self):
        part = Netlist(PART, self.library)
        cells, _ = part.stub({("flag", 0), ("ask", 0)}, "part")
        self.assertEqual({name: sorted(pins) for name, pins in cells.items()},
                         {"answer": ["A", "B", "Y"], "register": ["CK", "Q"], "hold": ["B"]})
        cells, _ = part.stub({("go", 0)}, "part")
        self.assertEqual(cells, {"load": ["B"], "hold": ["A"]})
        with self.assertRaisesRegex(ToolError, r"depends on ask\[0\]"):
            part.stub({("flag", 0)}, "part")

    def test_copies_that_are_whole(self):
        array = Array(whole(9), {"$paramod\\part": Netlist(PART, self.library)}, self.library)
        # The first and the last copy are connected as no other is; of those between them, the first and the last.
        self.assertEqual(array.whole, {f"u[{number}]" for number in (0, 1, 2, 7, 8)})
        text, roots = array.verilog("top")
        self.assertEqual(roots, [])
        # Whole copies have 4 gates; stubs show their flag and what is on `go` and `ask`: all but `load`'s D.
        self.assertEqual(text.count("NAND2 i"), 9 * 3)
        self.assertEqual(text.count("DFF i"), 9)
        for copy_ in range(9):
            self.assertEqual(text.count(f"DFF i{copy_}_2 (.CK(clk_i), .D("), copy_ in (0, 1, 2, 7, 8))
        # A stub's register drives the next copy, which shows that load.
        self.assertIn("NAND2 i4_0 (.A(n19), .B(go));", text)
        self.assertEqual(array.end("i0_2"), "u[0].q")
        self.assertEqual(array.end("go"), "go")

    def test_nets_that_a_part_joins(self):
        through = module({"clk_i": ("input", [2]), "go": ("input", [3]), "ask": ("input", [4]), "d": ("input", [5]),
                          "q": ("output", [5]), "flag": ("output", ["1"])}, {"load": gate("INV", A=5, Y=6)})
        text, _ = Array(whole(1), {"$paramod\\part": Netlist(through, self.library)}, self.library).verilog("top")
        self.assertIn("INV i0_0 (.A(d), .Y(i0_n6));", text)
        self.assertIn("INV g_0 (.A(1'b1), .Y(n12));", text)


class Composition(unittest.TestCase):
    def test_bad_input(self):
        for text in ("", "if4", "if4 8", "if4 8x", "if4 8x8x8", "mxfp4 8x8", "if4 0x1", "if4 8x257", "if4 8x8 Lanes=17",
                     "if4 8x8 Lanes", "if4 8x8 Lanes=-16", "if4 8x8 Rows=8", "if4 8x8 lanes=16 Lanes=16", "if4 8x8 Depth=2",
                     "if4 8x8 SharedOutput=2", "if4 8x8 AccWidth=121"):
            with self.assertRaises(LibertyError, msg=text):
                arrays.parse(text)
        for parameters in ({"Format": 0, "Rows": 8}, {"Format": 0, "Rows": 8, "Cols": "8"}, {"Format": 0, "Rows": 8, "Cols": 8, "X": 1}):
            with self.assertRaises(LibertyError):
                arrays.compose(parameters, None)

    def test_spellings(self):
        for text in ("if4 8x4 Lanes=32 SharedOutput=1 Depth=1", " if4  8x4 depth=1 shared_output=1 lanes=32"):
            self.assertEqual(arrays.parse(text), {"Format": 0, "Rows": 8, "Cols": 4, "Lanes": 32, "SharedOutput": 1, "Depth": 1})

    def test_edges_that_are_synthesized(self):
        self.assertEqual([arrays.skews(most) for most in (0, 1, 2, 3, 4, 255)],
                         [[0], [0, 1], [0, 1, 3], [0, 1, 3], [0, 1, 3, 7], [0, 1, 3, 7, 15, 31, 63, 127, 255]])
        parts = arrays.Parts.__new__(arrays.Parts)
        parts.library = read_library(str(TINY))
        parts.modules = {("if4_array_edge", skew): {"cells": {str(n): {"type": "DFF" if n else "INV"} for n in range(1 + 9 * skew)}}
                         for skew in (0, 1, 3, 7, 15)}
        for skew in range(16):
            cells = parts.cells("if4_array_edge", skew)
            self.assertAlmostEqual(cells.counts.get("DFF", 0), 9 * skew)
            self.assertAlmostEqual(cells.counts["INV"], 1)

    def test_copies(self):
        for rows, cols, shared in ((1, 1, 0), (3, 5, 0), (5, 3, 1)):
            copies = arrays.copies_of(rows, cols, shared)
            self.assertEqual(copies["if4_array_cell", None], rows * cols)
            self.assertEqual(sum(count for (part, _), count in copies.items() if part == "if4_array_edge"), rows + cols)
            self.assertEqual(copies["if4_array_edge", 4], (rows > 4) + (cols > 4))
            self.assertEqual(copies["if4_fp32", None], 1 if shared else cols)


class Tools(unittest.TestCase):
    """Through the tools, in the library that LIBERTY= names or that of Debian."""

    @classmethod
    def setUpClass(cls):
        cls.library = read_library(os.environ.get("LIBERTY") or area.default_liberty())
        os.chdir(ROOT)

    def test_small_arrays_are_what_synthesis_of_the_whole_gives(self):
        for text in ("if3 2x2", "if3 4x2", "if3 3x4 SharedOutput=1"):
            parameters = arrays.parse(text)
            composed = arrays.compose(parameters, self.library, jobs=2)
            full = synthesis.result_of(arrays.whole_design(parameters), self.library)
            for key in ("area", "nand2", "critical_path_ns", "flip_flop_area"):
                self.assertAlmostEqual(composed[key] / full[key], 1, delta=AGREEMENT, msg=f"{text}: {key}")
            self.assertEqual(composed["flip_flops"], full["flip_flops"], text)
            self.assertEqual([row["copies"] for row in composed["modules"]], [row["copies"] for row in full["modules"]])
            saved = synthesis.library_folder(self.library) / composed["name"] / "result.json"
            self.assertEqual(json.loads(saved.read_text()), composed)
            before = saved.stat().st_mtime_ns
            self.assertEqual(arrays.compose(parameters, self.library), composed)
            self.assertEqual(saved.stat().st_mtime_ns, before)  # nothing is done again

    def test_stubs_change_no_path(self):
        for text in ("if3 4x2", "if3 3x4 SharedOutput=1", "if3 1x1", "if3 1x3"):
            parameters = arrays.parse(text)
            composed = arrays.compose(parameters, self.library, jobs=2)
            modules = arrays.netlist(arrays.frame_design(parameters), self.library)
            folder = synthesis.library_folder(self.library) / f".every.{os.getpid()}"
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
            work = synthesis.prepare(folder, self.library)
            parts = arrays.Parts(arrays.frame_design(parameters), self.library)
            every = arrays.time_array(parts, modules, work, every=True)
            shutil.rmtree(folder)
            self.assertEqual(composed["critical_path_ns"], every["critical_path_ns"], text)
            self.assertEqual(composed["tree_path_ns"], every["tree_path_ns"], text)

    def test_extrapolation(self):
        parameters = arrays.parse("if3 8x7")
        exact = arrays.compose(parameters, self.library, jobs=2)
        self.assertEqual(exact["surroundings"], "synthesized")
        self.addCleanup(setattr, arrays, "MOST_CELLS", arrays.MOST_CELLS)
        self.addCleanup(setattr, arrays, "BASIS", arrays.BASIS)
        arrays.MOST_CELLS, arrays.BASIS = 36, (3, 6)
        larger = arrays.compose(parameters, self.library, jobs=2)
        self.assertEqual(larger["surroundings"], "extrapolated")
        self.assertEqual(larger["flip_flops"], exact["flip_flops"])
        for key in ("area", "nand2", "cells", "critical_path_ns"):
            self.assertAlmostEqual(larger[key] / exact[key], 1, delta=AGREEMENT, msg=key)
        # abc makes either of two circuits of a register's enable, one a seventh smaller than the other, and most of what
        # lies around the parts is such registers: so only their number is the same whichever it chose. The trees of buffers
        # end there: 2.8 ns at 3 x 3, 2.9 at 6 x 6, 4.0 at 8 x 7 and 3.4 at 12 x 16.
        around = [result["modules"][0]["area"] for result in (larger, exact)]
        self.assertAlmostEqual(around[0] / around[1], 1, delta=0.15)
        self.assertAlmostEqual(larger["tree_path_ns"] / exact["tree_path_ns"], 1, delta=0.3)
        # What abc chose in the smaller arrays does not matter here: these are the straight lines through them.
        arrays.MOST_CELLS = 1024
        corners = [arrays.cells_of(arrays.checked_frame(arrays.parse(f"if3 {size}"), self.library)[arrays.TOP], self.library)
                   .area(self.library) for size in ("3x3", "3x6", "6x3", "6x6")]
        weights = [(1 - 5 / 3) * (1 - 4 / 3), (1 - 5 / 3) * 4 / 3, 5 / 3 * (1 - 4 / 3), 5 / 3 * 4 / 3]  # of 8 rows, 7 columns
        self.assertAlmostEqual(sum(w * a for w, a in zip(weights, corners)) / around[0], 1, delta=0.002)
        low, high = (arrays.compose(arrays.parse(f"if3 {size}"), self.library)["tree_path_ns"] for size in ("3x3", "6x6"))
        self.assertAlmostEqual(high + (high - low) / 2 * math.log2(56 / 36), larger["tree_path_ns"], delta=0.001)
        self.assertEqual(arrays.compose(parameters, self.library), exact)

    def test_numbers_of_copies_are_those_of_the_elaborated_array(self):
        parameters = arrays.parse("if3 2x2")
        arrays.compose(parameters, self.library)
        right = arrays.copies_of
        self.addCleanup(setattr, arrays, "copies_of", right)
        for wrong in (lambda rows, cols, shared: right(rows, cols + 1, shared), lambda *size: right(*size[:2], 1)):
            arrays.copies_of = wrong
            with self.assertRaisesRegex(ToolError, "other numbers of parts"):
                arrays.checked_frame(parameters, self.library)

    def test_a_width_that_the_rtl_refuses_is_bad_input(self):
        with self.assertRaisesRegex(LibertyError, "AccWidth=9: cannot hold one beat"):
            arrays.compose(arrays.parse("if3 2x2 AccWidth=9"), self.library)
        self.assertEqual(list(synthesis.library_folder(self.library).glob("*AccWidth9*")), [])


if __name__ == "__main__":
    unittest.main()
