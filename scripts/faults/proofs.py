"""Proofs that no test can show a fault: that no input, whatever the flip-flops hold, tells the netlist with it from the
netlist without.

Looked at is one clock in which both hold the same: with the fault, every observed output must be what it is without, and
every flip-flop must hold the same afterwards. A result and its flags are observed while valid_o is 1. abc, which comes with
Yosys, proves it or gives an input; such an input may need what the flip-flops never hold, so that it says nothing of a
fault that no vector has shown.
"""

import heapq
import re

from aig import Aig
from tools import ToolError, run

VALID = "valid_o"  # while it is 0, the outputs of GUARDED are not observed
GUARDED = re.compile(r"(result_o|nan_o|overflow_o)\b")
PROVEN, OPEN = "proven", "open"


class Prover:
    def __init__(self, circuit):
        self.circuit = circuit
        self.readers = [[] for _ in circuit.nodes]
        for number, (kind, *parts) in enumerate(circuit.nodes):
            if kind not in ("input", "state", "const"):
                for part in parts:
                    self.readers[part].append(number)
        self.aig = Aig()
        self.good = []
        for kind, *parts in circuit.nodes:
            if kind in ("input", "state"):
                self.good.append(1 if parts == [circuit.clock] else self.aig.input())
            elif kind == "const":
                self.good.append(int(parts[0]))
            else:
                self.good.append(self.aig.gate(kind, *(self.good[part] for part in parts)))

    def miter(self, fault):
        """The literal of `something differs`."""
        node, value = self.circuit.stuck(fault)
        bad, waiting = {node: int(value)}, list(self.readers[node])
        heapq.heapify(waiting)
        while waiting:
            number = heapq.heappop(waiting)
            if number in bad:
                continue
            kind, *parts = self.circuit.nodes[number]
            literal = self.aig.gate(kind, *(bad.get(part, self.good[part]) for part in parts))
            if literal != self.good[number]:
                bad[number] = literal
                for reader in self.readers[number]:
                    heapq.heappush(waiting, reader)
        valid = dict(self.circuit.outputs).get(VALID)
        differ = []
        for name, output in self.circuit.outputs:
            if output in bad:
                literal = self.aig.differ(self.good[output], bad[output])
                guarded = valid is not None and GUARDED.match(name)
                differ.append(self.aig.both(literal, self.good[valid]) if guarded else literal)
        for _, *after in self.circuit.states:
            differ += [self.aig.differ(self.good[number], bad[number]) for number in after if number in bad]
        return self.aig.any(differ)

    def prove(self, faults, work):
        """{fault: PROVEN or OPEN}, with the files of the run in the folder `work`."""
        work.mkdir(parents=True, exist_ok=True)
        verdicts, script = {}, []
        for number, fault in enumerate(faults):
            literal = self.miter(fault)
            if literal <= 1:
                verdicts[fault] = PROVEN if literal == 0 else OPEN
                continue
            (work / f"{number}.aig").write_bytes(self.aig.aiger(literal))
            script += [f"echo fault {number}", f"read_aiger {work}/{number}.aig", "iprove"]
        (work / "script").write_text("\n".join([*script, "echo done", ""]))
        run(["yosys-abc", "-f", str(work / "script")], work / "abc.log", "proofs")
        said = re.split(r"^fault (\d+) *$", (work / "abc.log").read_text(errors="replace"), flags=re.MULTILINE)
        if not said[-1].rstrip().endswith("done"):
            raise ToolError("abc did not come to the end of the proofs", "proofs/abc.log")
        for number, text in zip(said[1::2], said[2::2]):
            proven = re.search(r"^UNSATISFIABLE\b", text, re.MULTILINE)
            verdicts[faults[int(number)]] = PROVEN if proven else OPEN
        return {fault: verdicts.get(fault, OPEN) for fault in faults}
