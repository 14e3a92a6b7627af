#!/usr/bin/env python3
"""Tests of `make energy LAYOUT=1`: the wires of a layout in the loads, by hand, and layouts that are not that of the netlist."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from hand import LIBRARY, ROOT, netlist_of, read  # noqa: E402

import area  # noqa: E402
from account import Loads  # noqa: E402
from activity import read_slews  # noqa: E402
from liberty import LibertyError  # noqa: E402
from netlist import Pin  # noqa: E402
from power import CellPower, units_of  # noqa: E402
from routed import Wires, wires_of  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError  # noqa: E402

CELLS = {"u": ("INV", {"A": "a", "Y": "y"}), **{name: ("INV", {"A": "y"}) for name in ("v", "w", "x")}}


class RoutedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=ROOT / "build")
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def wires(self, capacitances, **others):
        return Wires(**{"capacitances": capacitances, "instances": {}, "folder": self.work / "one" / "timing", "spef": "t.spef",
                        "path_ns": 1.0, "digest": "", **others})

    def test_loads(self):
        """Three pins of 0.01 pF and one; wires of 0.5 and 0.25 pF, whatever a wire load says."""
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, CELLS, ["a"], ["y"])
        powers = {cell.name: CellPower(cell, units_of(library)) for cell in netlist.cells.values()}
        routed = self.wires({"u/Y": 0.5, "a": 0.25}).of(netlist)
        loads = Loads(netlist, powers, lambda fanout: 7.0, routed).of_net
        self.assertAlmostEqual(loads[netlist.nets[Pin("u", "Y")]], 0.53)
        self.assertAlmostEqual(loads[netlist.nets[Pin("u", "A")]], 0.26)

    def test_a_net_that_the_layout_lacks(self):
        netlist = netlist_of(read(LIBRARY, self.work), CELLS, ["a"], ["y"])
        with self.assertRaisesRegex(LibertyError, "no net that u/Y drives"):
            self.wires({"a": 0.25}).of(netlist)

    def write(self, wires, timed):
        folder = self.work / "one" / "timing"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "wires.json").write_text(wires)
        (folder / "result.json").write_text(timed)

    def test_layouts(self):
        wires = json.dumps({"netlist": "abc", "top": "t", "capacitances": {"a": 0.1}, "instances": {"INV_1": "u"}})
        timed = json.dumps({"key": "def", "path_ns": 3.5})
        with self.assertRaisesRegex(LibertyError, "one has no layout: make layout CONFIGS=one"):
            wires_of("one", {"key": "abc"}, self.work)
        self.write(wires, timed)
        found = wires_of("one", {"key": "abc"}, self.work)
        self.assertEqual((found.capacitances, found.instances, found.spef, found.path_ns), ({"a": 0.1}, {"INV_1": "u"}, "t.spef", 3.5))
        with self.assertRaisesRegex(LibertyError, "that of another netlist"):
            wires_of("one", {"key": "abd"}, self.work)
        for cut in (1, len(wires) // 2, len(wires) - 1):
            self.write(wires[:cut], timed)
            with self.assertRaisesRegex(LibertyError, "has no layout"):
                wires_of("one", {"key": "abc"}, self.work)
        self.write(wires, timed.replace("3.5", "3.6"))
        self.assertNotEqual(wires_of("one", {"key": "abc"}, self.work).path_ns, found.path_ns)

    def test_slews(self):
        """An inverter that drives another over a wire of 1 ns: the slew at its end is far longer than without the wire."""
        folder = self.work / "one" / "timing"
        folder.mkdir(parents=True)
        library = read_library(str(area.default_liberty()))
        (folder / "cells.lib").write_text(library.text)
        (folder / "netlist.v").write_text("module t(clk_i, a, y); input clk_i; input a; output y; wire n1;\n"
                                          "  INVX1 INV_1 (.A(a), .Y(n1)); INVX1 INV_2 (.A(n1), .Y(y)); endmodule\n")
        (folder / "t.spef").write_text("""*SPEF "IEEE 1481-1998"
*DESIGN "t"
*DATE "-"
*VENDOR "-"
*PROGRAM "-"
*VERSION "1"
*DESIGN_FLOW "-"
*DIVIDER /
*DELIMITER :
*BUS_DELIMITER []
*T_UNIT 1 NS
*C_UNIT 1 PF
*R_UNIT 1 OHM
*L_UNIT 1 HENRY

*D_NET n1 0.1
*CONN
*I INV_1:Y O
*I INV_2:A I
*CAP
1 INV_2:A 0.1
*RES
1 INV_1:Y INV_2:A 100000
*END
""")
        netlist = netlist_of(library, {"x": ("INVX1", {"A": "a", "Y": "n"}), "y": ("INVX1", {"A": "n", "Y": "o"})}, ["a"], ["o"])
        names = {"INV_1": "x", "INV_2": "y"}
        work = self.work / "work"
        work.mkdir()
        routed = read_slews(netlist, None, "t", work, self.wires({}, instances=names))
        (folder / "t.spef").write_text((folder / "t.spef").read_text().replace("100000", "0.001").replace(" 0.1", " 0.000001"))
        bare = read_slews(netlist, None, "t", work, self.wires({}, instances=names))
        self.assertGreater(routed[Pin("y", "A")][0], bare[Pin("y", "A")][0] + 1.0)
        with self.assertRaisesRegex(ToolError, "sta does not read .*/other.spef"):
            read_slews(netlist, None, "t", work, self.wires({}, instances=names, spef="other.spef"))


if __name__ == "__main__":
    unittest.main()
