"""What magic and netgen say of the layout: DRC of the wires, LVS with the cells as black boxes; and the GDS file."""

import json
import re

import circuit as netlists
from circuit import GROUND, POWER
from tools import ROOT, ToolError, run

# A GDS file ends with this record, ENDLIB; tools may pad the rest of a block with zeros.
ENDLIB = bytes((0, 4, 4, 0))


def magic_script(top, process):
    return f"""box 0 0 0 0
drc off
snap int
lef read {process.lef}
def read {top}
load {top}
expand
extract all
ext2spice hierarchy on
ext2spice format ngspice
ext2spice scale off
ext2spice renumber off
ext2spice cthresh infinite
ext2spice rthresh infinite
ext2spice blackbox on
ext2spice subcircuit top auto
ext2spice global off
ext2spice
drc on
select top cell
drc check
drc catchup
puts stdout "DRC [drc list count total]"
puts stdout "WHY [drc listall why]"
gds write {top}
quit -noprompt
"""


def is_complete(gds):
    """Whether the records of a GDS file, each with its length, lead to one that ends the library."""
    place = 0
    while place + 4 <= len(gds):
        if gds[place:place + 4] == ENDLIB:
            return not gds[place + 4:].strip(b"\0")
        place += max(int.from_bytes(gds[place:place + 2], "big"), 4)
    return False


def magic(design, top, process, source, work):
    """Reads SOURCE/TOP.def; leaves TOP.spice, what the layout connects, and TOP.gds."""
    inside = ROOT / work
    (inside / f"{top}.def").write_text((source / f"{top}.def").read_text())
    (inside / "magic.tcl").write_text(magic_script(top, process))
    run(["magic", "-dnull", "-noconsole", "-rcfile", str(process.magicrc), "magic.tcl"], work / "magic.log", design, inside)
    for path in [*inside.glob("*.ext"), inside / f"{top}.def"]:
        path.unlink()
    for name in (f"{top}.spice", f"{top}.gds"):
        if not (inside / name).is_file():
            raise ToolError(f"{design}: magic made no {name}", "magic.log")
    if not is_complete((inside / f"{top}.gds").read_bytes()):
        raise ToolError(f"{design}: {top}.gds is not complete", "magic.log")


def check_drc(design, log):
    """How many errors magic found, which must be none."""
    found = re.search(r"^DRC (\d+)$", log, re.MULTILINE)
    if not found:
        raise ToolError(f"{design}: magic checked no design rules", "magic.log")
    if int(found.group(1)):
        why = re.search(r"^WHY \{?([^{}]+)", log, re.MULTILINE)
        raise ToolError(f"{design}: {found.group(1)} errors of design rules in the wiring"
                        + (f": {why.group(1).strip()}" if why else ""), "magic.log")
    return 0


def subcircuits(text):
    """{name: pins} of the .subckt lines of a SPICE file."""
    joined = re.sub(r"\n\+", " ", text)
    return {words[0]: words[1:] for words in (line.split() for line in
                                              re.findall(r"^\.subckt\s+(.*)$", joined, re.MULTILINE | re.IGNORECASE))}


def pins_of(design, circuit, extracted, library):
    """The pins of each cell as the layout has them, in its order; they must be those of the library's SPICE file."""
    found = {}
    for kind in sorted({kind for kind, _ in circuit.cells.values()}):
        pins = extracted.get(kind)
        if pins is None or set(pins) != set(library.get(kind, ())):
            raise ToolError(f"{design}: the layout's {kind} does not have the pins of the library's", "magic.log")
        found[kind] = pins
    return found


def lvs(design, circuit, process, work):
    """Compares WORK/TOP.spice with the circuit."""
    top, inside = circuit.top, ROOT / work
    extracted = subcircuits((inside / f"{top}.spice").read_text())
    library = subcircuits(process.spice.read_text())
    (inside / "schematic.spice").write_text(netlists.spice(circuit, pins_of(design, circuit, extracted, library)))
    run(["netgen-lvs", "-batch", "lvs", f"{top}.spice {top}", f"schematic.spice {top}", str(process.lvs), "lvs.out", "-json",
         "-blackbox"], work / "netgen.log", design, inside)
    log = (inside / "netgen.log").read_text(errors="replace")
    try:
        compared = json.loads((inside / "lvs.json").read_text())
    except (OSError, ValueError):
        raise ToolError(f"{design}: netgen compared nothing", "netgen.log") from None
    ports = {POWER, GROUND, *circuit.inputs, *circuit.outputs}
    return check_lvs(design, log, compared, len(circuit.cells), ports)


def check_lvs(design, log, compared, cells, ports):
    """Whether netgen matched all that there is: cells, nets, and ports by their names."""
    def fails(why):
        raise ToolError(f"{design}: the layout is not the netlist: {why}", "lvs.out")

    last = compared[-1] if isinstance(compared, list) and compared else {}
    if not {"devices", "nets", "pins"} <= last.keys():
        fails("netgen compared nothing")
    for what in ("badnets", "badelements", "properties"):
        if last.get(what):
            fails(f"{len(last[what])} unmatched, {what}")
    here, there = ([port.lower() for port in side] for side in last["pins"])
    different = [f"{one} and {other}" for one, other in zip(here, there) if one != other]
    if different or set(here) != {port.lower() for port in ports} or len(here) != len(there):
        fails(f"ports differ: {different[0] if different else 'not all are there'}")
    devices = [sum(count for _, count in side) for side in last["devices"]]
    if devices != [cells, cells] or last["nets"][0] != last["nets"][1]:
        fails(f"cells {devices[0]} and {devices[1]}, of {cells}; nets {last['nets'][0]} and {last['nets'][1]}")
    if "Result: Circuits match uniquely." not in log:
        fails("netgen finds no unique match")
    return last["nets"][0]
