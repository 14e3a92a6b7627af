"""The flow behind `make area` and `make gates`: Yosys and abc to a netlist of library cells, then OpenSTA for its path.

Every design goes through the same commands. What they are, and what the numbers are not, is in rtl/README.md.
"""

import hashlib
import json
import os
import re
import sys
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import tools
from fanout import add_trees, base_name
from liberty import LibertyError
from sta import CLOCK, RESET, measure_path
from netlist_cells import Cells, read_stat
from tools import ROOT, ToolError, remove, run, versions

sys.path.insert(0, str(ROOT / "scripts"))
import builds  # noqa: E402

ABC_DELAY_PS = 2000    # abc's target: below what any of the designs can reach, so it makes all of them as fast as it can
LOAD_FF = 0.01         # on every output, for abc: next to nothing, as in the flow of the figures we compare with
BENCH = "testbench/area/clocks.sv"  # counts clocks of latency and throughput


@dataclass(frozen=True)
class Design:
    """One thing to synthesize: a top with parameters, and the list of its files, relative to the project."""
    name: str
    top: str
    files: str
    parameters: tuple = ()     # (name, value) pairs
    counted: bool = True       # its clocks can be counted by BENCH: it has the ports of if4_mac
    kept: tuple = ()           # modules that are mapped once each, by themselves; the rest is one with the top
    boxed: bool = False        # what is kept is left out: the result is of what lies around it, and has no path
    part: bool = False         # it is one that another design keeps: no path is asked for
    timed: bool = True         # of one that keeps parts: its path is asked for
    seed: int = 0              # of the names that abc sees (seeds.py); 0: those of the RTL

    def sources(self):
        return builds.listed(self.files)


def key(design, library, split):
    """A hash of all that a result depends on."""
    digest = hashlib.sha256()
    parts = [repr((design, split)).encode(), *(version.encode() for version in versions()), library.text.encode()]
    files = [*design.sources(), *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "rtl").glob("*.svh")), BENCH]
    own = [Path(__file__).with_name(name) for name in ("synthesis.py", "netlist_cells.py", "sta.py", "fanout.py")]
    for path in [*(ROOT / name for name in files), *own]:
        parts.append(path.read_bytes())
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


# Yosys ---------------------------------------------------------------------------------------------------------------

def read_commands(design):
    values = " ".join(f"-set {name} {value}" for name, value in design.parameters)
    return [f"read_verilog -sv {' '.join(design.sources())}", values and f"chparam {values} {design.top}", f"hierarchy -top {design.top}"]


def part_commands(design, work):
    """Elaborates a part, with its parameters, in a module of nothing else."""
    parameters = ", ".join(f".{name}({value})" for name, value in design.parameters)
    (ROOT / work / "part.sv").write_text(
        f"module if4_part;\n  (* keep *) {design.top} #({parameters}) part ();\nendmodule\n")
    return [f"read_verilog -sv {' '.join(design.sources())} {work}/part.sv", "hierarchy -top if4_part",
            f"setattr -mod -set keep_hierarchy 1 *{design.top}"]


def coarse_commands(top):
    return [f"synth -flatten -top {top} -run begin:fine", "alumacc", "share -aggressive"]


def map_commands(work):
    lib = f"{work}/cells.lib"
    return [f"dfflibmap -liberty {lib}", f"abc -D {ABC_DELAY_PS} -liberty {lib} -constr {work}/abc.constr", "clean",
            f"tee -q -o {work}/stat.txt stat -liberty {lib}"]


def yosys(commands, log, what):
    run(["yosys", "-Q", "-T", "-p", "; ".join(filter(None, commands))], log, what)


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

PROBE = """module probe (input clk_i, input rst_ni, input [3:0] a_i, output reg [3:0] q_o);
  always @(posedge clk_i or negedge rst_ni) if (!rst_ni) q_o <= 4'd5; else q_o <= q_o * a_i + 4'd1;
endmodule
"""


def try_library(library):
    """Runs the flow on a few gates, and returns their critical path. Raises LibertyError where the tools do not take
    the library."""
    work = library_folder(library) / f".probe.{os.getpid()}"
    failed = library_folder(library) / "probe.failed"
    remove(work)
    try:
        short = prepare(work, library)
        (work / "probe.sv").write_text(PROBE)
        yosys([f"read_verilog -sv {short}/probe.sv", "synth -flatten -top probe", *map_commands(short), "splitnets",
               "clean -purge", f"write_verilog -noattr {short}/netlist.v"], short / "yosys.log", "a few gates")
        read_stat((work / "stat.txt").read_text(), library, "a few gates")
        return measure_path(Design("a few gates", "probe", ""), short)
    except ToolError as error:
        remove(failed)
        work.rename(failed)
        raise LibertyError(f"{library.files}: the tools do not take these cells: {error}; log: "
                           f"{failed.relative_to(ROOT)}/{error.log}") from None
    finally:
        remove(work)


