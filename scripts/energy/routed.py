"""The wires of a layout, where `make layout` has placed and routed the netlist that energy is counted of."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from liberty import LibertyError
from tools import ROOT

LAYOUTS = ROOT / "build" / "layout"


@dataclass(frozen=True)
class Wires:
    """`capacitances`: {the pin that drives a net, as text: pF}; `instances`: {cell in the layout: in the netlist}; `folder`:
    where the netlist in the layout's names is, and its wires in SPEF; `path_ns`: the critical path with them."""
    capacitances: dict
    instances: dict
    folder: Path
    spef: str
    path_ns: float
    digest: str

    def of(self, netlist):
        """{net: pF} of a Netlist. A net that the layout does not have is an error."""
        missing = next((pin for pin in netlist.drivers.values() if str(pin) not in self.capacitances), None)
        if missing:
            raise LibertyError(f"{self.folder.parent.name}: the layout has no net that {missing} drives")
        return {net: self.capacitances[str(pin)] for net, pin in netlist.drivers.items()}


def wires_of(name, result, layouts=LAYOUTS):
    """Those of the layout of a configuration. `result`: of `make area`, whose netlist must be the one that was laid out."""
    folder = layouts / name / "timing"
    try:
        text = (folder / "wires.json").read_text()
        found, timed = json.loads(text), json.loads((folder / "result.json").read_text())
        same = found["netlist"] == result["key"]
        wires = Wires(found["capacitances"], found["instances"], folder, f"{found['top']}.spef", timed["path_ns"],
                      hashlib.sha256((text + timed["key"]).encode()).hexdigest())
    except (OSError, ValueError, KeyError):
        raise LibertyError(f"LAYOUT=1: {name} has no layout: make layout CONFIGS={name}") from None
    if not same:
        raise LibertyError(f"LAYOUT=1: the layout of {name} is that of another netlist: make layout CONFIGS={name}")
    return wires
