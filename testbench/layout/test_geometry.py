#!/usr/bin/env python3
"""Tests of what the scripts of `make layout` make of a netlist and of geometry, by hand: no tool but Yosys' JSON is read."""

import random
import struct
import sys
import tempfile
import unittest
import zlib
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("layout", "area")]
sys.dont_write_bytecode = True

import circuit as netlists  # noqa: E402
import picture  # noqa: E402
import place  # noqa: E402
import route  # noqa: E402
import table  # noqa: E402
from circuit import circuit_of  # noqa: E402
from lef import Layer, Lef, Macro, read_lef  # noqa: E402
from placed import Net, Placed, read_placed, shape_of  # noqa: E402
from tools import ToolError  # noqa: E402
from wires import extract, spef  # noqa: E402

M1, M2 = Layer(0.3, 0.08, 3.8e-5, 8e-5), Layer(0.3, 0.07, 1.9e-5, 6e-5)
# A cell of 4 x 10 um with an input at its left, and an output of two rectangles at its right.
CELL = Macro(4.0, 10.0, {"A": [("m1", 0.2, 4.8, 0.6, 5.2)], "Y": [("m1", 3.4, 2.0, 3.8, 8.0), ("m1", 3.0, 7.6, 3.8, 8.0)]})
LEF = Lef({"m1": M1, "m2": M2}, {"V": {"m1": 0.2, "m2": 0.2}}, {"CELL": CELL})
KINDS = {"INV": {"A": "input", "Y": "output"}, "BUF": {"A": "input", "Y": "output"}}
BUFFER = ("BUF", "A", "Y")


def module(ports, cells, names=()):
    """As Yosys writes it: ports (name, direction, bit), cells (type, {pin: bit})."""
    return {"ports": {name: {"direction": direction, "bits": [bit]} for name, direction, bit in ports},
            "cells": {f"c{place}": {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}
                      for place, (kind, pins) in enumerate(cells)},
            "netnames": {name: {"bits": [bit]} for name, bit in names}}


class CircuitTest(unittest.TestCase):
    def test_names(self):
        one = circuit_of(module([("a[3]", "input", 2), ("q", "output", 4)], [("INV", {"A": 2, "Y": 3}), ("INV", {"A": 3, "Y": 4})],
                                [("u.x[1]", 3), ("a[3]", 2)]), KINDS, "top", BUFFER)
        self.assertEqual(one.inputs, ["a_3"])
        self.assertEqual(one.cells, {"INV_1": ("INV", {"A": "a_3", "Y": "n3"}), "INV_2": ("INV", {"A": "n3", "Y": "q"})})
        self.assertEqual(one.original, {"n3": "u.x[1]", "a_3": "a[3]", "q": "q"})
        self.assertEqual(one.instances, {"INV_1": "c0", "INV_2": "c1"})
        self.assertEqual(one.drivers, {"a_3": ("PIN", "a_3"), "n3": ("INV_1", "Y"), "q": ("INV_2", "Y")})
        self.assertEqual(one.nets(), {"a_3": [("PIN", "a_3"), ("INV_1", "A")], "q": [("PIN", "q"), ("INV_2", "Y")],
                                      "n3": [("INV_1", "Y"), ("INV_2", "A")]})
        self.assertEqual(netlists.blif(one).splitlines()[3:5], [".gate INV A=a_3 Y=n3", ".gate INV A=n3 Y=q"])

    def test_constants_are_supplies(self):
        one = circuit_of(module([("q", "output", 2), ("p", "output", 3)], [("INV", {"A": "1", "Y": 2}), ("INV", {"A": "x", "Y": 3})]),
                         KINDS, "top", BUFFER)
        self.assertEqual([pins["A"] for _, pins in one.cells.values()], ["vdd", "gnd"])
        self.assertNotIn("vdd", one.nets())
        self.assertIn(".A(1'b1)", netlists.verilog(one))
        self.assertIn(".A(1'b0)", netlists.verilog(one))

    def test_outputs_that_share_a_net(self):
        one = circuit_of(module([("a", "input", 2), ("q", "output", 2), ("r", "output", "0"), ("s", "output", 3), ("t", "output", 3)],
                                [("INV", {"A": 2, "Y": 3})]), KINDS, "top", BUFFER)
        self.assertEqual(one.buffered, ["q", "r", "t"])
        self.assertEqual([pins for kind, pins in one.cells.values() if kind == "BUF"],
                         [{"A": "a", "Y": "q"}, {"A": "gnd", "Y": "r"}, {"A": "s", "Y": "t"}])

    def test_what_is_no_netlist(self):
        for cells, says in (([("INV", {"A": 5, "Y": 3})], "nothing drives the net n5"), ([], "nothing drives the net q"),
                            ([("INV", {"A": 2, "Y": 3}), ("INV", {"A": 2, "Y": 3})], "two pins drive the net q"),
                            ([("AND", {"A": 2, "Y": 3})], "AND is no cell")):
            with self.assertRaisesRegex(ToolError, says):
                circuit_of(module([("a", "input", 2), ("q", "output", 3)], cells), KINDS, "top", BUFFER)
        with self.assertRaisesRegex(ToolError, "both called a_1"):
            circuit_of(module([("a[1]", "input", 2), ("a_1", "input", 3)], []), KINDS, "top", BUFFER)

    def test_spice(self):
        one = circuit_of(module([("a", "input", 2), ("q", "output", 3)], [("INV", {"A": 2, "Y": 3})]), KINDS, "top", BUFFER)
        text = netlists.spice(one, {"INV": ["gnd", "Y", "A", "vdd"]})
        self.assertIn(".subckt INV gnd Y A vdd\n.ends", text)
        self.assertIn("XINV_1 gnd q a vdd INV", text)
        self.assertIn(".subckt top vdd gnd a q", text)
        words = [f"net{place}" for place in range(60)]
        wrapped = netlists.wrapped(words)
        self.assertEqual(wrapped.replace("\n+", "").split(), words)
        self.assertTrue(all(line.startswith("+") for line in wrapped.splitlines()[1:]))


