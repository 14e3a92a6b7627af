"""The flow behind `make area` and `make gates`: Yosys and abc to a netlist of library cells, then OpenSTA for its path.

Every design goes through the same commands. What they are, and what the numbers are not, is in rtl/README.md.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from fanout import add_trees
from liberty import LibertyError
from sta import CLOCK, RESET, measure_path
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
    kept: tuple = ()           # modules that are mapped once each, whatever their copies; the rest is one with the top
    boxed: bool = False        # what is kept is left out: the result is of what lies around it, and has no path
    part: bool = False         # of another design, so that no path is asked for

    def sources(self):
        return builds.listed(self.files)


def key(design, library, split):
    """A hash of all that a result depends on."""
    digest = hashlib.sha256()
    parts = [repr((design, split)).encode(), *(version.encode() for version in versions()), library.text.encode()]
    files = [*design.sources(), *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "rtl").glob("*.svh")), BENCH]
    own = [Path(__file__).with_name(name) for name in ("synthesis.py", "sta.py", "fanout.py")]
    for path in [*(ROOT / name for name in files), *own]:
        parts.append(path.read_bytes())
    for part in parts:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


# Yosys ---------------------------------------------------------------------------------------------------------------

def read_commands(design):
    parameters = " ".join(f"-set {name} {value}" for name, value in design.parameters)
    return [f"read_verilog -sv {' '.join(design.sources())}", parameters and f"chparam {parameters} {design.top}",
            f"hierarchy -top {design.top}"]


def coarse_commands(design):
    keep = [f"blackbox *{module}" if design.boxed else f"setattr -mod -set keep_hierarchy 1 *{module}"
            for module in design.kept]
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

    def add(self, counts, copies=1):
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + copies * count

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
            if library.cells[cell].unused:
                raise ToolError(f"{what}: {count} cells {cell} are used: {library.cells[cell].unused}")
            cells.counts[cell] = int(count)
        chip_area = re.search(r"Chip area for (?:top )?module .*: ([0-9.]+)", section)
        cells.chip_area = float(chip_area.group(1)) / library.area_scale if chip_area else 0.0
        if abs(cells.chip_area - cells.area(library)) > 1e-6 * cells.chip_area + 1e-3:
            raise ToolError(f"{what}: yosys says an area of {cells.chip_area}, its cells have {cells.area(library)}")
    if not any(cells.counts and cells.chip_area > 0 for cells in modules.values()):
        raise ToolError(f"{what}: the netlist has no cells")
    return modules


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


NETLIST = "mapped.json"  # a netlist as write_json has it, of a design with kept modules one of each variant


def flat_commands(work):
    return ["splitnets", "clean -purge", f"write_verilog -noattr {work}/netlist.v"]


def plant_trees(design, library, work):
    """Adds the trees of the nets that go to many kept modules to WORK/mapped.json; how many buffers they have."""
    document = json.loads((work / NETLIST).read_text())
    roots = add_trees(document["modules"][design.top], design.kept, (CLOCK, RESET), library.driving_cell())
    (work / NETLIST).write_text(json.dumps(document))
    return sum(roots.values())


def figures(cells, library):
    """What a result says of the cells of a netlist."""
    nand2 = library.nand2()
    return {"area": round(cells.area(library), 3),
            "nand2": round(cells.area(library) / nand2.area, 1) if nand2 else None,
            "cells": sum(cells.counts.values()),
            "flip_flops": cells.flip_flops(library),
            "flip_flop_area": round(cells.area(library, True), 3)}


def measure(design, library, work):
    """Area, time and clocks of the flat design, as one dictionary; with kept modules, also the area of each."""
    whole = bool(design.kept) and not design.boxed
    write = [f"write_json {work}/{NETLIST}"] if design.kept or design.part else flat_commands(work)
    yosys([*read_commands(design), *coarse_commands(design), f"synth -top {design.top} -run fine:check",
           *map_commands(work, design.top if whole else ""), *write], work / "yosys.log", design.name)
    stat = (work / "stat.txt").read_text()
    listed = re.findall(r"^     (\S*(?:%s)) +\d+$" % "|".join(design.kept), stat, re.MULTILINE) if design.boxed else ()
    cells = read_stat(stat, library, design.name, set(listed), whole=whole)[WHOLE if whole else design.top]
    if design.part:
        return figures(cells, library)
    if not design.kept:
        return {**figures(cells, library), **measure_path(design, work),
                **(count_clocks(design, work) if design.counted else {})}
    buffers = {library.driving_cell().name: plant_trees(design, library, work)}
    cells.add(buffers)
    if design.boxed:
        return figures(cells, library)
    yosys([f"read_json {work}/{NETLIST}", "setattr -mod -unset keep_hierarchy *", "flatten", *flat_commands(work)],
          work / "flatten.log", design.name)
    return {**figures(cells, library), **measure_path(design, work),
            "modules": kept_rows(stat, library, design, buffers)}


def module_row(path, module, copies, cells, library):
    """One row of the area by module; `cells` are those of all copies together."""
    return {"path": path, "module": module, "copies": copies, "area": round(cells.area(library), 3),
            "flip_flops": cells.flip_flops(library), "flip_flop_area": round(cells.area(library, True), 3)}


def kept_rows(stat, library, design, added):
    """The top, which has cells `added`, and its kept modules, a module's variants (by their parameters) as one row."""
    names = re.findall(r"^=== (.*) ===$", stat, re.MULTILINE)
    modules = read_stat(stat, library, design.name, names)
    top = re.split(rf"^=== {re.escape(design.top)} ===$", stat, flags=re.MULTILINE)[1].split("\n===")[0]
    modules[design.top].add(added)
    rows = [module_row("", design.top, 1, modules[design.top], library)]
    for kept in design.kept:
        copies, cells = 0, Cells()
        for name in (name for name in names if name.split("\\")[-1] == kept):
            number = sum(int(listed) for listed in re.findall(rf"^ +{re.escape(name)} +(\d+)$", top, re.MULTILINE))
            copies += number
            cells.add(modules[name].counts, number)
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
    (work / "cells.lib").write_text(library.text)
    (work / "abc.constr").write_text(
        f"set_driving_cell {library.driving_cell().name}\nset_load {LOAD_FF} [all_outputs]\n")
    return Path(os.path.relpath(work, ROOT))


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
    return produce(result_folder(design, library, parted), library, lambda work: {
        "name": design.name, "key": key(design, library, parted), "top": design.top,
        "parameters": dict(design.parameters), **(split if parted else measure)(design, library, work)})


def produce(final, library, function):
    """Makes the folder `final` with what function(its name while it works) leaves there, and what that returns as
    result.json. The folder appears under its name when it is complete; one of a run that failed is called so."""
    work = final.with_name(f".{final.name}.{os.getpid()}")
    failed = final.with_name(final.name + ".failed")
    for folder in (work, failed):
        remove(folder)
    try:
        short = prepare(work, library)
        result = function(short)
        (work / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        work.rename(final)
        return result
    except ToolError as error:
        work.rename(failed)
        raise ToolError(f"{error}; log: {failed.relative_to(ROOT)}/{error.log}") from None
    except BaseException:
        remove(work)
        raise
