"""Placement: qflow's scripts and graywolf make of a circuit a DEF file in which all but the wires is there."""

import shutil

import circuit as netlists
from osu018 import FILL, LAYERS, STRIPES
from placed import read_placed
from tools import ROOT, ToolError, run

SUPPLIES = (netlists.POWER, netlists.GROUND)


def place(design, circuit, process, work):
    """Leaves TOP.def and TOP.obs, what the router keeps away from, in the folder `work`. What graywolf was given is
    deterministic, its random seed too, and so is what it gives."""
    top, inside = circuit.top, ROOT / work

    def tool(command, log):
        run(command, work / log, design, inside)

    (inside / f"{top}.blif").write_text(netlists.blif(circuit))
    (inside / f"{top}.lefs").write_text(f"read_lef {process.lef}\n")
    tool(["qrouter", "-i", f"{top}.info", "-c", f"{top}.lefs"], "info.log")
    tool(process.script("blif2cel.tcl", "--blif", f"{top}.blif", "--lef", process.lef, "--cel", f"{top}.cel"), "cel.log")
    shutil.copyfile(process.placement, inside / f"{top}.par")
    tool(["graywolf", "-n", top], "graywolf.log")
    for suffix in ("pl1", "pl2", "pin"):
        if not (inside / f"{top}.{suffix}").is_file():
            raise ToolError(f"{design}: graywolf made no placement", "graywolf.log")
    tool(process.script("place2def.tcl", top, FILL, LAYERS), "def.log")
    rows = {y for _, _, y, _ in read_placed(inside / f"{top}.def", SUPPLIES).cells.values()}
    if len(rows) < 2:
        raise ToolError(f"{design}: its cells make one row, which qflow's scripts do not take: too small to lay out", "def.log")
    tool(process.script("addspacers.tcl", "-stripe", *STRIPES, "PG", top, process.lef, FILL), "spacers.log")
    renamed(inside, f"{top}_filled.def", f"{top}.def")
    renamed(inside, f"{top}.obsx", f"{top}.obs")
    tool(process.script("arrangepins.tcl", top), "pins.log")
    renamed(inside, f"{top}_mod.def", f"{top}.def")
    placed = read_placed(inside / f"{top}.def", SUPPLIES)
    check_placed(design, circuit, placed)
    for path in inside.iterdir():  # dozens of files of graywolf
        if path.name.startswith(f"{top}.") and path.suffix not in (".def", ".obs", ".blif"):
            path.unlink()
    return {"die": list(placed.die)}


def renamed(folder, one, other):
    if (folder / one).is_file():
        (folder / one).replace(folder / other)


def check_placed(design, circuit, placed):
    """Every cell, port and net of the circuit is there, and nothing else but fill."""
    there = {name: kind for name, (kind, *_) in placed.cells.items() if kind != FILL}
    if there != {name: kind for name, (kind, _) in circuit.cells.items()}:
        raise ToolError(f"{design}: the placed cells are not those of the netlist", "def.log")
    if placed.ports.keys() - set(SUPPLIES) != {*circuit.inputs, *circuit.outputs}:
        raise ToolError(f"{design}: the placed ports are not those of the netlist", "def.log")
    wanted = circuit.nets()
    # graywolf names a pin twice that can be reached from above and from below.
    if {name: set(net.pins) for name, net in placed.nets.items()} != {name: set(pins) for name, pins in wanted.items()}:
        raise ToolError(f"{design}: the placed nets are not those of the netlist", "def.log")


def iterations(log):
    """What a line of progress says of graywolf's log."""
    words = log.split()
    numbers = []
    for word in words:
        if word.isdecimal() and int(word) == (numbers[-1] + 1 if numbers else 0):
            numbers.append(int(word))
    return f"annealing, iteration {numbers[-1]}" if len(numbers) > 2 else ""
