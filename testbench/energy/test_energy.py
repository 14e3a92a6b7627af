#!/usr/bin/env python3
"""Tests of scripts/energy and of the counter, on cells whose energy is computed by hand.

usage: testbench/energy/test_energy.py [--seed N]
"""

import argparse
import itertools
import random
import re
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
import hand  # noqa: E402
from hand import HEAD, LIBRARY, ROOT, netlist_of, read, spend  # noqa: E402

sys.path.insert(0, str(ROOT / "testbench" / "faults"))
import activity as counting  # noqa: E402
import area  # noqa: E402
import circuit as circuits  # noqa: E402
import compose  # noqa: E402
import functions  # noqa: E402
import glitches  # noqa: E402
import measure  # noqa: E402
from liberty import LibertyError  # noqa: E402
from netlist import Pin  # noqa: E402
from power import CellPower, Table, supply, units_of, wire_capacitance  # noqa: E402
from tables import read_library  # noqa: E402
from test_faults import Machine, random_netlist  # noqa: E402
from tools import ToolError  # noqa: E402
from transitions import Pins  # noqa: E402

OPTIONS = SimpleNamespace(seed=1)
WITHIN = 0.01


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)

    def close(self, found, expected):
        self.assertLessEqual(abs(found - expected), WITHIN * abs(expected) + 1e-12, f"{found} is not {expected}")