NETLIST = "mapped.json"  # the netlist of a part, or of what lies around the parts, as write_json has it


def figures(cells, library):
    """What a result says of the cells of a netlist."""
    nand2 = library.nand2()
    return {"area": round(cells.area(library), 3),
            "nand2": round(cells.area(library) / nand2.area, 1) if nand2 else None,
            "cells": sum(cells.counts.values()),
            "flip_flops": cells.flip_flops(library),
            "flip_flop_area": round(cells.area(library, True), 3)}


def measure(design, library, work):
    """Area, time and clocks of the flat design, as one dictionary."""
    if design.part:
        return measure_part(design, library, work)
    if design.boxed:
        return measure_frame(design, library, work)
    if design.kept:
        return measure_whole(design, library, work)
    yosys([*read_commands(design), design.seed and f"rename -scramble-name -seed {design.seed}",
           *coarse_commands(design.top), f"synth -top {design.top} -run fine:check", *map_commands(work),
           *flat_commands(work)], work / "yosys.log", design.name)
    cells = read_stat((work / "stat.txt").read_text(), library, design.name)[design.top]
    return {**figures(cells, library), **measure_path(design, work),
            **(count_clocks(design, work) if design.counted else {})}


def flat_commands(work):
    return ["splitnets", "clean -purge", f"write_verilog -noattr {work}/netlist.v"]


def module_row(path, module, copies, cells, library):
    """One row of the area by module; `cells` are those of all copies together."""
    return {"path": path, "module": module, "copies": copies, "area": round(cells.area(library), 3),
            "flip_flops": cells.flip_flops(library), "flip_flop_area": round(cells.area(library, True), 3)}


# Parts: what is mapped once for all its copies ------------------------------------------------------------------------

def measure_part(design, library, work):
    """A part in a run of its own, so that it is the same whatever it is a part of: what abc makes of a module also depends
    on the others of a run."""
    yosys([*part_commands(design, work), *coarse_commands("if4_part"), "synth -top if4_part -run fine:check",
           *map_commands(work), f"write_json {work}/{NETLIST}"], work / "yosys.log", design.name)
    stat = (work / "stat.txt").read_text()
    names = re.findall(r"^=== (.*) ===$", stat, re.MULTILINE)
    modules = read_stat(stat, library, design.name, names)
    return figures(next(cells for name, cells in modules.items() if base_name(name) == design.top), library)


def measure_frame(design, library, work):
    """What lies around the parts, with the trees of buffers for nets that go to many of them."""
    yosys([*read_commands(design), *(f"blackbox *{part}" for part in design.kept), *coarse_commands(design.top),
           f"synth -top {design.top} -run fine:check", *map_commands(work), f"write_json {work}/{NETLIST}"],
          work / "yosys.log", design.name)
    stat = (work / "stat.txt").read_text()
    boxes = set(re.findall(rf"^     (\S*(?:{'|'.join(design.kept)})) +\d+$", stat, re.MULTILINE))
    cells = read_stat(stat, library, design.name, boxes)[design.top]
    document = json.loads((work / NETLIST).read_text())
    roots = add_trees(document["modules"][design.top], design.kept, (CLOCK, RESET), library.driving_cell())
    (work / NETLIST).write_text(json.dumps(document))
    cells.add({library.driving_cell().name: sum(roots.values())})
    return figures(cells, library)


def frame_of(design):
    return design if design.boxed else replace(design, name=design.name + ".frame", boxed=True)


def parameters_of(module):
    """Those of a variant of a module, as whole numbers of 32 bits."""
    def number(bits):
        return int(bits, 2) - (int(bits[0]) << len(bits))

    return {name: number(bits) for name, bits in module["parameter_default_values"].items()}


def part_design(base, parameters, files):
    values = "_".join(f"{name}{value}" for name, value in sorted(parameters.items()))
    return Design(f"part_{base}_{values}", base, files, tuple(sorted(parameters.items())), counted=False, part=True)


def netlist(design, library):
    """The modules in the NETLIST of a part or a frame whose result is there."""
    return json.loads((result_folder(design, library) / NETLIST).read_text())["modules"]


