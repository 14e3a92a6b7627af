"""The flow behind `make area` and `make gates`: Yosys and abc to a netlist of library cells, OpenSTA for time and power.

Every design goes through the same commands. What they are, and what the numbers are not, is in rtl/README.md.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import liberty

ROOT = Path(__file__).resolve().parents[2]
CLOCK = "clk_i"
RESET = "rst_ni"
ABC_DELAY_PS = 2000    # abc's target: below what any of the designs can reach, so it makes all of them as fast as it can
LOAD_FF = 0.01         # on every output, for abc: next to nothing, as in the flow of the figures we compare with
PERIOD_NS = 20.0       # clock of the power figures; every design meets it, and paths do not depend on it
INPUT_ACTIVITY = 0.1   # transitions a clock of every input but clock and reset; half of the time 1
BENCH = "testbench/area/clocks.sv"  # counts clocks of latency and throughput


class ToolError(RuntimeError):
    """A tool failed, or what it gave is no result. `log`: the name of the file that says more."""

    def __init__(self, text, log="yosys.log"):
        super().__init__(text)
        self.log = log


@dataclass(frozen=True)
class Design:
    """One thing to synthesize: a top with parameters, and the list of its files, relative to the project."""
    name: str
    top: str
    files: str
    parameters: tuple = ()     # (name, value) pairs
    counted: bool = True       # its clocks can be counted by BENCH: it has the ports of if4_mac
    kept: tuple = ()           # modules that are mapped once each, whatever their copies; the rest is one with the top

    def sources(self):
        lines = [re.sub(r"//.*", "", line).strip() for line in (ROOT / self.files).read_text().splitlines()]
        return [line for line in lines if line and line[0] not in "#+-"]


def run(command, log, what):
    """Runs a tool with its output in the file `log`."""
    with open(log, "w") as output:
        try:
            code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT).returncode
        except OSError as error:
            raise ToolError(f"{what}: cannot run {command[0]}: {error.strerror}") from None
    if code != 0:
        said = [line for line in Path(ROOT / log).read_text(errors="replace").splitlines() if "error" in line.lower()]
        raise ToolError(f"{what}: {command[0]} failed" + (f": {said[0].strip()}" if said else ""), Path(log).name)


@lru_cache(maxsize=None)
def versions():
    """What the tools say they are."""
    found = []
    for command in (["yosys", "-V"], ["sta", "-version"], ["iverilog", "-V"]):
        try:
            text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        except OSError as error:
            raise ToolError(f"cannot run {command[0]}: {error.strerror}") from None
        found.append(text.splitlines()[0] if text else command[0])
    return found


def key(design, library, split):
    """A hash of all that a result depends on."""
    digest = hashlib.sha256()
    parts = [repr((design, split)).encode(), *(version.encode() for version in versions()), library.path.read_bytes()]
    files = [*design.sources(), *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "rtl").glob("*.svh")), BENCH]
    for path in [*(ROOT / name for name in files), Path(__file__), Path(liberty.__file__)]:
        parts.append(path.read_bytes())
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


# Yosys ---------------------------------------------------------------------------------------------------------------

def read_commands(design):
    parameters = "; ".join(f"chparam -set {name} {value} {design.top}" for name, value in design.parameters)
    return [f"read_verilog -sv {' '.join(design.sources())}", parameters, f"hierarchy -top {design.top}"]


def coarse_commands(design):
    keep = [f"setattr -mod -set keep_hierarchy 1 *{module}" for module in design.kept]
    return [*keep, f"synth -flatten -top {design.top} -run begin:fine", "alumacc",
            "share -aggressive"]


def map_commands(work, top=""):
    lib = f"{work}/cells.lib"
    return [f"dfflibmap -liberty {lib}", f"abc -D {ABC_DELAY_PS} -liberty {lib} -constr {work}/abc.constr", "clean",
            f"tee -q -o {work}/stat.txt stat -liberty {lib}" + (f" -top {top}" if top else "")]


def yosys(commands, log, what):
    run(["yosys", "-Q", "-T", "-p", "; ".join(filter(None, commands))], log, what)


@dataclass
class Cells:
    """What `stat` says of one module."""
    counts: dict = field(default_factory=dict)
    chip_area: float = 0.0

    def area(self, library, flip_flops=None):
        """In the library's unit; flip_flops: True only these, False only the others."""
        return sum(count * library.cells[name].area for name, count in self.counts.items()
                   if flip_flops in (None, library.cells[name].state is not None))

    def flip_flops(self, library):
        return sum(count for name, count in self.counts.items() if library.cells[name].state)


