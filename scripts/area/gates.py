#!/usr/bin/env python3
"""Netlists of gates for simulation: those of `make area`, with a Verilog model of each cell made from the Liberty file.

usage: scripts/area/gates.py --out FOLDER [--liberty FILES] [--faults N] UNIT=CONFIG...

UNIT is the name of a Verilated unit in the Makefile, CONFIG one of scripts/area/area.py. Writes FOLDER/good/UNIT.v, and
FOLDER/faulty/UNIT.v: the same with N gates at even distances of which one at a time can be made to invert its output,
by the number that the C function if4_fault() returns; 0: none. A file that would not change is not written again.
Exit codes: 0 done, 1 a tool failed, 2 bad input, 128 + a signal.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import area
import functions
from liberty import LibertyError
from synthesis import result_folder
from tables import read_library
from tools import ToolError, run_program, save

# One instance as Yosys writes it.
INSTANCE = re.compile(r"^  (?P<cell>\S+) (?P<name>\\\S+ |\S+) \(\n(?P<pins>(?:    \.\S+\(.*\),?\n)+)  \);\n", re.MULTILINE)

FAULT = """
// Inverts `in` if the fault under test is this one.
module if4_fault_gate #(parameter int Number = 1) (input logic in, output logic out);
  import "DPI-C" function int if4_fault();
  logic here;
  initial here = if4_fault() == Number;
  assign out = in ^ here;
endmodule
"""


def cell_model(cell):
    """A Verilog module that does what the Liberty file says of a cell: no delays, no checks."""
    ports = [f"input {pin}" for pin in cell.inputs] + [f"output {pin}" for pin in cell.outputs]
    lines = [f"module {cell.name} ({', '.join(ports)});"]

    state = list(cell.state.arguments) if cell.state else []
    if cell.state:
        controls = {name: functions.to_verilog(tree) for name, tree in cell.controls.items()}
        events, branches = [f"posedge {name_event(lines, 'clock', controls['clocked_on'])}"], []
        for kind, value in (("clear", 0), ("preset", 1)):
            if kind in controls:
                name = name_event(lines, kind, controls[kind])
                events.append(f"posedge {name}")
                branches.append(f"if ({name}) {state[0]} <= 1'b{value};\n    else ")
        lines += [f"  reg {state[0]};", f"  wire {state[1]} = ~{state[0]};" if len(state) > 1 else "",
                  f"  always @({' or '.join(events)})",
                  f"    {''.join(branches)}{state[0]} <= {controls['next_state']};"]
    for pin, function in cell.outputs.items():
        lines.append(f"  assign {pin} = {functions.to_verilog(function)};")
    return "\n".join(filter(None, [*lines, "endmodule", ""]))


def name_event(lines, kind, expression):
    lines.append(f"  wire if4_{kind} = {expression};")
    return f"if4_{kind}"


def plant(netlist, library, count):
    """The netlist with faults, and how many it has."""
    gates = [match for match in INSTANCE.finditer(netlist)
             if not library.cells[match["cell"]].state and len(library.cells[match["cell"]].outputs) == 1]
    count = min(count, len(gates))
    chosen = [gates[(2 * i + 1) * len(gates) // (2 * count)] for i in range(count)]
    text, end = [], 0
    for number, match in enumerate(chosen, 1):
        pin = next(iter(library.cells[match["cell"]].outputs))
        net = re.search(rf"\.{pin}\((.*)\)", match["pins"]).group(1)
        gate = match.group().replace(f".{pin}({net})", f".{pin}(if4_right_{number})")
        text += [netlist[end:match.start()], f"  wire if4_right_{number};\n", gate,
                 f"  if4_fault_gate #({number}) if4_fault_{number} (.in(if4_right_{number}), .out({net}));\n"]
        end = match.end()
    return "".join([*text, netlist[end:]]), count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--faults", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("units", nargs="+", metavar="UNIT=CONFIG")
    args = parser.parse_args()

    out = args.out.resolve()
    wanted = dict(unit.split("=", 1) for unit in args.units)
    configs = {config.name: config for config in area.CONFIGS}
    unknown = set(wanted.values()) - set(configs)
    if unknown:
        raise LibertyError(f"no configuration is called '{min(unknown)}'")
    library = read_library(args.liberty or area.default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    results = area.results_of([configs[name].design for name in wanted.values()], library, args.jobs)
    for unit, name in wanted.items():
        netlist = (result_folder(configs[name].design, library) / "netlist.v").read_text()
        used = [match["cell"] for match in INSTANCE.finditer(netlist)]
        if len(used) != results[name]["cells"]:
            raise ToolError(f"{name}: {len(used)} cells found in its netlist, which has {results[name]['cells']}")
        models = "\n".join(cell_model(library.cells[cell]) for cell in sorted(set(used)))
        faulty, count = plant(netlist, library, args.faults)
        save(out / "good" / f"{unit}.v", f"{netlist}\n{models}")
        save(out / "faulty" / f"{unit}.v", f"{faulty}\n{models}{FAULT}")
        print(f"  {unit}: {len(used)} cells of {len(set(used))} kinds, {count} faults to plant")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("gates.py", main))
