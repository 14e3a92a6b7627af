"""What the cells of a netlist go through, counted by testbench/energy, and the slews of its pins, by OpenSTA."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("faults", "area")]
from liberty import LibertyError  # noqa: E402
from netlist import PORT, Pin  # noqa: E402
from sta import CLOCK, PERIOD_NS  # noqa: E402
from tools import ROOT, ToolError, run, save  # noqa: E402

from transitions import Pins  # noqa: E402

PROGRAM = ROOT / "build" / "energy" / "activity"
MOST_PINS = 8  # testbench/energy/activity.hpp
CELLS, CIRCUIT = "cells.txt", "circuit.txt"


@dataclass
class Activity:
    """`transitions`: {instance: [(number of testbench/energy/activity.hpp, how often)]}, over so many clocks of all streams."""
    clocks: int
    beats: int               # that were taken in these
    results: int             # that were compared in all
    counted_results: int     # and in these clocks
    types: list              # pairs of blocks: FP FP, FP INT, INT FP, INT INT
    transitions: dict


def write_netlist(netlist, circuit, work):
    """The files that the program reads: the circuit, and the nodes of the pins of each instance."""
    held = dict(zip((name for name, cell in netlist.cells.items() if cell.state), circuit.states))
    lines = ["cells 1"]
    for instance, cell in netlist.cells.items():
        pins = Pins(cell)
        nodes = [circuit.pins[Pin(instance, name)] for name in pins.inputs]
        if cell.state:
            nodes.append(held[instance][2])
        if not 1 <= len(nodes) <= MOST_PINS:
            raise ToolError(f"{instance} is of {cell.name}, which has {len(nodes)} pins to look at, not 1 to {MOST_PINS}")
        lines.append("cell " + " ".join(map(str, nodes)))
    save(work / CIRCUIT, circuit.text([]))
    save(work / CELLS, "\n".join([*lines, f"end {len(netlist.cells)}", ""]))


def run_program(command, output):
    """Runs testbench/energy's program. Raises LibertyError with what it says of bad input, ToolError with what else it says."""
    try:
        run(command, output, "counting activity")
    except ToolError as error:
        said = output.read_text(errors="replace").strip().splitlines() if output.exists() else []
        said = [line.removeprefix("activity: ") for line in said if line.startswith("activity: ")]
        if not said:
            raise
        raise (LibertyError if error.code == 2 else ToolError)(f"counting activity: {said[-1]}") from None


def count(netlist, work, arguments, name="activity"):
    """Runs the program on what write_netlist() has written."""
    output = work / f"{name}.txt"
    if not PROGRAM.exists():
        raise ToolError(f"{PROGRAM.relative_to(ROOT)} is not built: make energy does")
    run_program([str(PROGRAM), str(work / CIRCUIT), str(work / CELLS), *arguments], output)
    lines = output.read_text().splitlines()
    if len(lines) != len(netlist.cells) + 5 or lines[-1] != f"end {len(netlist.cells)}":
        said = lines[0] if lines else "nothing"
        raise ToolError(f"counting activity did not come to its end: {said}", output.name)
    head = {words[0]: [int(word) for word in words[1:]] for words in map(str.split, lines[:4])}
    transitions = {}
    for instance, line in zip(netlist.cells, lines[4:-1]):
        pairs = [pair.split(":") for pair in line.split()]
        transitions[instance] = [(int(number), int(times)) for number, times in pairs]
        if sum(times for _, times in transitions[instance]) != head["clocks"][0]:
            raise ToolError(f"{instance} was not looked at in every clock", output.name)
    return Activity(head["clocks"][0], head["beats"][0], *head["results"], head["types"], transitions)


SLEWS = """read_liberty {folder}/cells.lib
read_verilog {folder}/netlist.v
link_design {top}
{parasitics}create_clock -name clk -period {period} [get_ports {clock}]
foreach pin [get_pins -hierarchical *] {{
  foreach vertex [$pin vertices] {{ puts "SLEW [get_full_name $pin] [$vertex slews rise] [$vertex slews fall]" }}
}}
puts "SLEWS END"
exit
"""


def read_slews(netlist, folder, top, work, routed=None):
    """{Pin: (slew of its falling edge, of its rising edge)} in ns, the slower one where several arcs meet. Ports and the
    clock have ideal edges. The paths of `make area` are found in the same way, and those of `make layout` with the wires
    `routed`."""
    folder = routed.folder if routed else folder
    renamed = routed.instances if routed else {}
    save(work / "slews.tcl", SLEWS.format(folder=folder, top=top, period=PERIOD_NS, clock=CLOCK,
                                          parasitics=f'puts "SPEF [read_spef {folder}/{routed.spef}]"\n' if routed else ""))
    run(["sta", "-no_splash", "-exit", str(work / "slews.tcl")], work / "slews.txt", top)
    text = (work / "slews.txt").read_text()
    if not text.rstrip().endswith("SLEWS END"):
        raise ToolError(f"{top}: sta gave no slews", "slews.txt")
    if routed and "SPEF 1" not in text.splitlines():
        raise ToolError(f"{top}: sta does not read {folder}/{routed.spef}", "slews.txt")
    slews = {}
    for line in text.splitlines():
        words = line.replace("\\", "").split()
        if words[:1] == ["SLEW"] and len(words) == 6:
            instance, _, name = words[1].rpartition("/")
            rise, fall = (1e9 * max(map(float, pair)) for pair in (words[2:4], words[4:6]))
            pin = Pin(renamed.get(instance, instance).replace("\\", ""), name)
            old = slews.get(pin, (0.0, 0.0))
            slews[pin] = (max(fall, old[0]), max(rise, old[1]))
    names = {Pin(instance.replace("\\", ""), name): Pin(instance, name)
             for instance, cell in netlist.cells.items() for name in (*cell.inputs, *cell.outputs)}
    found = {names[pin]: values for pin, values in slews.items() if pin in names}
    missing = [pin for pin in netlist.nets if pin.instance != PORT and pin not in found
               and not isinstance(netlist.nets[pin], bool)]
    if missing:
        raise ToolError(f"sta gave no slew of {missing[0]} and {len(missing) - 1} other pins", "slews.txt")
    return found
