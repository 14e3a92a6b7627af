#!/usr/bin/env python3
"""Tests of scripts/bits: what the cells of a netlist do, that a netlist which is none of one clock is refused with a reason,
and the C++ of small ones."""

import itertools
import json
import random
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / folder) for folder in ("bits", "area")]
sys.dont_write_bytecode = True

import emit  # noqa: E402
import functions  # noqa: E402
import netlist  # noqa: E402
from netlist import STATE, NetlistError  # noqa: E402

CLOCK, RESET, A, B = 2, 3, 4, 5


def module(kinds, outputs):
    """A module with the ports clk, rst, a, b and y; kinds: (kind, pins) of each cell, or (kind, pins, parameters)."""
    ports = {name: {"direction": "input", "bits": [net]} for name, net in
             (("clk", CLOCK), ("rst", RESET), ("a", A), ("b", B))}
    ports["y"] = {"direction": "output", "bits": outputs}
    found = {}
    for number, (kind, pins, *parameters) in enumerate(kinds):
        found[f"c{number}"] = {"type": kind, "parameters": parameters[0] if parameters else {},
                               "connections": {pin: net if isinstance(net, list) else [net] for pin, net in pins.items()}}
    return {"modules": {"m": {"ports": ports, "cells": found, "netnames": {}}}}


def lut(table, inputs, output):
    """A lookup table: its last digit is the output where all inputs are 0, the one before where the first alone is 1."""
    return "$lut", {"A": inputs, "Y": output}, {"LUT": table}


def inverter(net, output):
    return lut("01", [net], output)


def both(nets, output):
    return lut("1000", nets, output)


def read(text):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(text, file)
        file.flush()
        return netlist.read(file.name)


def simulate(unit, inputs, state):
    """The outputs, and the state after an edge, by the trees alone; state: of each flip-flop."""
    values = {False: False, True: True}
    values.update({net: inputs[port] for port, nets in unit.inputs.items() for net in nets})

    def pins(cell):
        return {pin: values.get(net, False) for pin, net in cell.inputs.items()}

    def held(cell, value):
        known = pins(cell)
        if cell.state.clear is not None and functions.evaluate(cell.state.clear, known):
            return False
        return value or (cell.state.preset is not None and functions.evaluate(cell.state.preset, known))

    flipflops = unit.flipflops()
    for cell, value in zip(flipflops, state):
        for pin, net in cell.outputs.items():
            values[net] = functions.evaluate(cell.functions[pin], {STATE: held(cell, value)})
    for cell in unit.combinational():
        for pin, net in cell.outputs.items():
            values[net] = functions.evaluate(cell.functions[pin], pins(cell))
    after = [held(cell, functions.evaluate(cell.state.next, {**pins(cell), STATE: held(cell, value)}))
             for cell, value in zip(flipflops, state)]
    return [values[net] for net in unit.outputs["y"]], after


class Functions(unittest.TestCase):
    def test_tables(self):
        generator = random.Random(1)
        for count in range(1, 6):
            names = tuple(f"A{i}" for i in range(count))
            size = 1 << count
            tables = range(1 << size) if size <= 8 else [generator.getrandbits(size) for _ in range(200)]
            for table in tables:
                tree = netlist.table_tree(table, names)
                rows = [dict(zip(names, (bool(row >> i & 1) for i in range(count)))) for row in range(size)]
                self.assertEqual([int(functions.evaluate(tree, row)) for row in rows],
                                 [table >> row & 1 for row in range(size)])

    def test_flip_flops(self):
        # (kind, pins): the state after an edge from a state of 0, and from 1, with D = 1.
        cases = [("$_DFF_P_", {}, (1, 1)), ("$_DFFE_PP_", {"E": 1}, (1, 1)), ("$_DFFE_PP_", {"E": 0}, (0, 1)),
                 ("$_DFFE_PN_", {"E": 0}, (1, 1)), ("$_SDFF_PP0_", {"R": 1}, (0, 0)), ("$_SDFF_PN1_", {"R": 1}, (1, 1)),
                 ("$_SDFFE_PP0P_", {"R": 1, "E": 0}, (0, 0)), ("$_SDFFCE_PP0P_", {"R": 1, "E": 0}, (0, 1)),
                 ("$_SDFFCE_PP0P_", {"R": 1, "E": 1}, (0, 0)), ("$_SDFFCE_PN1N_", {"R": 0, "E": 0}, (1, 1))]
        for kind, pins, after in cases:
            state = netlist.flip_flop(kind).state
            self.assertIsNone(state.clear)
            self.assertIsNone(state.preset)
            for before in (0, 1):
                values = {"D": True, STATE: bool(before), **{pin: bool(value) for pin, value in pins.items()}}
                self.assertEqual(functions.evaluate(state.next, values), bool(after[before]), (kind, pins, before))
        for kind, active, value in (("$_DFF_PN0_", False, 0), ("$_DFFE_PP1P_", True, 1)):
            state = netlist.flip_flop(kind).state
            tree = state.preset if value else state.clear
            self.assertIsNone(state.clear if value else state.preset)
            self.assertEqual([functions.evaluate(tree, {"R": r}) for r in (False, True)], [not active, active])


