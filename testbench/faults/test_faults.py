#!/usr/bin/env python3
"""Tests of scripts/faults and of the fault simulator, by brute force on small circuits.

usage: testbench/faults/test_faults.py PROGRAM [--seed N]

PROGRAM is fault_check. What a fault does is found here by evaluating the cells' functions pin by pin, without any code of
the fault list, of the lowering to gates or of the simulator.
"""

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("faults", "area")]
import area  # noqa: E402
import circuit as circuits  # noqa: E402
import modules  # noqa: E402
from collapse import Fault, FaultList  # noqa: E402
from netlist import PORT, Cell, Netlist, Pin, functions  # noqa: E402
from proofs import PROVEN, Prover  # noqa: E402
from tables import read_library  # noqa: E402

OPTIONS = SimpleNamespace(program="", seed=1)
CELLS = modules.generic_cells()


def gate(text, outputs=("Y",)):
    """A combinational cell with a function, or several, of its inputs."""
    trees = dict(zip(outputs, map(functions.parse, [text] if isinstance(text, str) else text)))
    inputs = sorted(set().union(*map(functions.names, trees.values())))
    return Cell(str(text), None, None, 0.0, inputs, trees)


COMPLEX = [gate(text) for text in ("!((A&B)|C)", "!((A|B)&C)", "!((A&B)|(C&D))", "(A&B)|(B&C)|(A&C)", "A^B^C", "!(A&B&C)",
                                   "(A&!B)|(A&B)", "A|!A")]
COMPLEX.append(gate(("A^B", "A&B"), ("S", "C")))  # a half adder: two outputs


class Machine:
    """A netlist with at most one stuck pin."""

    def __init__(self, netlist, fault=None):
        self.netlist, self.fault = netlist, fault

    def seen(self, pin, value):
        return self.fault.value if self.fault and self.fault.pin == pin else value

    def settle(self, inputs, held):
        """The values of all pins, by repetition until nothing changes."""
        nets = {False: False, True: True}
        for pin in self.netlist.inputs:
            nets[self.netlist.nets[pin]] = self.seen(pin, inputs[pin.name])
        while True:
            before = dict(nets)
            values = {pin: self.seen(pin, nets.get(net, False)) for pin, net in self.netlist.nets.items()
                      if not self.netlist.drives(pin)}
            for name, cell in self.netlist.cells.items():
                read = {pin: values[Pin(name, pin)] for pin in cell.inputs}
                if cell.state:
                    read["IQ"] = self.kept(cell, read, held[name])
                for output, tree in cell.outputs.items():
                    pin = Pin(name, output)
                    if pin in self.netlist.nets:
                        nets[self.netlist.nets[pin]] = self.seen(pin, functions.evaluate(tree, read))
            if nets == before:
                return values

    @staticmethod
    def kept(cell, read, value):
        if "clear" in cell.controls and functions.evaluate(cell.controls["clear"], read):
            return False
        return value or ("preset" in cell.controls and functions.evaluate(cell.controls["preset"], read))

    def step(self, inputs, held, edge):
        """(outputs, what the flip-flops hold after it)."""
        values = self.settle(inputs, held)
        after = {}
        for name, cell in self.netlist.cells.items():
            if cell.state:
                read = {pin: values[Pin(name, pin)] for pin in cell.inputs}
                ticks = edge and not (self.fault and self.fault.pin in (Pin(name, "C"), Pin(PORT, "clk")))
                after[name] = self.kept(cell, read, read["D"] if ticks else held[name])
        return tuple(values[pin] for pin in self.netlist.outputs), after


