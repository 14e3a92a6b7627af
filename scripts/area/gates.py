#!/usr/bin/env python3
"""Netlists of gates for simulation: those of `make area`, with a Verilog model of each cell made from the Liberty file.

usage: scripts/area/gates.py --out FOLDER [--liberty FILE] [--faults N] UNIT=CONFIG...

UNIT is the name of a Verilated unit in the Makefile, CONFIG one of scripts/area/area.py. Writes FOLDER/good/UNIT.v, and
FOLDER/faulty/UNIT.v: the same with N gates at even distances of which one at a time can be made to invert its output,
by the number that the C function if4_fault() returns; 0: none. A file that would not change is not written again.
Exit codes: 0 done, 1 a tool failed, 2 bad input.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import area
import liberty
from synthesis import ToolError, result_folder

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

    def expression(function):
        try:
            text = liberty.to_verilog(function)
        except ValueError:
            raise liberty.LibertyError(f"the function '{function}' of cell {cell.name} cannot be read") from None
        unknown = set(re.findall(r"(?<!')\b[A-Za-z_]\w*", text)) - set(cell.inputs) - set(state)
        if unknown:
            raise liberty.LibertyError(f"the function '{function}' of cell {cell.name} has no pin {min(unknown)}")
        return text

    state = list(cell.state.arguments) if cell.state else []
    if cell.state:
        attributes = cell.state.attributes
        clock = expression(attributes["clocked_on"])
        events, branches = [f"posedge {name_event(lines, 'clock', clock)}"], []
        for kind, value in (("clear", 0), ("preset", 1)):
            if kind in attributes:
                name = name_event(lines, kind, expression(attributes[kind]))
                events.append(f"posedge {name}")
                branches.append(f"if ({name}) {state[0]} <= 1'b{value};\n    else ")
        lines += [f"  reg {state[0]};", f"  wire {state[1]} = ~{state[0]};" if len(state) > 1 else "",
                  f"  always @({' or '.join(events)})",
                  f"    {''.join(branches)}{state[0]} <= {expression(attributes['next_state'])};"]
    for pin, function in cell.outputs.items():
        if function is None:
            raise liberty.LibertyError(f"output {pin} of cell {cell.name} has no function")
        lines.append(f"  assign {pin} = {expression(function)};")
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


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--liberty", metavar="FILE", help="cells (default: those of qflow-tech-osu018)")
    parser.add_argument("--faults", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("units", nargs="+", metavar="UNIT=CONFIG")
    args = parser.parse_args()

    wanted = dict(unit.split("=", 1) for unit in args.units)
    configs = {config.name: config for config in area.CONFIGS}
    unknown = set(wanted.values()) - set(configs)
    if unknown:
        raise liberty.LibertyError(f"no configuration is called '{min(unknown)}'")
    library = liberty.read_library(args.liberty or area.default_liberty())
    print(f"cells of {library.path}: {library.name}", flush=True)
    results = area.results_of([configs[name].design for name in wanted.values()], library, args.jobs)
    for unit, name in wanted.items():
        netlist = (result_folder(configs[name].design, library) / "netlist.v").read_text()
        used = [match["cell"] for match in INSTANCE.finditer(netlist)]
        if len(used) != results[name]["cells"]:
            raise ToolError(f"{name}: {len(used)} cells found in its netlist, which has {results[name]['cells']}")
        models = "\n".join(cell_model(library.cells[cell]) for cell in sorted(set(used)))
        faulty, count = plant(netlist, library, args.faults)
        write(args.out / "good" / f"{unit}.v", f"{netlist}\n{models}")
        write(args.out / "faulty" / f"{unit}.v", f"{faulty}\n{models}{FAULT}")
        print(f"  {unit}: {len(used)} cells of {len(set(used))} kinds, {count} faults to plant")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except liberty.LibertyError as error:
        print(f"gates.py: {error}", file=sys.stderr)
        sys.exit(2)
    except ToolError as error:
        print(f"gates.py: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