WHOLE = "design hierarchy"  # what `stat -top` calls its section of all modules with all their copies


def read_stat(text, library, what, submodules=(), whole=False):
    """The cells of each module in the text of `stat -liberty`, or of the WHOLE only. Raises ToolError unless all are
    cells of the library."""
    modules = {}
    for section in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        name = section.split(" ===")[0]
        if (name == WHOLE) != whole:
            continue
        cells = modules[name] = Cells()
        listed = re.search(r"Number of cells: +(\d+)\n((?: +\S+ +\d+\n)*)", section)
        if not listed:
            raise ToolError(f"{what}: yosys counted no cells")
        for line in listed.group(2).splitlines():
            cell, count = line.split()
            if cell in submodules:
                continue
            if cell not in library.cells:
                raise ToolError(f"{what}: {count} cells {cell} are not in the library")
            if library.cells[cell].latch:
                raise ToolError(f"{what}: {count} cells {cell} are latches")
            cells.counts[cell] = int(count)
        chip_area = re.search(r"Chip area for (?:top )?module .*: ([0-9.]+)", section)
        cells.chip_area = float(chip_area.group(1)) if chip_area else 0.0
        if abs(cells.chip_area - cells.area(library)) > 1e-6 * cells.chip_area + 1e-3:
            raise ToolError(f"{what}: yosys says an area of {cells.chip_area}, its cells have {cells.area(library)}")
    if not any(cells.counts and cells.chip_area > 0 for cells in modules.values()):
        raise ToolError(f"{what}: the netlist has no cells")
    return modules


# OpenSTA -------------------------------------------------------------------------------------------------------------

def sta_script(design, work):
    """Paths between registers, from inputs that arrive with the clock edge and to outputs that are due at the next one.
    Reset is no path: it may come at any time, and is released well before the clock. No power of designs with kept
    modules: report_power of OpenSTA 2.0.17 crashes on hundreds of thousands of cells."""
    power = "" if design.kept else f"""set_power_activity -input -activity {INPUT_ACTIVITY}
set_power_activity -input_ports [get_ports {RESET}] -activity 0 -duty 1
report_power -digits 8
"""
    return f"""read_liberty {work}/cells.lib
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
{power}exit
"""


def output_net(netlist, instance):
    """What a flip-flop drives, which has the name of the register; a port remains what it is."""
    found = re.search(rf"^  \S+ {re.escape(instance)} \((.*?)^  \);", netlist, re.MULTILINE | re.DOTALL)
    nets = re.findall(r"\.Q\w*\(\\?([^)\s]+)", found.group(1)) if found else []
    return nets[0] if nets else instance


def read_sta(text, netlist, what, powered=True):
    """Critical path in ns, its ends, and, where it was asked for, power in W."""
    # What it says of the library is about cells and tables that may not be used at all; of a netlist, it is an error.
    complaints = [line for line in text.splitlines()
                  if line.startswith("Error") or (line.startswith("Warning") and ".lib" not in line)]
    if complaints:
        raise ToolError(f"{what}: sta says '{complaints[0]}'", "sta.log")
    slack = re.search(r"^SLACK (-?[0-9.]+)$", text, re.MULTILINE)
    power = not powered or re.search(r"^Total +(\S+) +(\S+) +(\S+) +(\S+)", text, re.MULTILINE)
    ends = re.search(r"^Startpoint: (\S+).*?^Endpoint: (\S+)", text, re.MULTILINE | re.DOTALL)
    if not slack or not power or not ends:
        raise ToolError(f"{what}: sta found no {'path' if not slack or not ends else 'power'}", "sta.log")
    path = PERIOD_NS - float(slack.group(1))
    if not 0 < path < PERIOD_NS * 10:
        raise ToolError(f"{what}: sta gives a path of {path} ns", "sta.log")
    result = {"critical_path_ns": round(path, 4),
              **{end: output_net(netlist, name) for end, name in zip(("from", "to"), ends.groups())}}
    if not powered:
        return result
    internal, switching, leakage, _ = (float(value) for value in power.groups())
    if internal + switching <= 0:
        raise ToolError(f"{what}: sta gives a power of {internal + switching} W", "sta.log")
    return {**result, "dynamic_w": internal + switching, "leakage_w": leakage}