def random_netlist(draw, inputs, gates, flip_flops=0):
    """A netlist without loops but through flip-flops; what nothing reads becomes an output."""
    netlist = Netlist()
    count = itertools.count(2)

    def drive(pin):
        netlist.nets[pin] = next(count)
        return netlist.nets[pin]

    names = [f"i{n}" for n in range(inputs)] + (["clk", "rst"] if flip_flops else [])
    ports = {name: Pin(PORT, name) for name in names}
    netlist.inputs = list(ports.values())
    nets = [drive(ports[name]) for name in names[:inputs]]
    clock, reset = (drive(ports[name]) for name in names[inputs:]) if flip_flops else (None, None)
    for n in range(flip_flops):
        cell = CELLS[draw.choice(list(modules.FLIP_FLOPS))]
        netlist.cells[f"f{n}"] = cell
        nets.append(drive(Pin(f"f{n}", "Q")))
    kinds = [CELLS[name] for name in modules.GATES] + COMPLEX
    for n in range(gates):
        cell = netlist.cells[f"g{n}"] = draw.choice(kinds)
        for name in cell.inputs:
            netlist.nets[Pin(f"g{n}", name)] = draw.choice([*nets[-6:], *nets, draw.random() < 0.5])
        for name in cell.outputs:
            if name == "Y" or draw.random() < 0.8:
                nets.append(drive(Pin(f"g{n}", name)))
    for n in range(flip_flops):
        cell = netlist.cells[f"f{n}"]
        netlist.nets.update({Pin(f"f{n}", "C"): clock, Pin(f"f{n}", "D"): draw.choice(nets[inputs:])})
        if "R" in cell.inputs:
            netlist.nets[Pin(f"f{n}", "R")] = reset
    read = {net for pin, net in netlist.nets.items() if not (pin.instance == PORT or pin.name in netlist.cells[pin.instance].outputs)}
    for n, net in enumerate([net for net in nets if net not in read][:-1] + nets[-1:]):
        netlist.outputs.append(Pin(PORT, f"o{n}"))
        netlist.nets[netlist.outputs[-1]] = net
    netlist.index()
    return netlist


