"""The critical path with the wires of the layout, by OpenSTA, beside the one without."""

import shutil
from dataclasses import replace

import circuit as netlists
from sta import measure_path
from tools import ROOT, ToolError
from wires import spef

TOLERANCE_NS = 0.0005


def time_layout(design, circuit, nets, work, expected):
    """Both paths of the circuit. Without wires it must be `expected`, that of the netlist of `make area`, unless buffers
    were added."""
    inside = ROOT / work
    (inside / "netlist.v").write_text(netlists.verilog(circuit))
    (inside / f"{circuit.top}.spef").write_text(spef(circuit.top, nets, set(circuit.inputs), circuit.drivers))
    named = replace(design, top=circuit.top)
    without = measure_path(named, work)
    shutil.copyfile(inside / "sta.log", inside / "sta.without.log")
    if not circuit.buffered and abs(without["critical_path_ns"] - expected) > TOLERANCE_NS:
        raise ToolError(f"{design.name}: without wires its path is {without['critical_path_ns']} ns, that of `make area` "
                        f"{expected}", "sta.log")
    along = measure_path(named, work, f"{work}/{circuit.top}.spef")
    return {"path_without_ns": without["critical_path_ns"], "path_ns": along["critical_path_ns"],
            **{end: circuit.original.get(along[end], along[end]) for end in ("from", "to")}}


def totals(nets):
    return {"wire_um": round(sum(net.length_um for net in nets.values()), 1),
            "wire_pf": round(sum(net.total() for net in nets.values()), 4)}


def wires_of(circuit, nets, key):
    """What scripts/energy needs of the layout of the netlist with the key: pF of each wire by the pin that drives it, and
    cells by the names of the layout; both in the netlist's names."""
    found = {}
    for name, net in nets.items():
        instance, pin = circuit.drivers[name]
        found[circuit.original[name] if instance == "PIN" else f"{circuit.instances[instance]}/{pin}"] = round(net.total(), 7)
    return {"netlist": key, "top": circuit.top, "capacitances": found, "instances": circuit.instances}