# Clocks --------------------------------------------------------------------------------------------------------------

def count_clocks(design, work):
    """Latency and throughput, counted in a simulation of the RTL."""
    parameters = ", ".join(f".{name}({value})" for name, value in design.parameters)
    run(["iverilog", "-g2012", "-s", "clocks", f"-DTOP={design.top}", f"-DPARAMETERS={parameters}", "-o",
         f"{work}/clocks.vvp", *design.sources(), BENCH], work / "clocks.log", design.name)
    run(["vvp", "-n", f"{work}/clocks.vvp"], work / "clocks.log", design.name)
    (work / "clocks.vvp").unlink()
    counted = dict(re.findall(r"^(\w+) (\d+)$", (work / "clocks.log").read_text(), re.MULTILINE))
    wanted = ["latency_least", "latency_most", "clocks_of_1024_beats", "clocks_of_32_results"]
    if any(name not in counted for name in wanted):
        raise ToolError(f"{design.name}: its clocks could not be counted", "clocks.log")
    return {"latency": [int(counted["latency_least"]), int(counted["latency_most"])],
            "beats_a_clock": 1024 / int(counted["clocks_of_1024_beats"]),
            "clocks_a_result": int(counted["clocks_of_32_results"]) / 32}


# The flow ------------------------------------------------------------------------------------------------------------

def measure(design, library, work):
    """Area, time and power of the flat design, as one dictionary; with kept modules, also the area of each, and no power."""
    flat = ["setattr -mod -unset keep_hierarchy *", "flatten"] if design.kept else []
    yosys([*read_commands(design), *coarse_commands(design), f"synth -top {design.top} -run fine:check",
           *map_commands(work, design.top if design.kept else ""), *flat, "splitnets", "clean -purge",
           f"write_verilog -noattr {work}/netlist.v"], work / "yosys.log", design.name)
    stat = (work / "stat.txt").read_text()
    cells = read_stat(stat, library, design.name, whole=bool(design.kept))[WHOLE if design.kept else design.top]
    (work / "sta.tcl").write_text(sta_script(design, work))
    run(["sta", "-no_splash", "-exit", str(work / "sta.tcl")], work / "sta.log", design.name)
    return {
        "area": round(cells.area(library), 3),
        "nand2": round(cells.area(library) / library.nand2().area, 1),
        "cells": sum(cells.counts.values()),
        "flip_flops": cells.flip_flops(library),
        "flip_flop_area": round(cells.area(library, True), 3),
        **read_sta((work / "sta.log").read_text(), (work / "netlist.v").read_text(), design.name, not design.kept),
        **(count_clocks(design, work) if design.counted else {}),
        **({"modules": kept_rows(stat, library, design)} if design.kept else {}),
    }


def module_row(path, module, copies, cells, library):
    """One row of the area by module; `cells` are those of all copies together."""
    return {"path": path, "module": module, "copies": copies, "area": round(cells.area(library), 3),
            "flip_flops": cells.flip_flops(library), "flip_flop_area": round(cells.area(library, True), 3)}


def kept_rows(stat, library, design):
    """The top and its kept modules, a module's variants (by their parameters) as one row."""
    names = re.findall(r"^=== (.*) ===$", stat, re.MULTILINE)
    modules = read_stat(stat, library, design.name, names)
    top = re.split(rf"^=== {re.escape(design.top)} ===$", stat, flags=re.MULTILINE)[1].split("\n===")[0]
    rows = [module_row("", design.top, 1, modules[design.top], library)]
    for kept in design.kept:
        copies, cells = 0, Cells()
        for name in (name for name in names if name.split("\\")[-1] == kept):
            number = sum(int(listed) for listed in re.findall(rf"^ +{re.escape(name)} +(\d+)$", top, re.MULTILINE))
            copies += number
            for cell, count in modules[name].counts.items():
                cells.counts[cell] = cells.counts.get(cell, 0) + number * count
        if not copies:
            raise ToolError(f"{design.name}: yosys kept no {kept}")
        rows.append(module_row(kept, kept, copies, cells, library))
    return rows


