#!/usr/bin/env python3
"""Tests of the checks of `make layout`, with its tools on a block of a few cells: each must find the fault that is planted."""

import os
import re
import shutil
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("layout", "area")]
sys.dont_write_bytecode = True

import area  # noqa: E402
import checks  # noqa: E402
import layout  # noqa: E402
import route  # noqa: E402
import timing  # noqa: E402
from circuit import POWER, GROUND  # noqa: E402
from lef import read_lef  # noqa: E402
from osu018 import Process  # noqa: E402
from placed import read_placed  # noqa: E402
from synthesis import Design  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError  # noqa: E402

BLOCK = "if4_slice Width=2"


class SeededTest(unittest.TestCase):
    """One layout of the block, and faults in what the checks are given of it."""

    @classmethod
    def setUpClass(cls):
        os.chdir(ROOT)
        (ROOT / "build").mkdir(exist_ok=True)
        cls.box = tempfile.TemporaryDirectory(dir=ROOT / "build", prefix=".test_layout.")
        cls.addClassCleanup(cls.box.cleanup)
        layout.LAYOUTS, before = Path(cls.box.name), layout.LAYOUTS
        cls.addClassCleanup(setattr, layout, "LAYOUTS", before)
        cls.process, cls.library = Process(), read_library(area.default_liberty())
        cls.design = layout.block_of(BLOCK)
        cls.result = layout.lay_out(cls.design, cls.library, cls.process)
        cls.folder = layout.LAYOUTS / cls.design.name
        cls.lef = read_lef(cls.process.lef)
        cls.circuit = layout.netlist_of(cls.design, cls.library, cls.library.driving_cell(), cls.folder)
        cls.top = cls.circuit.top
        cls.routed = (cls.folder / "route" / f"{cls.top}.def").read_text()

    def setUp(self):
        """A folder to work in, by its name relative to the project."""
        self.work = Path(os.path.relpath(tempfile.mkdtemp(dir=self.box.name), ROOT))
        shutil.copyfile(self.folder / "timing" / "cells.lib", self.work / "cells.lib")

    def source(self, text):
        return self.placed_at(text, self.top)

    def placed_at(self, text, top):
        folder = Path(tempfile.mkdtemp(dir=self.box.name))
        (folder / f"{top}.def").write_text(text)
        return folder

    def extracted(self, text):
        placed = read_placed(self.source(text) / f"{self.top}.def", (POWER, GROUND))
        return route.extract_all("block", self.circuit, placed, self.lef)

    def nets(self):
        return re.findall(r"^- (\S+)\n(?:  \(.*\) ?\n)+\+ ROUTED", self.routed, re.MULTILINE)

    def test_what_is_right(self):
        self.assertEqual((self.result["unrouted"], self.result["drc"]), (0, 0))
        self.assertEqual(self.result["nets"], self.result["lvs_nets"] - 2)  # the supplies
        self.assertEqual(self.result["cells"], len(self.circuit.cells))
        self.assertGreater(self.result["path_ns"], self.result["path_without_ns"])
        self.assertEqual(set(self.extracted(self.routed)), set(self.circuit.nets()))

    # Unrouted nets

    def without_wires(self, name):
        cut, count = re.subn(rf"(^- {name}\n(?:  \(.*\) ?\n)+)\+ ROUTED[^;]*;", r"\1;", self.routed, flags=re.MULTILINE)
        self.assertEqual(count, 1)
        return cut

    def test_a_net_without_its_wires(self):
        tried = 0
        for name in self.nets():
            if name not in (POWER, GROUND) and len(self.circuit.nets()[name]) > 1:
                with self.assertRaisesRegex(ToolError, f"not joined by their wires: {name}"):
                    self.extracted(self.without_wires(name))
                tried += 1
        self.assertGreater(tried, 10)

    def test_a_supply_that_a_pin_lacks(self):
        """The pins that the netlist ties to 1 are wired to a supply, which is no net of the extraction."""
        self.assertIn(POWER, self.nets())
        _, lvs = self.checked(self.without_wires(POWER))
        with self.assertRaisesRegex(ToolError, "the layout is not the netlist"):
            lvs()

    def test_a_net_without_one_via(self):
        """Each via that a net needs; one that two ways lead around may go."""
        found = 0
        places = [one.start() for one in re.finditer(r" M\d_M\d", self.routed)]
        for place in places:
            try:
                self.extracted(self.routed[:place] + self.routed[place + 6:])
            except ToolError as error:
                self.assertRegex(str(error), "not joined|joined to no pin")
                found += 1
        self.assertGreater(found, len(places) * 0.9)

    def test_a_net_that_is_not_there(self):
        name = self.nets()[0]
        with self.assertRaisesRegex(ToolError, f"net {name} does not have the pins"):
            self.extracted(self.routed.replace(f"- {name}\n", "- other\n"))

    def test_a_router_that_has_too_few_layers(self):
        with self.assertRaisesRegex(ToolError, "not all nets are routed"):
            route.route("block", self.circuit, self.process, self.lef, self.folder / "place", self.work, layers=1)

    # Design rules, shorts, LVS

    def with_wire(self, wire):
        """The routed file with one more wire of an existing net."""
        name = self.nets()[0]
        return self.routed.replace("END SPECIALNETS", f"- {name}\n+ ROUTED {wire} ;\nEND SPECIALNETS")

    def middle(self):
        """A wire of metal3, or else of metal2, of a net: (net, layer, x0, y0, x1, y1) in units of the file."""
        placed = read_placed(self.folder / "route" / f"{self.top}.def", (POWER, GROUND))
        for layer in ("metal3", "metal2"):
            for name, net in placed.nets.items():
                for on, x0, y0, x1, y1, width in net.wires:
                    if on == layer and width is None and abs(x1 - x0) + abs(y1 - y0) > 4 and name != self.nets()[0]:
                        return name, layer, *(round(part * 100) for part in (x0, y0, x1, y1))
        self.fail("no wire is long enough")

    def checked(self, text, circuit=None):
        checks.magic("block", self.top, self.process, self.source(text), self.work)
        log = (self.work / "magic.log").read_text()
        return (lambda: checks.check_drc("block", log)), (
            lambda: checks.lvs("block", circuit or self.circuit, self.process, self.work))

    def test_no_fault(self):
        drc, lvs = self.checked(self.routed)
        self.assertEqual(drc(), 0)
        self.assertEqual(lvs(), self.result["lvs_nets"])

    def test_a_wire_too_close(self):
        _, layer, x0, y0, x1, y1 = self.middle()
        beside = (0, 45) if y0 == y1 else (45, 0)  # 15 of 30 between the edges
        drc, _ = self.checked(self.with_wire(f"{layer} 30 ( {x0 + beside[0]} {y0 + beside[1]} ) ( {x1 + beside[0]} {y1 + beside[1]} )"))
        with self.assertRaisesRegex(ToolError, "errors of design rules in the wiring: .*spacing"):
            drc()

    def test_a_wire_too_narrow(self):
        drc, _ = self.checked(self.with_wire("metal5 10 ( 1000 1050 ) ( 2000 * )"))
        with self.assertRaisesRegex(ToolError, "errors of design rules in the wiring: .*width"):
            drc()

    def test_a_port_that_nothing_reads(self):
        """As the router leaves the port, its metal is too small."""
        folder = Path(self.box.name)
        (folder / "unread.sv").write_text("module unread (input clk_i, input unread_i, input [3:0] a_i, output reg [3:0] q_o);\n"
                                          "  always @(posedge clk_i) q_o <= q_o + a_i;\nendmodule\n")
        (folder / "unread.f").write_text("unread.sv\n")
        design = Design("block_unread", "unread", str((folder / "unread.f").relative_to(ROOT)), counted=False)
        result = layout.lay_out(design, self.library, self.process)
        self.assertGreater(result["pads_made_longer"], 0)
        self.assertEqual((result["unrouted"], result["drc"]), (0, 0))
        text = (layout.LAYOUTS / design.name / "route" / f"{design.top}.def").read_text()
        short = re.sub(r"^- \S+\n\+ ROUTED metal\d 40 \( \S+ \S+ \) \( \* \S+ \) ;\n", "", text, flags=re.MULTILINE)
        checks.magic("block", design.top, self.process, self.placed_at(short, design.top), self.work)
        with self.assertRaisesRegex(ToolError, "errors of design rules in the wiring: .*area"):
            checks.check_drc("block", (self.work / "magic.log").read_text())

    def test_a_short(self):
        """From a wire of one net to one of another, on their layer and straight through what lies between."""
        placed = read_placed(self.folder / "route" / f"{self.top}.def", (POWER, GROUND))
        ends = {}
        for name, net in placed.nets.items():
            for layer, x0, y0, x1, y1, width in net.wires:
                if layer == "metal3" and y0 == y1:
                    ends.setdefault(name, (round(x0 * 100), round(y0 * 100)))
        (one, (x0, y0)), (other, (x1, y1)) = list(ends.items())[:2]
        self.assertNotEqual(one, other)
        # Through metal6, far from all else.
        stack = " ".join(f"NEW {layer} {{at}} {via}" for layer, via in (("metal3", "M4_M3"), ("metal4", "M5_M4"), ("metal5", "M6_M5")))
        vias = " ".join(stack.format(at=f"( {x} {y} )") for x, y in ((x0, y0), (x1, y1)))[4:]
        text = re.sub(rf"(^- {one}\n(?:  \(.*\) ?\n)+\+ ROUTED) ", rf"\1 {vias} NEW metal6 ( {x0} {y0} ) ( {x1} * ) "
                      rf"NEW metal6 ( {x1} {y0} ) ( * {y1} ) NEW ", self.routed, flags=re.MULTILINE)
        self.assertNotEqual(text, self.routed)
        _, lvs = self.checked(text)
        with self.assertRaisesRegex(ToolError, "the layout is not the netlist"):
            lvs()

    def swapped(self, kinds, one, other):
        """The circuit with two pins of its first cell of such a kind swapped."""
        instance, (kind, pins) = next((name, cell) for name, cell in self.circuit.cells.items()
                                      if cell[0].startswith(kinds) and cell[1][one] != cell[1][other])
        return replace(self.circuit, cells={**self.circuit.cells, instance: (kind, {**pins, one: pins[other], other: pins[one]})})

    def test_swapped_pins(self):
        """Of a gate, also those whose order does not matter to its function; of a flip-flop; two ports."""
        _, lvs = self.checked(self.routed)
        lvs()
        wrong = [self.swapped("OAI21X1", "A", "B"), self.swapped("NAND3X1", "A", "C"), self.swapped("DFFSR", "D", "CLK")]
        ports = {"data_i_0": "data_i_1", "data_i_1": "data_i_0"}
        wrong.append(replace(self.circuit, cells={name: (kind, {pin: ports.get(net, net) for pin, net in pins.items()})
                                                  for name, (kind, pins) in self.circuit.cells.items()}))
        for circuit in wrong:
            with self.assertRaisesRegex(ToolError, "the layout is not the netlist"):
                checks.lvs("block", circuit, self.process, self.work)

    def test_other_cells(self):
        _, lvs = self.checked(self.routed)
        lvs()
        cells = dict(self.circuit.cells)
        inverter = next(name for name, (kind, _) in cells.items() if kind == "INVX1")
        for changed in ({name: cell for name, cell in cells.items() if name != inverter},
                        {**cells, inverter: ("INVX2", cells[inverter][1])}, {**cells, "INVX1_99": cells[inverter]}):
            with self.assertRaises(ToolError):
                checks.lvs("block", replace(self.circuit, cells=changed), self.process, self.work)

    def test_pins_of_the_library(self):
        with self.assertRaisesRegex(ToolError, "does not have the pins of the library's"):
            checks.pins_of("block", self.circuit, {kind: ["A", "vdd", "gnd"] for kind, _ in self.circuit.cells.values()},
                           {kind: ["A", "Y", "vdd", "gnd"] for kind, _ in self.circuit.cells.values()})

    def test_a_tool_that_says_nothing(self):
        with self.assertRaisesRegex(ToolError, "checked no design rules"):
            checks.check_drc("block", "")
        for said in ([], {}, [{}], [{"devices": [[], []], "nets": [0, 0], "pins": [[], []]}]):
            with self.assertRaisesRegex(ToolError, "not the netlist"):
                checks.check_lvs("block", "Result: Circuits match uniquely.", said, 5, {"a"})

    # Timing

    def timed(self, nets, circuit=None, expected=None):
        synthesized = self.result["path_without_ns"] if expected is None else expected
        return timing.time_layout(self.design, circuit or self.circuit, nets, self.work, synthesized)

    def test_longer_wires(self):
        nets = self.extracted(self.routed)
        self.assertEqual(self.timed(nets)["path_ns"], self.result["path_ns"])
        for net in nets.values():
            net.capacitances = {node: 10 * charge for node, charge in net.capacitances.items()}
        more = self.timed(nets)["path_ns"]
        # What ten times the wires add is about ten times what the wires add.
        added = self.result["path_ns"] - self.result["path_without_ns"]
        self.assertGreater(more, self.result["path_without_ns"] + 6 * added)
        for net in nets.values():
            net.capacitances = {}
            net.resistors = [(one, other, 1e-6) for one, other, _ in net.resistors]
        self.assertAlmostEqual(self.timed(nets)["path_ns"], self.result["path_without_ns"], delta=0.001)

    def test_wires_of_another_netlist(self):
        nets = self.extracted(self.routed)
        name = next(iter(nets))
        with self.assertRaises(ToolError):
            self.timed({"no_such_net" if key == name else key: net for key, net in nets.items()},
                       replace(self.circuit, drivers={**self.circuit.drivers, "no_such_net": self.circuit.drivers[name]}))

    def test_another_netlist(self):
        with self.assertRaisesRegex(ToolError, "without wires its path is"):
            self.timed(self.extracted(self.routed), expected=self.result["path_without_ns"] + 0.01)

    # What is kept

    def test_steps_that_are_done(self):
        """Nothing is done again; one step that is lost is, and gives the same."""
        before = {path: path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}
        self.assertEqual(layout.lay_out(self.design, self.library, self.process), self.result)
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}, before)
        (self.folder / "route" / "result.json").unlink()
        self.assertEqual(layout.lay_out(self.design, self.library, self.process), self.result)
        self.assertEqual((self.folder / "route" / f"{self.top}.def").read_text(), self.routed)
        self.assertEqual((self.folder / "place" / "result.json").stat().st_mtime_ns, before[self.folder / "place" / "result.json"])

    def test_the_gds_file(self):
        complete = (self.folder / "check" / f"{self.top}.gds").read_bytes()
        self.assertTrue(checks.is_complete(complete))
        self.assertTrue(checks.is_complete(complete + bytes(1000)))
        for end in (0, 1, 100, len(complete) // 2, len(complete) - 1, len(complete) - 4):
            self.assertFalse(checks.is_complete(complete[:end]))


if __name__ == "__main__":
    unittest.main()