def design(net, cells, ports=()):
    return Placed((0, 0, 100, 100), dict(cells), dict(ports), {"n": net}, {})


# Two cells in a row, 10 um apart: the output of the first at x 3.4 to 3.8, the input of the second at x 14.2 to 14.6.
TWO = {"u1": ("CELL", 0.0, 0.0, "N"), "u2": ("CELL", 14.0, 0.0, "N")}
PINS = [("u1", "Y"), ("u2", "A")]


def by_pin(found, pin):
    """Ohms from the driver to a pin."""
    parents = {node: (parent, ohm) for node, parent, ohm in found.resistors}
    node, ohms = found.pins[pin], 0.0
    while node in parents:
        node, ohm = parents[node]
        ohms += ohm
    return ohms


class WiresTest(unittest.TestCase):
    def test_one_wire(self):
        """10.8 um of m1 from the middle of one pin to the middle of the other; what lies within the pins is wire, too."""
        found = extract(Net(PINS, [("m1", 3.6, 5.0, 14.4, 5.0, None)]), ("u1", "Y"), design(None, TWO), LEF)
        self.assertEqual((found.missed, found.loose_um), ([], 0.0))
        self.assertAlmostEqual(found.length_um, 10.8)
        self.assertAlmostEqual(found.total(), 10.8 * (0.3 * 3.8e-5 + 2 * 8e-5))
        # Between the points where wire and pins touch, and the two joints.
        self.assertAlmostEqual(by_pin(found, ("u2", "A")), 10.8 * 0.08 / 0.3 + 0.002, delta=0.15)

    def test_layers_and_vias(self):
        net = Net(PINS, [("m1", 3.6, 5.0, 6.0, 5.0, None), ("m2", 6.0, 5.0, 6.0, 9.0, None), ("m2", 6.0, 9.0, 14.4, 9.0, None),
                         ("m2", 14.4, 9.0, 14.4, 5.0, 0.6)], [("V", 6.0, 5.0), ("V", 14.4, 5.0)])
        found = extract(net, ("u1", "Y"), design(None, TWO), LEF)
        self.assertEqual(found.missed, [])
        narrow = 4.0 + 8.4
        self.assertAlmostEqual(found.total(), 2.4 * (0.3 * 3.8e-5 + 2 * 8e-5) + narrow * (0.3 * 1.9e-5 + 2 * 6e-5) +
                               4.0 * (0.6 * 1.9e-5 + 2 * 6e-5))
        self.assertAlmostEqual(by_pin(found, ("u2", "A")), 2.4 * 0.08 / 0.3 + narrow * 0.07 / 0.3 + 4 * 0.07 / 0.6, delta=0.2)

    def test_open(self):
        wire = ("m1", 3.6, 5.0, 14.4, 5.0, None)
        for wires, vias in (([], []), ([("m1", 3.6, 5.0, 13.8, 5.0, None)], []), ([("m2", *wire[1:])], []),
                            ([("m2", *wire[1:])], [("V", 3.6, 5.0)])):
            found = extract(Net(PINS, wires, vias), ("u1", "Y"), design(None, TWO), LEF)
            self.assertEqual(found.missed, [("u2", "A")])
        found = extract(Net(PINS, [wire, ("m1", 3.6, 20.0, 5.6, 20.0, None)]), ("u1", "Y"), design(None, TWO), LEF)
        self.assertEqual(found.missed, [])
        self.assertAlmostEqual(found.loose_um, 2.0)

    def test_how_metal_touches(self):
        """The ends of a router's wire reach half a width beyond its points; those of a special one do not."""
        for end, width, missed in ((14.04, None, True), (14.06, None, False), (14.19, 0.3, True), (14.2, 0.3, False)):
            net = Net(PINS, [("m1", 3.6, 5.0, end, 5.0, width)])
            found = extract(net, ("u1", "Y"), design(None, TWO), LEF)
            self.assertEqual(bool(found.missed), missed, (end, width))
        # A T, a cross, and a stub beside the end of a wire.
        for more in (("m1", 9.0, 5.0, 9.0, 9.0, None), ("m1", 9.0, 1.0, 9.0, 9.0, None), ("m1", 9.1, 5.1, 9.1, 9.0, 0.4)):
            found = extract(Net(PINS, [("m1", 3.6, 5.0, 14.4, 5.0, None), more]), ("u1", "Y"), design(None, TWO), LEF)
            self.assertEqual((found.missed, found.loose_um), ([], 0.0), more)

    def test_a_ring(self):
        """Its capacitance is that of all its wires; its tree is a tree."""
        net = Net(PINS, [("m1", 3.6, 5.0, 14.4, 5.0, None), ("m1", 6.0, 5.0, 6.0, 9.0, None), ("m1", 6.0, 9.0, 9.0, 9.0, None),
                         ("m1", 9.0, 9.0, 9.0, 5.0, None)])
        found = extract(net, ("u1", "Y"), design(None, TWO), LEF)
        self.assertAlmostEqual(found.length_um, 10.8 + 4 + 3 + 4)
        self.assertAlmostEqual(found.total(), 21.8 * (0.3 * 3.8e-5 + 2 * 8e-5))
        self.assertEqual(len({node for node, _, _ in found.resistors}), len(found.resistors))

    def test_orientations(self):
        rectangle = (0.2, 1.0, 0.6, 2.0)
        self.assertEqual(shape_of(CELL, ("CELL", 10.0, 20.0, "N"), rectangle), (10.2, 21.0, 10.6, 22.0))
        for orientation, box in (("FN", (13.4, 21.0, 13.8, 22.0)), ("FS", (10.2, 28.0, 10.6, 29.0)), ("S", (13.4, 28.0, 13.8, 29.0))):
            for one, other in zip(shape_of(CELL, ("CELL", 10.0, 20.0, orientation), rectangle), box):
                self.assertAlmostEqual(one, other)
        with self.assertRaisesRegex(ToolError, "orientation E"):
            shape_of(CELL, ("CELL", 0, 0, "E"), rectangle)

    def test_random_trees(self):
        """Wires on a grid from a port to many cells: all pins are reached, unless a wire is cut out."""
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        for _ in range(50):
            cells = {f"u{place}": ("CELL", 20.0 * place, 0.0, chance.choice(["N", "FN", "FS", "S"])) for place in range(1, 8)}
            pins, wires = [("PIN", "p")], [("m1", 0.0, 15.0, 200.0, 15.0, None)]
            for name, cell in cells.items():
                x0, y0, x1, y1 = shape_of(CELL, cell, CELL.pins["A"][0][1:])
                pins.append((name, "A"))
                wires.append(("m1", (x0 + x1) / 2, (y0 + y1) / 2, (x0 + x1) / 2, 15.0, None))
            chance.shuffle(wires)
            placed = design(None, cells, {"p": ("m1", 0.0, 15.0)})
            self.assertEqual(extract(Net(pins, wires), ("PIN", "p"), placed, LEF).missed, [])
            cut = chance.randrange(len(wires))
            self.assertTrue(extract(Net(pins, wires[:cut] + wires[cut + 1:]), ("PIN", "p"), placed, LEF).missed)

    def test_spef(self):
        net = extract(Net(PINS, [("m1", 3.6, 5.0, 14.4, 5.0, None)]), ("u1", "Y"), design(None, TWO), LEF)
        text = spef("top", {"n": net}, set(), {"n": ("u1", "Y")})
        self.assertIn(f"*D_NET n {net.total():.6g}\n", text)
        self.assertIn("*I u1:Y O\n*I u2:A I\n", text)
        ends = [line.split()[1:3] for line in text.split("*RES\n")[1].splitlines() if line[:1].isdecimal()]
        self.assertTrue({"u1:Y", "u2:A"} <= {end for pair in ends for end in pair})