def instances(design, work):
    """Every instance of the design, with the copies that a loop makes as one: {path: [module, copies]}."""
    yosys([*read_commands(design), "proc", f"write_json {work}/hierarchy.json"], work / "hierarchy.log", design.name)
    modules = json.loads((work / "hierarchy.json").read_text())["modules"]
    found = {}

    def visit(module, path):
        for name, cell in modules[module]["cells"].items():
            if cell["type"] not in modules:
                continue
            below = [*path, re.sub(r"\[\d+\]", "[*]", name)]
            base = next(part for part in cell["type"].split("\\") if part and not part.startswith("$"))
            entry = found.setdefault(".".join(below), [base, 0])
            entry[1] += 1
            visit(cell["type"], below)

    visit(design.top, [])
    return found


def split(design, library, work):
    """The area of every module within the flat design: what is its own, without the modules in it.

    The design is flattened and optimized as a whole, up to abc, so that each part is as small as its surroundings
    allow. Every cell carries the path that it came from as its source attribute, which Yosys hands on to what it makes
    of a cell. By it the cells are then parted, and abc maps each part for itself."""
    paths = instances(design, work)
    tags, parts = [f'setattr -set src "\\"@0@\\"" {design.top}/c:*'], []
    for number, path in enumerate(sorted(paths, key=lambda path: path.count(".")), 1):
        pattern = path.replace("[*]", "?*?").replace(".", "*")
        tags.append(f'setattr -set src "\\"@{number}@\\"" {design.top}/c:*{pattern}.*')
        parts.append((number, path))
    # Deepest first: the cells of a module that became one with cells of the modules around it count for it.
    submod = [f"select -set part {design.top}/a:src=*@{number}@* {design.top}/t:* %i; submod -name part{number} @part"
              for number, _ in reversed(parts)]
    submod.append(f"select -set part {design.top}/a:src=*@0@* {design.top}/t:* %i; submod -name part0 @part")
    names = [f"part{number}" for number, _ in parts] + ["part0"]
    # `synth -run fine:check`, with the sums of many terms mapped on their own: the adders in them get no source attribute.
    without = f"{design.top}/t:* {design.top}/a:src=*@* %d"
    sums = [f'setattr -set src "\"@none@\"" {without}']
    for number in range(len(parts) + 1):
        sums += [f"maccmap {design.top}/a:src=*@{number}@* {design.top}/t:$macc %i",
                 f'setattr -set src "\"@{number}@\"" {without}']
    yosys([*read_commands(design), "proc", "flatten", *tags, *coarse_commands(design), "opt -fast -full", "memory_map",
           "opt -full", *sums, "techmap", "opt -fast", *submod, "abc -fast", "opt -fast", *map_commands(work)],
          work / "yosys.log", design.name)
    modules = read_stat((work / "stat.txt").read_text(), library, design.name, names)

    def row(path, module, copies, name):
        return module_row(path, module, copies, modules.get(name, Cells()), library)

    rows = [row("", design.top, 1, "part0")]
    rows += [row(path, *paths[path], f"part{number}") for number, path in sorted(parts, key=lambda part: part[1])]
    # What the optimization made without saying of what.
    rows.append(row("(not attributed)", "", 1, design.top))
    return {"modules": rows, "area": round(sum(row["area"] for row in rows), 3)}


def library_folder(library):
    return ROOT / "build" / "area" / re.sub(r"[^A-Za-z0-9_.+-]", "_", library.path.stem)


def result_folder(design, library, parted=False):
    return library_folder(library) / (design.name + (".modules" if parted else ""))


def cached(design, library, parted=False):
    """The result of an earlier run of the same on the same, or None."""
    try:
        result = json.loads((result_folder(design, library, parted) / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if result.get("key") == key(design, library, parted) else None


def compute(design, library, parted=False):
    """Runs the flow. The folder appears under its name when it is complete; one of a run that failed is called so."""
    final = result_folder(design, library, parted)
    work = final.with_name(f".{final.name}.{os.getpid()}")
    failed = final.with_name(final.name + ".failed")
    for folder in (work, failed):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        (work / "cells.lib").symlink_to(library.path.resolve())
        (work / "abc.constr").write_text(
            f"set_driving_cell {library.driving_cell().name}\nset_load {LOAD_FF} [all_outputs]\n")
        short = Path(os.path.relpath(work, ROOT))
        result = (split if parted else measure)(design, library, short)
        result = {"name": design.name, "key": key(design, library, parted), **result}
        (work / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        work.rename(final)
        return result
    except ToolError as error:
        work.rename(failed)
        raise ToolError(f"{error}; log: {failed.relative_to(ROOT)}/{error.log}") from None
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
