"""Routing: qrouter draws the wires. That none is left over is asked of it and of the geometry."""

import re

from circuit import GROUND, POWER
from osu018 import LAYERS
from placed import read_placed
from tools import ROOT, ToolError, obey, run
from wires import extract


def router_script(top, process, obstructions, layers=LAYERS):
    """Vias are stacked at most one upon another, as the process asks for."""
    return f"""verbose 1
read_lef {process.lef}
catch {{layers {layers}}}
via stack 1
vdd {POWER}
gnd {GROUND}
{obstructions}read_def {top}.placed.def
qrouter::standard_route {top}.def false
quit
"""


def route(design, circuit, process, lef, source, work, layers=LAYERS):
    """Routes SOURCE/TOP.def into WORK/TOP.def. {net: Extracted} comes with the result."""
    top, inside = circuit.top, ROOT / work
    (inside / f"{top}.placed.def").write_text((source / f"{top}.def").read_text())
    (inside / f"{top}.qrouter").write_text(router_script(top, process, (source / f"{top}.obs").read_text(), layers))
    run(["qrouter", "-nog", "-s", f"{top}.qrouter"], work / "qrouter.log", design, inside)
    log = (inside / "qrouter.log").read_text(errors="replace")
    check_router(design, log)
    if not (inside / f"{top}.def").is_file():
        raise ToolError(f"{design}: qrouter wrote no routes", "qrouter.log")
    placed = read_placed(inside / f"{top}.def", (POWER, GROUND))
    nets = extract_all(design, circuit, placed, lef)
    for name in (f"{top}.placed.def", f"{top}.rc"):
        (inside / name).unlink(missing_ok=True)
    return placed, nets


def check_router(design, log):
    """What qrouter says at its end of nets that it left over."""
    said = re.findall(r"^Final: (.*)$", log, re.MULTILINE)
    if not said:
        raise ToolError(f"{design}: qrouter did not come to its end", "qrouter.log")
    if said[-1] != "No failed routes!":
        failed = re.findall(r"^Failed (?:to route )?net:? (\S+)", log, re.MULTILINE)
        raise ToolError(f"{design}: not all nets are routed: {said[-1]}" + (f" ({', '.join(failed[-3:])})" if failed else ""),
                        "qrouter.log")


def extract_all(design, circuit, placed, lef):
    """{net: Extracted}. An error where metal does not join all pins of a net, or is joined to nothing."""
    found = {}
    for name, pins in circuit.nets().items():
        obey()
        net = placed.nets.get(name)
        if net is None or set(net.pins) != set(pins):
            raise ToolError(f"{design}: the routed net {name} does not have the pins of the netlist's", "qrouter.log")
        found[name] = extract(net, circuit.drivers[name], placed, lef)
    open_nets = [name for name, net in found.items() if net.missed]
    if open_nets:
        raise ToolError(f"{design}: {len(open_nets)} of {len(found)} nets are not joined by their wires: "
                        f"{', '.join(open_nets[:3])}", "qrouter.log")
    loose = [name for name, net in found.items() if net.loose_um > 0]
    if loose:
        raise ToolError(f"{design}: wires of {len(loose)} nets are joined to no pin: {', '.join(loose[:3])}", "qrouter.log")
    return found


def remaining(log):
    """What a line of progress says of qrouter's log."""
    found = re.findall(r"Nets remaining: (\d+)", log)
    return f"{found[-1]} nets to go in this pass" if found else ""