DEF = """VERSION 5.6 ;
UNITS DISTANCE MICRONS 100 ;
DIEAREA ( -100 0 ) ( 2000 1000 ) ;
COMPONENTS 2 ;
- u1 CELL + PLACED ( 0 0 ) N ;
- FILL_1 FILL + PLACED ( 400 0 ) FS ;
END COMPONENTS
PINS 1 ;
- p + NET n
  + LAYER m2 ( -15 -15 ) ( 15 15 )
  + PLACED ( -50 500 ) N ;
END PINS
NETS 1 ;
- n
  ( PIN p ) ( u1 A )
+ ROUTED m1 ( 40 500 ) V
  NEW m2 ( 40 500 ) ( -50 * ) ( * 700 ) ;
END NETS
SPECIALNETS 2 ;
- n
+ ROUTED m1 40 ( 40 500 ) ( 60 * ) ;
- vdd
+ FIXED m1 40 ( 0 0 ) ( * * ) POST NEW m1 160 ( 0 0 ) ( * 900 )
 ;
END SPECIALNETS
END DESIGN
"""


class FilesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "file"

    def read(self, text):
        self.path.write_text(text)
        return read_placed(self.path, ("vdd",))

    def test_def(self):
        placed = self.read(DEF)
        self.assertEqual(placed.cells, {"u1": ("CELL", 0.0, 0.0, "N"), "FILL_1": ("FILL", 4.0, 0.0, "FS")})
        self.assertEqual(placed.ports, {"p": ("m2", -0.5, 5.0)})
        net = placed.nets["n"]
        self.assertEqual(net.pins, [("PIN", "p"), ("u1", "A")])
        self.assertEqual(net.wires, [("m2", 0.4, 5.0, -0.5, 5.0, None), ("m2", -0.5, 5.0, -0.5, 7.0, None),
                                     ("m1", 0.4, 5.0, 0.6, 5.0, 0.4)])
        self.assertEqual(net.vias, [("V", 0.4, 5.0)])
        self.assertEqual(placed.supplies["vdd"].wires, [("m1", 0.0, 0.0, 0.0, 9.0, 1.6)])

    def test_def_that_is_cut(self):
        """Wherever a file ends, it is no layout with fewer wires."""
        for end in range(0, len(DEF.rstrip()), 7):
            with self.assertRaises(ToolError):
                self.read(DEF[:end])
        with self.assertRaisesRegex(ToolError, "route of net n"):
            self.read(DEF.replace("( 40 500 ) V", "( 40 ) V"))
        with self.assertRaisesRegex(ToolError, "not placed: u1"):
            self.read(DEF.replace("u1 CELL + PLACED ( 0 0 ) N", "u1 CELL"))

    def test_lef_of_osu018(self):
        lef = read_lef(Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lef"))
        self.assertEqual(list(lef.layers), [f"metal{place}" for place in range(1, 7)])
        self.assertEqual(lef.layers["metal1"], M1)
        self.assertEqual(lef.layers["metal6"], Layer(0.5, 0.03, 3e-6, 2e-5))
        self.assertEqual(lef.vias["M3_M2"], {"metal2": 0.2, "metal3": 0.2})
        inverter = lef.macros["INVX1"]
        self.assertEqual((inverter.width, inverter.height), (1.6, 10.0))
        self.assertEqual(set(inverter.pins), {"A", "Y", "vdd", "gnd"})

    def test_lef_that_lacks_something(self):
        text = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lef").read_text()
        for cut, says in (("  RESISTANCE	RPERSQ 0.08 ;\n", "no RPERSQ"), ("EDGECAPACITANCE", "no EDGECAPACITANCE"), ("MACRO", "no routing layer, via or cell")):
            self.path.write_text(text.replace(cut, ""))
            with self.assertRaisesRegex(ToolError, says):
                read_lef(self.path)

    def test_pictures(self):
        placed = self.read(DEF)
        lef = Lef({"metal1": M1, "m1": M1, "m2": M2}, LEF.vias, LEF.macros)
        placed.nets["n"].wires.append(("metal1", 0.0, 5.0, 4.0, 5.0, None))
        boxes = picture.drawn(placed, lef, {"CELL"})
        self.assertEqual(boxes[0], ("flip_flop", 1.0, 0.0, 5.0, 10.0))
        self.assertEqual(len(boxes), 2)
        image = picture.png(placed, boxes)
        width, height = struct.unpack(">II", image[16:24])
        self.assertEqual((width, height), (1200, 571))
        size = struct.unpack(">I", image[33:37])[0]
        rows = zlib.decompress(image[41:41 + size])
        self.assertEqual(len(rows), height * (1 + 3 * width))
        middle = rows[(height // 4) * (1 + 3 * width) + 1:][3 * 200:3 * 201]
        self.assertEqual(tuple(middle), picture.FLIP_FLOP)
        self.assertIn('d="M10 0h40v100h-40z"', picture.svg(placed, boxes, "a"))


    def test_small_pieces(self):
        """A pad or a port with no wire on its layer gets a piece of wire; the file stays what it was else."""
        lef = Lef({"m1": M1, "m2": M2}, {"V": {"m1": 0.2, "m2": 0.2}}, LEF.macros)
        self.assertEqual(route.with_longer_pads(DEF, self.read(DEF), lef), (DEF, 0))
        bare = DEF.replace("+ ROUTED m1 ( 40 500 ) V\n  NEW m2 ( 40 500 ) ( -50 * ) ( * 700 ) ;", ";")
        text, count = route.with_longer_pads(bare, self.read(bare), lef)
        self.assertEqual(count, 1)
        self.assertIn("SPECIALNETS 3 ;\n- n\n+ ROUTED m2 40 ( -50 470 ) ( * 530 ) ;\n", text)
        self.assertEqual(self.read(text).nets["n"].wires[0], ("m2", -0.5, 4.7, -0.5, 5.3, 0.4))
        self.assertEqual(route.with_longer_pads(text, self.read(text), lef), (text, 0))
        without = bare[:bare.index("SPECIALNETS")] + "END DESIGN\n"
        text, count = route.with_longer_pads(without, self.read(without), lef)
        self.assertEqual(self.read(text).nets["n"].wires, [("m2", -0.5, 4.7, -0.5, 5.3, 0.4)])
        # Two vias on each other: the pad between them.
        self.assertEqual(route.small_pieces(Net([], [("m1", 0, 0, 5.0, 0, None)], [("V", 5.0, 0)]), Placed((), {}, {}, {}, {}), lef),
                         [("m2", 5.0, 0)])


    def test_idle_vias(self):
        """A via down to the cells that touches no pin and no wire there joins nothing, and goes; all else stays."""
        with mock.patch.object(route, "CELLS", "m1"):
            self.assertEqual(route.without_idle_vias(DEF, self.read(DEF), LEF), (DEF, 0))
            wire = "NEW m2 ( 40 500 ) ( -50 * ) ( * 700 ) ;"
            self.assertIn(wire, DEF)
            before = self.read(DEF).nets["n"]
            for more in (f"NEW m1 ( -50 700 ) V\n  {wire}", f"NEW m1 ( -50 700 ) V\n  NEW m1 ( -50 700 ) V\n  {wire}",
                         wire.replace(" ;", " V ;")):
                with_idle = DEF.replace(wire, more)
                self.assertEqual(route.idle_vias(self.read(with_idle).nets["n"], self.read(with_idle), LEF), {("V", -0.5, 7.0)})
                text, count = route.without_idle_vias(with_idle, self.read(with_idle), LEF)
                self.assertEqual((count, self.read(text).nets["n"]), (1, before))
                self.assertEqual(self.read(text).nets.keys(), self.read(DEF).nets.keys())
            first = DEF.replace("+ ROUTED m1 ( 40 500 ) V", "+ ROUTED m1 ( -50 700 ) V\n  NEW m1 ( 40 500 ) V")
            text, count = route.without_idle_vias(first, self.read(first), LEF)
            self.assertEqual((count, self.read(text).nets["n"]), (1, before))


class TableTest(unittest.TestCase):
    ONE = {"name": "one", "cells": 10, "cell_area": 120.0, "die": [-1.0, 0.0, 19.0, 10.0], "wire_um": 3000.0, "wire_pf": 0.5,
           "path_without_ns": 2.0, "path_ns": 3.0, "unrouted": 0, "nets": 12, "drc": 0, "lvs_nets": 14}
    OTHER = {**ONE, "name": "other", "cells": 8, "cell_area": 100.0, "die": [0.0, 0.0, 10.0, 10.0], "path_ns": 2.0}

    def test_ratios(self):
        text = table.markdown({"one": self.ONE, "other": self.OTHER}, {"one": "other", "other": "other"})
        self.assertTrue(text.startswith("**What the numbers are not.**"))
        for line in ("|  | `one` | over `other` | `other` |", "| cells | 10 | 1.250 | 8 |", "| area of the cells, um2 | 120 | 1.200 | 100 |",
                     "| die, um | 20 x 10 |  | 10 x 10 |", "| area of the die, um2 | 200 | 2.000 | 100 |",
                     "| length of the wires, mm | 3.0 | 1.000 | 3.0 |", "| path without wires, ns | 2.00 | 1.000 | 2.00 |",
                     "| path with wires, ns | 3.00 | 1.500 | 2.00 |", "| nets left unrouted | 0 of 12 |  | 0 of 12 |"):
            self.assertIn(line + "\n", text)

    def test_none_to_compare_with(self):
        text = table.markdown({"one": self.ONE}, {"one": "other"})
        self.assertIn("|  | `one` |\n", text)
        rows = table.flat({"one": self.ONE}, {"one": "other"})
        self.assertEqual((len(rows), len(rows[0]) == len(rows[1]), rows[1][:3]), (2, True, ["one", "10", ""]))


class SaidTest(unittest.TestCase):
    """What the logs of the tools say."""

    def test_router(self):
        route.check_router("x", "Progress\nFinal: No failed routes!\n")
        for log, says in (("", "did not come to its end"), ("Final: No failed routes!\nFinal: Failed net routes: 3\n",
                                                            "not all nets are routed: Failed net routes: 3")):
            with self.assertRaisesRegex(ToolError, says):
                route.check_router("x", log)
        self.assertEqual(route.remaining("Nets remaining: 12\nNets remaining: 9\n"), "9 nets to go in this pass")
        self.assertEqual(route.remaining(""), "")

    def test_placer(self):
        self.assertEqual(place.iterations("at 3 \n  0 \n  1   2   3 \n 4"), "annealing, iteration 4")
        self.assertEqual(place.iterations("nothing"), "")


if __name__ == "__main__":
    unittest.main()
