"""The critical path of a netlist, by OpenSTA."""

import re

from tools import ToolError, run

CLOCK = "clk_i"
RESET = "rst_ni"
PERIOD_NS = 20.0       # every design meets it, and paths do not depend on it


def sta_script(design, work, through=()):
    """Paths between registers, from inputs that arrive with the clock edge and to outputs that are due at the next one,
    in ns whatever the library's unit. Reset is no path: it may come at any time, and is released well before the
    clock. Also the longest path through one of the nets `through`."""
    also = f"report_checks -digits 4 -through [get_nets {{{' '.join(through)}}}]\n" if through else ""
    return f"""read_liberty {work}/cells.lib
set_cmd_units -time ns
read_verilog {work}/netlist.v
link_design {design.top}
create_clock -name clk -period {PERIOD_NS} [get_ports {CLOCK}]
set inputs {{}}
foreach port [all_inputs] {{
  if {{[get_full_name $port] != "{CLOCK}"}} {{ lappend inputs $port }}
}}
set_input_delay 0 -clock clk $inputs
set_output_delay 0 -clock clk [all_outputs]
set_false_path -from [get_ports {RESET}]
puts "SLACK [worst_slack]"
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


def measure_path(design, work):
    """The path of WORK/netlist.v in the cells of WORK/cells.lib."""
    return read_sta(run_sta(design, work), (work / "netlist.v").read_text(), design.name)


def run_sta(design, work, through=()):
    (work / "sta.tcl").write_text(sta_script(design, work, through))
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