class ByHand(WithFolder):
    """Supply 2 V: a toggle of C pF takes half of C * 4, 2 C pJ."""

    def inverter(self, text=LIBRARY):
        """An inverter that drives three others, four toggles of its input: 0 1 0 1 0."""
        library = read(text, self.work)
        cells = {"u": ("INV", {"A": "a", "Y": "y"}), **{name: ("INV", {"A": "y"}) for name in ("v", "w", "x")}}
        netlist = netlist_of(library, cells, ["a"], ["y"])
        steps = [({"a": bit}, {"y_o": not bit}) for bit in (0, 1, 0, 1, 0)]
        return spend(library, netlist, steps, self.work, {"u/A": (0.2, 0.1), **{f"{name}/A": (0.1, 0.1) for name in "vwx"}})

    def check_inverter(self, spent):
        # u/Y drives three inputs of 0.01 pF: 4 toggles * 2 * 0.03. The port a drives one: 4 * 2 * 0.01.
        self.close(spent.energy["u", "switching"], 0.24)
        self.close(spent.energy["", "switching"], 0.08)
        # Internal, load 0.03, halfway between 0.01 and 0.05. The output rises twice as the input falls with a slew of 0.2,
        # halfway between 0.1 and 0.3: mean of 1 2 3 4 fJ, 2.5. It falls twice as the input rises with 0.1: mean of 0.5 and 1.
        self.close(spent.energy["u", "internal"], 2 * 0.0025 + 2 * 0.00075)
        # The others have no load, which is read as 0.01: rises take 1 fJ, falls 0.5 fJ, two of each.
        self.close(spent.energy["v", "internal"], 2 * 0.001 + 2 * 0.0005)
        # After the four transitions u's input is 1, 0, 1, 0: half of 3 nW and half of 1 nW.
        self.close(spent.leakage["u"], 2e-6)

    def test_inverter(self):
        self.check_inverter(self.inverter()[0])

    def test_inverter_in_other_units(self):
        def scaled(text, factor):
            return re.sub(r"(?<![\w.])\d+\.\d+(?:e-?\d+)?", lambda number: f"{float(number[0]) * factor:.9g}", text)

        # Capacitances in units of 10 fF and voltages of 100 mV: energies in units of 0.1 fJ. Leakage in pW, times in 10 ps.
        text = LIBRARY.replace('"1V"', '"100mV"').replace("nom_voltage : 2.0", "nom_voltage : 20").replace("(1, pf)", "(10, ff)")
        text = text.replace('"1nW"', '"1pW"').replace('"1ns"', '"10ps"')
        text = re.sub(r"(\b(?:rise_|fall_|max_)?capacitance) : ([\d.]+)", lambda m: f"{m[1]} : {float(m[2]) * 100:g}", text)
        text = re.sub(r'index_1 \("([^"]*)"\)', lambda m: f'index_1 ("{scaled(m[1], 100)}")', text)
        text = re.sub(r'index_2 \("([^"]*)"\)', lambda m: f'index_2 ("{scaled(m[1], 100)}")', text)
        text = re.sub(r'(_power \(\w+\) { values \()([^)]*)', lambda m: m[1] + scaled(m[2], 1e4), text)
        text = re.sub(r"value : (\d+)", lambda m: f"value : {int(m[1]) * 1000}", text)
        self.check_inverter(self.inverter(text)[0])

    def test_inverter_with_a_wire_load(self):
        text = LIBRARY.replace(HEAD, HEAD + """  wire_load ("w") { capacitance : 0.001; resistance : 0; slope : 2;
            fanout_length (1, 5); fanout_length (3, 10); }  default_wire_load : "w";\n""")
        spent = self.inverter(text)[0]
        # Four sinks, three pins and the port: 10 + 2 of length, 0.012 pF more. The wire to u: 5 of length.
        self.close(spent.energy["u", "switching"], 4 * 2 * 0.042)
        self.close(spent.energy["", "switching"], 4 * 2 * 0.015)

    def xor(self, constant):
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("XOR2", {"A": "a", "B": constant, "Y": "y"}), "v": ("INV", {"A": "y"})}, ["a"], ["y"])
        return spend(library, netlist, [({"a": bit}, {"y_o": bit != constant}) for bit in (0, 1, 0, 1)], self.work)[0]

    def test_xor_with_a_constant_input(self):
        # Three toggles. a sees (0.01 + 0.03) / 2 pF, y one inverter. B = 1: the output falls, rises, falls, by the groups of
        # `when B`. B = 0: rises, falls, rises, by those of `when !B`. The group without `when` never holds.
        for constant, internal in ((True, 0.006 + 0.010 + 0.006), (False, 0.004 + 0.002 + 0.004)):
            with self.subTest(constant=constant):
                spent = self.xor(constant)
                self.close(spent.energy["u", "internal"], internal)
                self.close(spent.energy["u", "switching"], 3 * 2 * 0.01)
                self.close(spent.energy["", "switching"], 3 * 2 * 0.02)
                self.close(spent.leakage["u"], 5e-6)

    def test_xor_with_two_inputs_that_change(self):
        # (0,0) (1,1) (0,1) (1,0). 1: no output. 2: A falls, B = 1, output rises: 0.010. 3: A rises and B falls, the output
        # stays. B's own energy: 1. it rises with A = 1 afterwards: none. 3. falls, A = 1: none. Then (1,0) to (0,1) to (0,0):
        # 4. none of the output; B rises, A = 0: 0.0001. 5. B falls, output falls: 0.008, and 0.0001.
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("XOR2", {"A": "a", "B": "b", "Y": "y"})}, ["a", "b"], ["y"])
        steps = [({"a": a, "b": b}, {"y_o": a != b}) for a, b in ((0, 0), (1, 1), (0, 1), (1, 0), (0, 1), (0, 0))]
        spent = spend(library, netlist, steps, self.work)[0]
        self.close(spent.energy["u", "internal"], 0.010 + 0.0001 + 0.008 + 0.0001)

    def test_nand_whose_inputs_change_together(self):
        # Both inputs rise, the output falls: half of 0.002 from A and half of 0.004 from B. Both fall: half of 0.001 and 0.003.
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("NAND2", {"A": "a", "B": "b", "Y": "y"})}, ["a", "b"], ["y"])
        steps = [({"a": bit, "b": bit}, {"y_o": not bit}) for bit in (0, 1, 0)]
        self.close(spend(library, netlist, steps, self.work)[0].energy["u", "internal"], 0.003 + 0.002)

    def test_flip_flop(self):
        # Data of the clocks 0 to 4: 1 1 0 0 1; contents 0 1 1 0 0. Four clocks are counted, each from an edge on.
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("DFF", {"CK": "clk", "D": "d", "RN": "rn", "Q": "q"}), "v": ("INV", {"A": "q"})},
                             ["clk", "d", "rn"], ["q"])
        steps = [({"d": d}, {"q_o": q}) for d, q in ((1, 0), (1, 1), (0, 1), (0, 0), (1, 0))]
        spent = spend(library, netlist, steps, self.work, {"u/CK": (0.1, 0.2)})[0]
        # Rising edges with D Q of 10 11 01 00: `when D * Q` once, at a slew of 0.2: mean of 1 and 3 fJ; the others 5 fJ.
        # Falling edges, Q after the edge 1 1 0 0, D before or after it 11 10 00 01, half each: D Q are 11 11, 11 01, 00 00,
        # 00 10: 3 halves of 2 fJ (slew 0.1), 5 halves of 7 fJ. The clock's net: 8 toggles of 0.01 pF.
        rises, falls = 0.002 + 3 * 0.005, 1.5 * 0.002 + 2.5 * 0.007
        self.close(spent.energy["u", "clock"], rises + falls + 8 * 2 * 0.01)
        # Q rises once and falls once. D falls once and rises once, half of it with the clock at 1: (4 + 8 + 2 + 6) / 2 fJ.
        self.close(spent.energy["u", "internal"], 0.020 + 0.030 + 0.010)
        self.close(spent.energy["u", "switching"], 2 * 2 * 0.01)
        self.close(spent.energy["", "switching"], 2 * 2 * 0.01)
        self.close(spent.leakage["u"], 7e-6)

    def test_changes_without_a_rule_are_told(self):
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("BUF", {"A": "a", "Y": "y"}), "v": ("INV", {"A": "a", "Y": "z"})}, ["a"], ["y", "z"])
        spent = spend(library, netlist, [({"a": bit}, {"y_o": bit}) for bit in (0, 1)], self.work)[0]
        self.assertEqual([spent.untold, spent.outputs], [1, 2])
        units = units_of(library)
        told = {name: CellPower(library.cells[name], units).says_leakage for name in ("BUF", "INV")}
        self.assertEqual(told, {"BUF": False, "INV": True})

    def test_several_supply_pins_are_added_up(self):
        both = "".join(f'internal_power () {{ related_pin : "A"; related_pg_pin : {pin}; power (scalar) {{ values ("{value}"); }} }}'
                       for pin, value in (("VDD", 0.001), ("VSS", 0.002)))
        library = read(LIBRARY.replace(hand.power('"0.001, 0.002", "0.003, 0.004"', '"0.0005, 0.001", "0.0015, 0.002"', "A",
                                                  table="by_both"), both), self.work)
        netlist = netlist_of(library, {"u": ("INV", {"A": "a", "Y": "y"})}, ["a"], ["y"])
        spent = spend(library, netlist, [({"a": bit}, {"y_o": not bit}) for bit in (0, 1)], self.work)[0]
        self.close(spent.energy["u", "internal"], 0.003)