class Refused(unittest.TestCase):
    def refused(self, kinds, outputs, reason):
        with self.assertRaisesRegex(NetlistError, reason):
            read(module(kinds, outputs))

    def test_reasons(self):
        self.refused([("$_DLATCH_P_", {"D": A, "E": B, "Q": 9})], [9], "no cell is known of the kind")
        self.refused([("$add", {"A": A, "B": B, "Y": 9})], [9], "no cell is known of the kind")
        self.refused([both([A, 8], 9)], [9], "nothing drives net 8")
        self.refused([("$_DFFE_PP_", {"C": CLOCK, "D": A, "Q": 9})], [9], "nothing is connected to the pin E")
        self.refused([inverter(A, 9), inverter(B, 9)], [9], "has another driver")
        self.refused([inverter(A, B)], [B], "has another driver")
        self.refused([both([A, 10], 9), inverter(9, 10)], [9], "a loop of gates")
        self.refused([inverter(9, 9)], [9], "a loop of gates")
        self.refused([("$_DFF_N_", {"C": CLOCK, "D": A, "Q": 9})], [9], "falling edge")
        self.refused([("$_DFF_P_", {"C": CLOCK, "D": A, "Q": 9}), ("$_DFF_P_", {"C": B, "D": A, "Q": 10})], [9, 10],
                     "a clock of its own")
        self.refused([inverter(CLOCK, 8), ("$_DFF_P_", {"C": 8, "D": A, "Q": 9})], [9], "is no input port")
        self.refused([inverter(RESET, 8), ("$_DFF_PP0_", {"C": CLOCK, "D": A, "R": 8, "Q": 9})], [9],
                     "is no input port")
        self.refused([both([A, "x"], 9)], [9], "c0: the pin A1 is tied to x")
        self.refused([], ["x"], "the port y is tied to x")
        with self.assertRaisesRegex(NetlistError, "2 modules"):
            two = module([], [A])
            two["modules"]["n"] = two["modules"]["m"]
            read(two)


COUNTER = [inverter(9, 10), lut("01101010", [9, 11, A], 12),
           ("$_DFFE_PN0P_", {"C": CLOCK, "R": RESET, "E": A, "D": 10, "Q": 9}),
           ("$_SDFFCE_PN1P_", {"C": CLOCK, "R": B, "E": A, "D": 12, "Q": 11})]


class Emitted(unittest.TestCase):
    def test_same_values(self):
        """The C++ of every target, as Python reads it, computes what the trees do."""
        unit = read(module(COUNTER, [9, 11, 12, "1"]))
        for target in emit.TARGETS:
            lines = emit.Writer(unit, target).lines(True)
            for bits in itertools.product((0, 1), repeat=5):
                names = dict(zip(("rst", "a", "b"), map(bool, bits)))
                state = [bool(bits[3]), bool(bits[4])]
                expected = simulate(unit, {"clk": False, **names}, state)
                port = [[0], [bits[0]], [bits[1]], [bits[2]]]
                out, after = self.run_lines(lines, port, bits[3:])
                self.assertEqual(([bool(bit) for bit in out], [bool(bit) for bit in after]), expected, (target.name, bits))

    @staticmethod
    def run_lines(lines, port, state):
        scope = {"port": port, "state": list(state), "out": [0] * 4, "next": [0] * 2, "zero": 0, "ones": -1,
                 "ternary": lambda table: lambda a, b, c: table >> ((a & 1) * 4 + (b & 1) * 2 + (c & 1)) & 1}
        for line in lines:
            text = line.strip().rstrip(";").removeprefix("const Vector ")
            exec(text.replace("ternary<", "ternary(").replace(">(", ")("), scope)
        return [bit & 1 for bit in scope["out"]], [bit & 1 for bit in scope["next"]]

    def test_source(self):
        text = emit.source("small", read(module(COUNTER, [9])))
        self.assertIn('k_registration("small", netlist)', text)
        self.assertIn('{"rst", 1}', text)
        for target in emit.TARGETS:
            self.assertIn(f"{target.name}::clock", text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "--quiet"] if len(sys.argv) == 1 else sys.argv)
