"""Which module of the RTL a pin of a flat netlist belongs to.

What abc makes of the logic has no names, so that nets are told by what they do: the RTL, taken apart into gates without any
optimization, runs the same vectors as the netlist, and a net of the netlist that has the values of a net of the RTL in every
clock, or their inverse, is that net, and its gate belongs to the module that drives it there. A pin between such nets is
put under the first of them that it leads to, gate by gate.
"""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import builds  # noqa: E402
from circuit import circuit_of  # noqa: E402
from netlist import PORT, Cell, Pin, functions, netlist_of  # noqa: E402
from tools import ToolError, run, save  # noqa: E402

GATES = {"$_NOT_": "!A", "$_BUF_": "A", "$_AND_": "A&B", "$_NAND_": "!(A&B)", "$_OR_": "A|B", "$_NOR_": "!(A|B)",
         "$_XOR_": "A^B", "$_XNOR_": "!(A^B)", "$_ANDNOT_": "A&!B", "$_ORNOT_": "A|!B", "$_MUX_": "(S&B)|(!S&A)"}
FLIP_FLOPS = {"$_DFF_P_": {}, "$_DFF_PN0_": {"clear": "!R"}, "$_DFF_PN1_": {"preset": "!R"}}
SOURCE = re.compile(r"(\w+)\.sv:\d+")


def generic_cells():
    cells = {}
    for name, text in GATES.items():
        tree = functions.parse(text)
        cells[name] = Cell(name, None, None, 0.0, sorted(functions.names(tree)), {"Y": tree})
    for name, controls in FLIP_FLOPS.items():
        cells[name] = Cell(name, None, None, 0.0, ["C", "D", *(["R"] if controls else [])], {"Q": "IQ"},
                           state=SimpleNamespace(arguments=["IQ"]),
                           controls={"clocked_on": "C", "next_state": "D",
                                     **{key: functions.parse(text) for key, text in controls.items()}})
    return cells


def read_rtl(build, work):
    """The RTL of a build as gates: its netlist, and {instance: module}, by the file that Yosys names as its source. That of an
    instance of a module is taken away, as it would stand among those of the gates in it."""
    parameters = [f"chparam -set {name} {value} {build.module}" for name, value in build.parameters.items()]
    sources = " ".join(builds.listed(build.files))
    run(["yosys", "-Q", "-T", "-p", "; ".join([
        f"read_verilog -sv {sources}", *parameters, f"hierarchy -top {build.module}", "proc",
        "setattr -unset src */t:*if4*", "flatten", "opt_clean", "techmap", "simplemap", "setundef -zero -undriven", "opt_clean", f"write_json {work}/rtl.json"])],
        work / "rtl.log", build.name)
    module = json.loads((work / "rtl.json").read_text())["modules"][build.module]
    modules = {}
    for name, instance in module["cells"].items():
        source = SOURCE.search(instance.get("attributes", {}).get("src", ""))
        modules[name] = source[1] if source else build.module
    return netlist_of(module, generic_cells()), modules


def is_plain(name):
    """Whether a name is one of the RTL, not one that Yosys has made."""
    return name != "" and "$" not in name


def read_signatures(command, circuit, text):
    """A number for each node, which is the same for nodes of the same values or their inverse; 0: never changes. `command`
    gives the program and its arguments, with the text of the circuit in a file."""
    save(text, circuit.text([]))
    output = text.with_suffix(".signatures")
    run(command(str(text)), output, "signatures of the nodes")
    found = output.read_text().split()
    if len(found) != len(circuit.nodes):
        raise ToolError("the simulator did not look at all nodes", output.name)
    return found


class Modules:
    def __init__(self, netlist, circuit, build, marks_of, work):
        """`marks_of`: a function of a circuit and a file for its text, which gives the signatures of its nodes."""
        self.netlist, self.top = netlist, build.module
        rtl, owners = read_rtl(build, work)
        rtl_circuit = circuit_of(rtl)
        known = {}  # signature: (whether it has no name, node, module, name), named ones and then the first of them
        marks = marks_of(rtl_circuit, work / "rtl.txt")
        for net, driver in rtl.drivers.items():
            node = rtl_circuit.pins[driver]
            name = rtl.names.get(net, "")
            entry = (not is_plain(name), node, owners.get(driver.instance, self.top), name if is_plain(name) else "")
            if marks[node] != "0":
                known[marks[node]] = min(entry, known.get(marks[node], entry))
        marks = marks_of(circuit, work / "netlist.txt")
        self.known = {}  # net: (module, name)
        for net, driver in netlist.drivers.items():
            entry = known.get(marks[circuit.pins[driver]])
            if entry:
                self.known[net] = entry[2:]
        self.found = {}

    def _leads_to(self, net):
        if net not in self.found:
            seen, level, entry = {net}, [net], None
            while level and not entry:
                entry = min((self.known[one] for one in level if one in self.known), default=None)
                after = []
                for one in level if not entry else []:
                    for sink in self.netlist.sinks.get(one, []):
                        new = [out for out in self._outputs(sink) if out not in seen]
                        seen.update(new)
                        after += new
                level = after
            self.found[net] = entry or (self.top, "")
        return self.found[net]

    def _outputs(self, sink):
        if sink.instance == PORT:
            return []
        pins = (Pin(sink.instance, name) for name in self.netlist.cells[sink.instance].outputs)
        return [self.netlist.nets[pin] for pin in pins if pin in self.netlist.nets]

    def _place(self, pin):
        if pin.instance == PORT:
            return (self.top, pin.name)
        if self.netlist.drives(pin):
            return self._leads_to(self.netlist.nets[pin]) if pin in self.netlist.nets else (self.top, "")
        return min(map(self._leads_to, self._outputs(pin)), default=(self.top, ""))

    def module(self, pin):
        return self._place(pin)[0]

    def signal(self, pin):
        """The signal of the RTL that a pin leads to."""
        return self._place(pin)[1]