def graded(netlist, faults, steps, folder):
    """The faults that the simulator detects with these steps: (edge, inputs, expected outputs)."""
    (folder / "circuit.txt").write_text(circuits.circuit_of(netlist).text(faults))
    lines = ["in " + " ".join(pin.name for pin in netlist.inputs), "out " + " ".join(pin.name for pin in netlist.outputs),
             "point all"]
    for edge, inputs, outputs in steps:
        lines.append(f"{'clock' if edge else 'between'} {''.join(str(int(inputs[pin.name])) for pin in netlist.inputs)} "
                     + "".join("-" if value is None else str(int(value)) for value in outputs))
    (folder / "trace.txt").write_text("\n".join([*lines, ""]))
    done = subprocess.run([OPTIONS.program, str(folder / "circuit.txt"), "--trace", str(folder / "trace.txt")],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    rows = [line.split() for line in done.stdout.splitlines()]
    return {faults[int(row[1])] for row in rows if row[0] == "fault" and row[3] != "-"}


def vectors(netlist):
    return [dict(zip((pin.name for pin in netlist.inputs), bits))
            for bits in itertools.product((False, True), repeat=len(netlist.inputs))]


class Collapsing(unittest.TestCase):
    def behaviours(self, netlist, listed):
        tried = vectors(netlist)
        return {fault: tuple(Machine(netlist, fault).step(inputs, {}, True)[0] for inputs in tried)
                for fault in [None, *listed.faults]}

    def check(self, netlist, exact):
        """Faults of a class do the same, and those that are said not to be seen do nothing; `exact`: no others do."""
        listed = FaultList(netlist)
        did = self.behaviours(netlist, listed)
        self.assertEqual(sorted(fault for group in listed.groups.values() for fault in group), sorted(listed.faults))
        for first, group in listed.groups.items():
            for fault in group:
                self.assertEqual(did[fault], did[first], f"{fault} is not {first}")
            self.assertTrue(listed.unseen_reason(first) is None or did[first] == did[None], str(first))
        if exact:
            self.assertEqual(len(listed.groups), len(set(map(did.get, listed.faults))))
        return listed, did

    def test_each_cell_of_the_library(self):
        library = read_library(area.default_liberty())
        cells = [cell for cell in library.used if not cell.state] + [CELLS[name] for name in modules.GATES] + COMPLEX
        self.assertGreater(len(cells), 20)
        for cell in cells:
            with self.subTest(cell=cell.name):
                netlist = Netlist(cells={"u": cell})
                for number, name in enumerate([*cell.inputs, *cell.outputs], 2):
                    port = Pin(PORT, name)
                    (netlist.inputs if name in cell.inputs else netlist.outputs).append(port)
                    netlist.nets[port] = netlist.nets[Pin("u", name)] = number
                netlist.index()
                self.check(netlist, exact=True)

    def test_random_circuits_and_the_simulator_and_the_proofs(self):
        draw = random.Random(OPTIONS.seed)
        redundant = 0
        with tempfile.TemporaryDirectory() as name:
            for _ in range(12):
                netlist = random_netlist(draw, 5, draw.randint(3, 18))
                listed, did = self.check(netlist, exact=False)
                seen = {fault for fault in listed.faults if did[fault] != did[None]}
                steps = [(True, inputs, outputs) for inputs, outputs in zip(vectors(netlist), did[None])]
                self.assertEqual(graded(netlist, listed.faults, steps, Path(name)), seen)
                left = sorted(set(listed.faults) - seen)
                proofs = Prover(circuits.circuit_of(netlist)).prove(listed.faults, Path(name) / "proofs")
                self.assertEqual(sorted(fault for fault, verdict in proofs.items() if verdict == PROVEN), left)
                redundant += len(left)
        self.assertGreater(redundant, 8)

    def test_a_planted_redundant_gate(self):
        netlist = Netlist(cells={"and": CELLS["$_AND_"], "or": CELLS["$_OR_"]}, inputs=[Pin(PORT, "a"), Pin(PORT, "b")],
                          outputs=[Pin(PORT, "y")])
        netlist.nets = {Pin(PORT, "a"): 2, Pin(PORT, "b"): 3, Pin("and", "A"): 2, Pin("and", "B"): 3, Pin("and", "Y"): 4,
                        Pin("or", "A"): 2, Pin("or", "B"): 4, Pin("or", "Y"): 5, Pin(PORT, "y"): 5}
        netlist.index()
        hidden, shown = Fault(Pin("and", "Y"), False), Fault(Pin("and", "Y"), True)
        self.assertIsNone(FaultList(netlist).unseen_reason(FaultList(netlist).classes.first(hidden)))
        with tempfile.TemporaryDirectory() as name:
            proofs = Prover(circuits.circuit_of(netlist)).prove([hidden, shown], Path(name))
        self.assertEqual([proofs[hidden] == PROVEN, proofs[shown] == PROVEN], [True, False])


class Sequential(unittest.TestCase):
    def responses(self, netlist, fault, steps, held):
        outputs = []
        for edge, inputs in steps:
            shown, held = Machine(netlist, fault).step(inputs, held, edge)
            outputs.append(shown)
        return outputs

    def test_random_circuits_from_every_start(self):
        draw = random.Random(OPTIONS.seed + 1)
        seen, depends = 0, 0
        with tempfile.TemporaryDirectory() as name:
            for _ in range(10):
                flip_flops = draw.randint(1, 3)
                netlist = random_netlist(draw, 3, draw.randint(3, 12), flip_flops)
                steps = []
                for number in range(16):
                    inputs = {pin.name: draw.random() < 0.5 for pin in netlist.inputs}
                    edge = draw.random() < 0.9
                    inputs.update(clk=True, rst=edge and number > 0 and draw.random() < 0.9)
                    steps.append((edge, inputs))
                starts = [dict(zip((f"f{n}" for n in range(flip_flops)), bits))
                          for bits in itertools.product((False, True), repeat=flip_flops)]
                good = [self.responses(netlist, None, steps, start) for start in starts]
                # Observed is what does not depend on the start.
                expected = [tuple(values[0] if len(set(values)) == 1 else None for values in zip(*shown))
                            for shown in zip(*good)]
                listed = FaultList(netlist)
                found = graded(netlist, listed.faults, [(*step, outputs) for step, outputs in zip(steps, expected)], Path(name))
                for group in listed.groups.values():
                    self.assertIn(len(found & set(group)), (0, len(group)), str(group))
                for fault in listed.faults:
                    shows = [any(value is not None and value != other for row, others in
                                 zip(expected, self.responses(netlist, fault, steps, start))
                                 for value, other in zip(row, others)) for start in starts]
                    if all(shows):
                        self.assertIn(fault, found)
                    if not shows[0] or not shows[-1]:  # the simulator starts from all 0 and from all 1, too
                        self.assertNotIn(fault, found)
                    seen += all(shows)
                    depends += any(shows) and not all(shows)
        self.assertGreater(seen, 50)
        self.assertGreater(depends, 1)

    def test_a_wrong_trace_is_refused(self):
        netlist = random_netlist(random.Random(OPTIONS.seed + 2), 3, 5)
        inputs = vectors(netlist)[3]
        outputs = [not value for value in Machine(netlist).step(inputs, {}, True)[0]]
        with tempfile.TemporaryDirectory() as name, self.assertRaisesRegex(AssertionError, "without a fault differs"):
            graded(netlist, FaultList(netlist).faults, [(True, inputs, outputs)], Path(name))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    args = parser.parse_args()
    OPTIONS.program, OPTIONS.seed = args.program, args.seed
    print(f"seed {args.seed}", flush=True)
    unittest.main(argv=sys.argv[:1])