def part_module(design, library):
    """The netlist of a part whose result is there."""
    return next(module for name, module in netlist(design, library).items() if base_name(name) == design.top)


def part_designs(design, library):
    """The parts of a design whose frame is there, by the names of their modules in it."""
    return {name: part_design(base_name(name), parameters_of(module), design.files)
            for name, module in netlist(frame_of(design), library).items() if name != design.top}


def cells_of(module, library):
    """The cells of the library in a netlist of write_json."""
    return Cells(dict(Counter(cell["type"] for cell in module["cells"].values() if cell["type"] in library.cells)))


def measure_whole(design, library, work):
    """The design of its frame and its parts, whose results are there, flattened; also the area of each."""
    modules = netlist(frame_of(design), library)
    copies = Counter(cell["type"] for cell in modules[design.top]["cells"].values())
    total = cells_of(modules[design.top], library)
    rows = [module_row("", design.top, 1, total, library)]
    own = {part: [0, Cells()] for part in design.kept}
    for name, part in part_designs(design, library).items():
        modules[name] = part_module(part, library)
        own[part.top][0] += copies[name]
        own[part.top][1].add(cells_of(modules[name], library).counts, copies[name])
    for part, (number, cells) in own.items():
        if not number:
            raise ToolError(f"{design.name}: it has no {part}")
        rows.append(module_row(part, part, number, cells, library))
        total.add(cells.counts)
    if not design.timed:
        return {**figures(total, library), "critical_path_ns": None, "modules": rows}
    (ROOT / work / "whole.json").write_text(json.dumps({"modules": modules}))
    yosys([f"read_json {work}/whole.json", "setattr -mod -unset keep_hierarchy *", f"hierarchy -top {design.top}", "flatten",
           *flat_commands(work)], work / "yosys.log", design.name)
    return {**figures(total, library), **measure_path(design, work), "modules": rows}


# By module -----------------------------------------------------------------------------------------------------------

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
    yosys([*read_commands(design), "proc", "flatten", *tags, *coarse_commands(design.top), "opt -fast -full", "memory_map",
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
    """By the name of the first file, and how many others there are. The Makefile names its folder of netlists so too."""
    name = re.sub(r"[.][^.]*$", "", re.sub(r"[.]gz$", "", library.paths[0].name))
    more = f"+{len(library.paths) - 1}" if len(library.paths) > 1 else ""
    return ROOT / "build" / "area" / (re.sub(r"[^A-Za-z0-9_.+-]", "_", name) + more)


def result_folder(design, library, parted=False):
    return library_folder(library) / (design.name + (".modules" if parted else ""))


def cached(design, library, parted=False):
    """The result of an earlier run of the same on the same, or None."""
    try:
        result = json.loads((result_folder(design, library, parted) / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if result.get("key") == key(design, library, parted) else None


def prepare(work, library):
    """Makes a folder to run the flow in, with what the tools need of the library. Its name relative to the project."""
    work.mkdir(parents=True)
    return furnish(Path(os.path.relpath(work, ROOT)), library)


def furnish(work, library):
    """Adds to a folder what the tools need of the library. Its name."""
    (ROOT / work / "cells.lib").write_text(library.text)
    (ROOT / work / "abc.constr").write_text(
        f"set_driving_cell {library.driving_cell().name}\nset_load {LOAD_FF} [all_outputs]\n")
    return work


locks = defaultdict(threading.Lock)  # of folders of results: a thread waits for one that makes the same


def result_of(design, library, parted=False):
    """The result of an earlier run of the same on the same, or of a new one."""
    with locks[result_folder(design, library, parted)]:
        found = cached(design, library, parted)
        try:
            return found or compute(design, library, parted)
        except OSError as error:  # another run may have put the same result in place meanwhile
            if found := cached(design, library, parted):
                return found
            raise ToolError(f"{design.name}: {error}") from None


def compute(design, library, parted=False):
    """Runs the flow."""
    if design.kept and not design.boxed:
        result_of(frame_of(design), library)
        for part in part_designs(design, library).values():
            result_of(part, library)
    return produce(result_folder(design, library, parted), library, lambda work: {
        "name": design.name, "key": key(design, library, parted), "top": design.top,
        "parameters": dict(design.parameters), **(split if parted else measure)(design, library, work)})


def produce(final, library, function):
    """As tools.produce(), in a folder with what the tools need of the library."""
    return tools.produce(final, lambda work: function(furnish(work, library)))
