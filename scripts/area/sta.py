"""The critical path of a netlist, by OpenSTA."""

import re

from tools import ToolError, run

CLOCK = "clk_i"
RESET = "rst_ni"
PERIOD_NS = 20.0       # every design meets it, and paths do not depend on it


def sta_script(design, work, through=(), wires=None, ports=(CLOCK, RESET)):
    """Paths between registers, from inputs that arrive with the clock edge and to outputs that are due at the next one,
    in ns whatever the library's unit. Reset is no path: it may come at any time, and is released well before the
    clock. What has no clock among its `ports` is timed by one that is nowhere in it. Also the longest path through one
    of the nets `through`. `wires`: a file of SPEF."""
    also = f"report_checks -digits 4 -through [get_nets {{{' '.join(through)}}}]\n" if through else ""
    parasitics = f'puts "SPEF [read_spef {wires}]"\n' if wires else ""
    clock = f" [get_ports {CLOCK}]" if CLOCK in ports else ""
    reset = f"set_false_path -from [get_ports {RESET}]\n" if RESET in ports else ""
    return f"""read_liberty {work}/cells.lib
set_cmd_units -time ns
read_verilog {work}/netlist.v
link_design {design.top}
{parasitics}create_clock -name clk -period {PERIOD_NS}{clock}
set inputs {{}}
foreach port [all_inputs] {{
  if {{[get_full_name $port] != "{CLOCK}"}} {{ lappend inputs $port }}
}}
set_input_delay 0 -clock clk $inputs
set_output_delay 0 -clock clk [all_outputs]
{reset}puts "SLACK [worst_slack]"
report_checks -digits 4 -fields {{input_pin slew}}
{also}exit
"""


def output_net(netlist, instance):
    """What a flip-flop drives, which has the name of the register; a port remains what it is."""
    found = re.search(rf"^  \S+ {re.escape(instance)} \((.*?)^  \);", netlist, re.MULTILINE | re.DOTALL)
    nets = re.findall(r"\.Q\w*\(\\?([^)\s]+)", found.group(1)) if found else []
    return nets[0] if nets else instance


def read_sta(text, netlist, what):
    """The critical path in ns, and its ends."""
    # What it says of the library is about cells that may not be used at all; of a netlist, it is an error.
    complaints = [line for line in text.splitlines()
                  if line.startswith("Error") or (line.startswith("Warning") and ".lib" not in line)]
    if complaints:
        raise ToolError(f"{what}: sta says '{complaints[0]}'", "sta.log")
    slack = re.search(r"^SLACK (-?[0-9.]+)$", text, re.MULTILINE)
    ends = re.search(r"^Startpoint: (\S+).*?^Endpoint: (\S+)", text, re.MULTILINE | re.DOTALL)
    if not slack or not ends:
        raise ToolError(f"{what}: sta found no path", "sta.log")
    path = PERIOD_NS - float(slack.group(1))
    if not 0 < path < PERIOD_NS * 10:
        raise ToolError(f"{what}: sta gives a path of {path} ns", "sta.log")
    return {"critical_path_ns": round(path, 4),
            **{end: output_net(netlist, name) for end, name in zip(("from", "to"), ends.groups())}}


def measure_path(design, work, wires=None):
    """The path of WORK/netlist.v in the cells of WORK/cells.lib, without wires or with those of a file of SPEF."""
    text = run_sta(design, work, wires=wires)
    if wires and "SPEF 1" not in text.splitlines():
        raise ToolError(f"{design.name}: sta does not read {wires}", "sta.log")
    return read_sta(text, (work / "netlist.v").read_text(), design.name)


def run_sta(design, work, through=(), wires=None):
    ports = re.findall(r"^ *input (\w+);", (work / "netlist.v").read_text(), re.MULTILINE)
    (work / "sta.tcl").write_text(sta_script(design, work, through, wires, ports))
    run(["sta", "-no_splash", "-exit", str(work / "sta.tcl")], work / "sta.log", design.name)
    return (work / "sta.log").read_text()


def measure_paths(design, work, through):
    """The same of a netlist whose ends are called by its cells; and the longest path through one of the nets `through`,
    None where there are none."""
    text = run_sta(design, work, through)
    slacks = re.findall(r"(-?[0-9.]+) +slack \((?:MET|VIOLATED)\)", text)
    if len(slacks) != 1 + bool(through):
        raise ToolError(f"{design.name}: sta found no path through the trees of buffers", "sta.log")
    return {**read_sta(text, "", design.name),
            "tree_path_ns": round(PERIOD_NS - float(slacks[1]), 4) if through else None}