class Tables(WithFolder):
    def test_ends_of_the_axes(self):
        library = read(LIBRARY, self.work)
        group = library.cells["INV"].group.all("pin")[1].all("internal_power")[0].all("rise_power")[0]
        table = Table(group, {t.name: t for t in library.groups[0].all("power_lut_template")}, units_of(library))
        for slew, load, expected in ((0.0, 0.0, 0.001), (9, 0, 0.003), (0, 9, 0.002), (9, 9, 0.004), (0.15, 0.02, 0.00175)):
            self.close(table.at(slew, load), expected)

    def refused(self, old, new, message, use=lambda library: None):
        self.assertIn(old, LIBRARY)
        library = read(LIBRARY.replace(old, new, 1), self.work)
        with self.assertRaisesRegex(LibertyError, message) as caught:
            units = units_of(library)
            supply(library, units)
            wire_capacitance(library, units)
            for cell in library.used:
                CellPower(cell, units)
        self.assertIn("hand.lib", str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_what_is_refused(self):
        self.refused("nom_voltage : 2.0;", "", "neither nom_voltage")
        self.refused("nom_voltage : 2.0;", "nom_voltage : -2.0;", "a supply of -2")
        self.refused('"1nW"', '"1nV"', "leakage_power_unit is '1nV'")
        self.refused('"1nW"', '"-1nW"', "leakage_power_unit is '-1nW'")
        self.refused('voltage_unit : "1V"', 'voltage_unit : "V"', "voltage_unit is 'V'")
        self.refused('when : "!A"; value : 1', 'when : "!C"; value : 1', "names C, which is no pin of it")
        self.refused('when : "!A"; value : 1', 'when : "!(A"; value : 1', "cannot be read")
        self.refused('when : "!A"; value : 1', 'when : "!A"', "has no value")
        self.refused('"0.001, 0.002", "0.003, 0.004"', '"0.001, 0.002"', "has 2 values, not 4")
        self.refused('"0.001, 0.002", "0.003, 0.004"', '"0.001, nan", "0.003, 0.004"', "not a list of numbers")
        self.refused("rise_power (by_both)", "rise_power (by_none)", "a template by_none")
        self.refused("variable_1 : input_transition_time; variable_2", "variable_1 : temperature; variable_2", "depends on temperature")
        self.refused('internal_power () { related_pin : "A";', 'internal_power () { related_pin : "C";', "related to C")


class Counting(WithFolder):
    def test_random_circuits_by_brute_force(self):
        draw = random.Random(OPTIONS.seed)
        moved = 0
        for _ in range(12):
            flip_flops = draw.randint(1, 4)
            netlist = random_netlist(draw, 3, draw.randint(3, 20), flip_flops)
            held = {f"f{n}": False for n in range(flip_flops)}
            steps, seen, before = [], {name: Counter() for name in netlist.cells}, None
            for number in range(12):
                inputs = {pin.name: draw.random() < 0.5 for pin in netlist.inputs}
                inputs.update(clk=True, rst=number > 0)
                machine = Machine(netlist)
                values = machine.settle(inputs, held)
                after = {}
                for name, cell in netlist.cells.items():
                    bits = [values[Pin(name, pin)] for pin in Pins(cell).inputs]
                    if cell.state:
                        read_values = {pin: values[Pin(name, pin)] for pin in cell.inputs}
                        bits.append(machine.kept(cell, read_values, held[name]))
                    after[name] = sum(bit << place for place, bit in enumerate(bits))
                    if before:
                        seen[name][before[name] + (after[name] << len(bits))] += 1
                steps.append((inputs, {pin.name: values[pin] for pin in netlist.outputs}))
                before = after
                held = machine.step(inputs, held, True)[1]
            counting.write_netlist(netlist, circuits.circuit_of(netlist), self.work)
            lines = ["in " + " ".join(pin.name for pin in netlist.inputs), "out " + " ".join(pin.name for pin in netlist.outputs)]
            for given, shown in steps:
                lines.append(f"clock {''.join(str(int(given[pin.name])) for pin in netlist.inputs)} "
                             + "".join(str(int(shown[pin.name])) for pin in netlist.outputs))
            (self.work / "trace.txt").write_text("\n".join([*lines, ""]))
            counted = counting.count(netlist, self.work, ["--trace", str(self.work / "trace.txt")])
            self.assertEqual({name: dict(pairs) for name, pairs in counted.transitions.items()},
                             {name: dict(pairs) for name, pairs in seen.items()})
            moved += sum(len(pairs) for pairs in seen.values())
        self.assertGreater(moved, 300)

    def run_program(self, *arguments):
        done = subprocess.run([str(counting.PROGRAM), *map(str, arguments)], capture_output=True, text=True)
        return done.returncode, done.stderr

    def test_bad_files_and_a_wrong_netlist(self):
        library = read(LIBRARY, self.work)
        netlist = netlist_of(library, {"u": ("INV", {"A": "a", "Y": "y"})}, ["a"], ["y"])
        with self.assertRaisesRegex(ToolError, "counting activity: the circuit differs from the trace at step 0"):
            spend(library, netlist, [({"a": 1}, {"y_o": 1})], self.work)
        with self.assertRaisesRegex(LibertyError, "counting activity: none.npy: "):
            counting.count(netlist, self.work, ["--format", "if4", "--acts", "none.npy", "--weights", "none.npy"])
        circuit, cells = self.work / "circuit.txt", self.work / "cells.txt"
        for text, message in (("cells 2\n", "cells.txt:1: "), ("cells 1\ncell 9999\nend 1\n", "cells.txt:2: .*no node 9999"),
                              ("cells 1\ncell\nend 1\n", "cells.txt:2: "), ("cells 1\n", "without an end"),
                              ("cells 1\nend 1\n", "cells are missing")):
            cells.write_text(text)
            code, said = self.run_program(circuit, cells, "--format", "if4", "--random", 1)
            self.assertEqual(code, 2, said)
            self.assertRegex(said, message)
            self.assertEqual(said.count("\n"), 1)
        cells.write_text("cells 1\nend 0\n")
        for arguments, message in ((["--format", "if4", "--random", 1], "no port clk_i"), (["--format", "mxfp4"], "--format"),
                                   (["--format", "if5"], "if5"), (["--beats", "x"], "--beats"), (["--what", "1"], "--what")):
            code, said = self.run_program(circuit, cells, *arguments)
            self.assertEqual(code, 2, said)
            self.assertIn(message, said)


SDF = """(DELAYFILE (CELL (CELLTYPE "top") (INSTANCE) (DELAY (ABSOLUTE (INTERCONNECT a u/A (0.5::0.5)))))
 (CELL (CELLTYPE "INV") (INSTANCE u) (DELAY (ABSOLUTE (IOPATH A Y (0.10::0.20) (0.05::0.30)))))
 (CELL (CELLTYPE "XOR2") (INSTANCE x) (DELAY (ABSOLUTE (IOPATH A Y (0.1::0.1) (0.2::0.2)) (IOPATH (posedge B) Y (0.3::0.3)))))
 (CELL (CELLTYPE "DFF") (INSTANCE f) (DELAY (ABSOLUTE (IOPATH CK Q (0.4::0.4) (0.5::0.5)) (IOPATH RN Q () (0.9::0.9))))))"""


class Glitches(WithFolder):
    def test_delays_of_sdf(self):
        library = read(LIBRARY, self.work)
        cells = {"u": library.cells["INV"], "x": library.cells["XOR2"], "f": library.cells["DFF"]}
        self.assertEqual(glitches.delays_of(SDF, cells), {("u", "Y"): (200, 300), ("x", "Y"): (200, 250), ("f", "Q"): (400, 500)})

    def test_a_pulse_is_counted_unless_it_is_swallowed(self):
        """An XOR of a net and, some gates later, its inverse of the same clock: 1 in every clock, with a pulse at each change."""
        library = read(LIBRARY, self.work)
        cells = {"u": ("INV", {"A": "a", "Y": "b"}), "x": ("XOR2", {"A": "a", "B": "b", "Y": "y"}),
                 "f": ("DFF", {"CK": "clk_i", "D": "a", "RN": True, "Q": "q"})}
        netlist = netlist_of(library, cells, ["clk_i", "a"], ["y", "q"])
        numbers = {net: number for number, net in enumerate(netlist.drivers)}
        rows = [f"{int(place > 1)} 1{place % 2} 1{(place + 1) % 2 if place else 0}" for place in range(6)]
        (self.work / "vectors.memb").write_text("\n".join(row.replace(" ", "_") for row in rows) + "\n")
        for late, pulses in ((900, 1), (100, 0)):
            delays = {("u", "Y"): (late, late), ("x", "Y"): (500, 500), ("f", "Q"): (50, 50)}
            text = glitches.bench_text(netlist, delays, numbers, netlist.nets[Pin("", "clk_i")], len(rows), self.work / "vectors.memb")
            counted = glitches.simulate(text, self.work, "pulses")
            found = glitches.judged(counted, numbers, netlist.nets[Pin("", "clk_i")], {net: 1.0 for net in numbers}, "pulses", 4)
            # Each clock changes a, b and q, and y twice where the pulse is longer than its gate.
            self.close(found["toggles"], (3 + 2 * pulses) / 3)

    def test_a_run_that_is_wrong_or_cut_is_no_result(self):
        good = "wrong 0\nnet 3 2\nnet 8 8\nend\n"
        self.close(glitches.judged(good, {7: 0, 8: 1}, 8, {7: 1.0, 8: 1.0}, "x", 4)["toggles"], 1.5)
        for text in (good.replace("wrong 0", "wrong 1"), good.replace("end\n", ""), good.replace("net 3 2\n", ""),
                     good.replace("3 2", "1 2"), good.replace("3 2", "0 0")):
            with self.assertRaises(ToolError):
                glitches.judged(text, {7: 0, 8: 1}, 8, {7: 1.0, 8: 1.0}, "x", 4)


class Composing(unittest.TestCase):
    def test_an_array_of_parts(self):
        """3 rows, 2 columns, each part with a number of its own; by hand."""
        def one(value):
            return {part: value for part in compose.PARTS}

        parts = {"cell": one(1000), "output": one(100), "result": one(10), "around": one(1),
                 "edges": {"row": {"first": one(0.1), "skew": one(0.01)}, "col": {"first": one(0.001), "skew": one(0.0001)}}}
        # 6 cells, 2 outputs with half a result, 3 + 2 sides; rows 3 edges and 0 + 1 + 2 skews, columns 2 edges and 0 + 1.
        self.assertAlmostEqual(compose.total(parts, 3, 2, 0.5)["clock"], 6000 + 200 + 10 + 5 + 0.3 + 0.03 + 0.002 + 0.0001)
        found = compose.composed({"Format": 0, "Rows": 3, "Cols": 2}, parts, 100.0, 6)
        still = 6000 + 200 + 5 + 0.3 + 0.03 + 0.002 + 0.0001
        for name, expected in (("idle_pj", still), ("beat_pj", 3 * still), ("tile_pj", 6 * 3 * 10), ("busy_pj", 3 * still + 2 * 3 * 10 / 2)):
            self.assertAlmostEqual(found[name], expected, msg=name)
        # Leakage in mW at 100 MHz is 10 pJ a clock for each.
        self.assertAlmostEqual(found["pj_per_mac"], (3 * still + 30 + 10 * still) / (6 * 16))
        # 50 clocks at 100 MHz, 30 of them beats of 5 tiles.
        self.assertAlmostEqual(compose.run_pj(found, 50, 30, 5, 0.5e-6), 30 * 3 * still + 20 * still + 5 * 180 + 50 * 10 * still)
        shared = compose.composed({"Format": 0, "Rows": 3, "Cols": 2, "SharedOutput": 1}, parts, 100.0, 6)
        self.assertAlmostEqual(found["idle_pj"] - shared["idle_pj"], 100)


def sums_of_products(text):
    """A library whose functions are all written as sums of products."""
    def spelled(match):
        tree = functions.parse(match[1])
        names = sorted(functions.names(tree))
        terms = ["(" + "&".join(name if bit else f"!{name}" for name, bit in zip(names, bits)) + ")"
                 for bits in itertools.product((False, True), repeat=len(names))
                 if functions.evaluate(tree, dict(zip(names, bits)))]
        return f'function : "{" | ".join(terms)}"'

    return re.sub(r'\bfunction : "([^"]*)"', spelled, text)


class Spelling(WithFolder):
    def test_two_spellings_of_one_library(self):
        """The smallest unit through the whole flow, twice, and a netlist that is wrong."""
        original = area.default_liberty()
        other = self.work / "spelled_otherwise.lib"
        text = original.read_text()
        other.write_text(sums_of_products(text))
        self.assertGreater(other.read_text().count("|"), text.count("|") + 20)
        config = next(config for config in area.CONFIGS if config.name == "nvfp4_iterative")
        libraries = [read_library(original), read_library(other)]
        self.addCleanup(measure.remove, measure.result_folder(config.design, libraries[1]).parent)
        found = [measure.measure(config, library, operands=measure.Operands(seed=3)) for library in libraries]
        self.assertGreater(found[0]["pj_per_mac"], 0)
        for name in ("pj_per_mac", "milliwatt", "leakage_milliwatt"):
            self.assertLessEqual(abs(found[1][name] / found[0][name] - 1), 1e-3, f"{name}: {found[0][name]}, {found[1][name]}")
        self.assertNotEqual(*(measure.library_digest(library) for library in libraries))
        self.assertEqual(measure.kept(config, libraries[0], measure.Operands(seed=3)), found[0])
        self.assertIsNone(measure.kept(config, libraries[0], measure.Operands(seed=4)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    args = parser.parse_args()
    OPTIONS.seed = args.seed
    print(f"seed {args.seed}", flush=True)
    unittest.main(argv=sys.argv[:1])
