"""The flow behind `make fpga`: Yosys for three families of FPGAs, nextpnr for one of them, and results kept by content.

What is counted, and what the numbers are not, is in README.md.
"""

import errno
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "area"), str(Path(__file__).resolve().parents[1])]
import builds  # noqa: E402
from liberty import LibertyError  # noqa: E402
from tools import ROOT, ToolError, produce, remove, run  # noqa: E402

FOLDER = ROOT / "build" / "fpga"  # of results; place() changes it
HARNESS = "testbench/fpga/harness.sv"
UNIT = "fpga_unit"    # the module that the harness has as its unit
INSTANCE = "u_unit"   # and its name there
DEVICE = ("--hx8k", "--package", "ct256")
SYNTHESIS = "synth_ice40 -abc9"  # abc9 knows the delays of the device: a tenth faster than without it, or more
FREQUENCY = 12        # MHz that nextpnr must reach: the clock of the board. Results do not depend on it
SEEDS = (1, 2, 3, 4, 5)
PACKAGES = {"yosys": "yosys", "nextpnr-ice40": "nextpnr-ice40", "icepack": "fpga-icestorm", "iceunpack": "fpga-icestorm",
            "icebox_vlog": "fpga-icestorm", "iverilog": "iverilog", "vvp": "iverilog"}
LEAST_SPACE = 1 << 20  # bytes: with less, a disk counts as full

# The cells of a family that are counted, each by how much; other kinds are known, and not counted.
ICE40 = {"luts": {"SB_LUT4": 1}, "carries": {"SB_CARRY": 1}, "flip_flops": r"SB_DFF\w*"}
FAMILIES = {
    "ecp5": ("synth_ecp5 -nodsp -nobram -nolutram -top {top}", {"LUT4": 1, "CCU2C": 2}, {"TRELLIS_FF", "PFUMX", "L6MUX21"}),
    "xilinx": ("synth_xilinx -family xc7 -flatten -nodsp -nobram -nolutram -nosrl -noiopad -noclkbuf -top {top}",
               {**{f"LUT{inputs}": 1 for inputs in range(1, 7)}, "INV": 1},
               {"CARRY4", "MUXF7", "MUXF8", "FDRE", "FDSE", "FDCE", "FDPE"}),
}


@dataclass(frozen=True)
class Unit:
    """A unit to put on an FPGA: if4_mac with parameters, (name, value) pairs."""
    name: str
    files: str               # the list of its files
    parameters: tuple = ()
    format: str = "if4"
    nvfp4: str = None        # the name of the NVFP4 unit with the same other parameters
    top: str = "if4_mac"

    def sources(self):
        return builds.listed(self.files)

    def package(self):
        return next(path for path in self.sources() if path.endswith("if4_pkg.sv"))


def units_of(table):
    """The rows of the table of builds as units."""
    named = {frozenset(build.parameters.items()): build.area for build in table}
    nvfp4 = builds.format_names().index("nvfp4")
    return [Unit(build.area, build.files, tuple(build.parameters.items()), build.format,
                 named.get(frozenset({**build.parameters, "Format": nvfp4}.items()))) for build in table]


def place(folder):
    """Puts results into a folder of the project."""
    global FOLDER
    FOLDER = (ROOT / folder).resolve()
    if ROOT not in FOLDER.parents:
        raise LibertyError(f"--out {folder}: no folder in {ROOT}")


# Tools and disk ------------------------------------------------------------------------------------------------------

def need(*programs):
    """Raises LibertyError where one is missing."""
    for program in programs:
        if not shutil.which(program):
            raise LibertyError(f"{program} is missing: install what Debian and Ubuntu call {PACKAGES[program]}")


@lru_cache(maxsize=None)
def versions():
    """What the tools say they are."""
    found = []
    for command in (["yosys", "-V"], ["nextpnr-ice40", "--version"]):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        found.append((done.stdout + done.stderr).strip().splitlines()[0])
    return found


def disk_is_full(error=None):
    """Whether an error is that of a full disk, or of a limit of the size of files."""
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return False
    if isinstance(error, OSError) or getattr(error, "code", None) == -signal.SIGXFSZ:
        return True
    there = next(folder for folder in (FOLDER, *FOLDER.parents) if folder.exists())
    return shutil.disk_usage(there).free < LEAST_SPACE


# Results by content --------------------------------------------------------------------------------------------------

def key_of(what, paths):
    """A hash of all that a result depends on."""
    digest = hashlib.sha256()
    for part in [repr(what).encode(), *(version.encode() for version in versions()), Path(__file__).read_bytes(),
                 *((ROOT / path).read_bytes() for path in paths)]:
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()


def cached(name, key):
    """The result of an earlier run of the same on the same, or None."""
    try:
        result = json.loads((FOLDER / name / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("key") == key else None


locks = defaultdict(threading.Lock)  # by the names of results


def result_of(name, key, function):
    """The result of an earlier run, or of function(folder), which appears in FOLDER/name once it is complete. Raises
    ToolError where a tool fails, LibertyError where the disk is full."""
    with locks[name]:
        if found := cached(name, key):
            return found
        try:
            return produce(FOLDER / name, lambda work: {"key": key, **function(work)})
        except (OSError, ToolError) as error:
            if disk_is_full(error):
                remove(FOLDER / (name + ".failed"))
                raise LibertyError(f"{FOLDER.relative_to(ROOT)}: no space left for {name}") from None
            if found := cached(name, key):  # another run has put the same result in place meanwhile
                return found
            if isinstance(error, ToolError):
                raise
            raise LibertyError(f"{FOLDER.relative_to(ROOT)}/{name}: {error.strerror}") from None


# Netlists ------------------------------------------------------------------------------------------------------------

def yosys(commands, work, what, log="yosys.log"):
    run(["yosys", "-Q", "-T", "-p", "; ".join(filter(None, commands))], work / log, what)


def read_json(path, what):
    """What a tool has written, which may have ended early."""
    try:
        return json.loads((ROOT / path).read_text())
    except ValueError:
        raise ToolError(f"{what}: {path.name} is no JSON") from None


def module_of(path, name, what):
    modules = read_json(path, what).get("modules", {})
    if name not in modules:
        raise ToolError(f"{what}: {path.name} has no module {name}")
    return modules[name]


def read_commands(unit):
    settings = " ".join(f"-set {name} {value}" for name, value in unit.parameters)
    return [f"read_verilog -sv {' '.join(unit.sources())}", settings and f"chparam {settings} {unit.top}"]


def kinds_of(module, prefix=""):
    return Counter(cell["type"] for name, cell in module["cells"].items() if name.startswith(prefix))


def ice40_counts(kinds, what):
    """LUTs, carries and flip-flops of a netlist of iCE40 cells, and of nothing else."""
    counts = {"luts": 0, "carries": 0, "flip_flops": 0}
    for kind, number in kinds.items():
        column = next((name for name, wanted in ICE40.items()
                       if (kind in wanted if isinstance(wanted, dict) else re.fullmatch(wanted, kind))), None)
        if column is None:
            raise ToolError(f"{what}: {number} cells {kind} of the netlist are of no kind that is counted")
        counts[column] += number
    if not counts["luts"] or not counts["flip_flops"]:
        raise ToolError(f"{what}: the netlist has no LUTs or no flip-flops")
    return counts


def check_harness(module, what):
    """Raises ToolError unless each pin of the unit has a wire of its own, from a register or into one, but for clock and
    reset: what is left open would be optimized away, and would make the unit faster than it is."""
    unit = module["cells"][INSTANCE]
    flip_flops = [cell["connections"] for cell in module["cells"].values() if cell["type"].startswith("SB_DFF")]
    driven = {cell["Q"][0] for cell in flip_flops}
    kept = {cell["D"][0] for cell in flip_flops}
    used = set()
    for port, bits in unit["connections"].items():
        if port in ("clk_i", "rst_ni"):
            continue
        ends = driven if unit["port_directions"][port] == "input" else kept
        for bit in bits:
            if bit not in ends or bit in used:
                raise ToolError(f"{what}: a pin of {port} has no register of its own in the harness")
            used.add(bit)
    return len(used)


def synthesize(unit, work):
    """Maps the unit alone to cells of the iCE40, puts it into the harness as it is, and packs it alone."""
    sizes = " ".join(f"-set {name} {value}" for name, value in unit.parameters if name in ("Format", "Lanes"))
    yosys([*read_commands(unit), f"{SYNTHESIS} -top {unit.top}", f"rename {unit.top} {UNIT}", f"write_json {work}/unit.json",
           "design -stash mapped", f"design -copy-from mapped -as {UNIT} {UNIT}", f"blackbox {UNIT}",
           f"read_verilog -sv {unit.package()} {HARNESS}", sizes and f"chparam {sizes} harness",
           f"{SYNTHESIS} -top harness", f"write_json {work}/harness.json", f"delete ={UNIT}",
           f"design -copy-from mapped -as {UNIT} {UNIT}", "flatten", f"write_json {work}/design.json"], work, unit.name)
    kinds = kinds_of(module_of(work / "unit.json", UNIT, unit.name))
    counts = ice40_counts(kinds, unit.name)
    pins = check_harness(module_of(work / "harness.json", "harness", unit.name), unit.name)
    if kinds_of(module_of(work / "design.json", "harness", unit.name), INSTANCE + ".") != kinds:
        raise ToolError(f"{unit.name}: the unit in the harness has other cells than the unit alone")
    return {**counts, "logic_cells": packed(unit, work), "pins": pins}


def packed(unit, work):
    """Logic cells of the unit alone, without the harness."""
    run(["nextpnr-ice40", *DEVICE, "--json", f"{work}/unit.json", "--pack-only", "--write", f"{work}/packed.json"],
        work / "pack.log", unit.name)
    modules = read_json(work / "packed.json", unit.name)["modules"].values()
    count = max(kinds_of(module)["ICESTORM_LC"] for module in modules)
    if not count:
        raise ToolError(f"{unit.name}: nextpnr packed no logic cells", "pack.log")
    (ROOT / work / "packed.json").unlink()
    return count


def count_luts(unit, family, work):
    """LUTs of another family after synthesis."""
    command, weights, others = FAMILIES[family]
    yosys([*read_commands(unit), command.format(top=unit.top), f"write_json {work}/netlist.json"], work, unit.name)
    kinds = kinds_of(module_of(work / "netlist.json", unit.top, unit.name))
    strange = sorted(kinds.keys() - weights.keys() - others)
    if strange:
        raise ToolError(f"{unit.name}: {kinds[strange[0]]} cells {strange[0]} of the netlist are of no kind that is counted")
    luts = sum(number * weights.get(kind, 0) for kind, number in kinds.items())
    if not luts:
        raise ToolError(f"{unit.name}: the netlist has no LUTs")
    (ROOT / work / "netlist.json").unlink()
    return {"luts": luts, "cells": dict(sorted(kinds.items()))}


# Place and route -----------------------------------------------------------------------------------------------------

def read_report(report, what, instance):
    """Fmax after routing, the ends of the path that limits it, and the logic cells of the device that are used. Raises
    ToolError where that is no path between registers with a cell of the instance in it; any, where its name is empty."""
    if len(report.get("fmax", {})) != 1:
        raise ToolError(f"{what}: the report has {len(report.get('fmax', {}))} clocks", "pnr.log")
    clock, figures = next(iter(report["fmax"].items()))
    fmax = figures["achieved"]
    paths = [path["path"] for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {clock}"]
    if len(paths) != 1 or not paths[0]:
        raise ToolError(f"{what}: the report has no path between registers", "pnr.log")
    delay = sum(step["delay"] for step in paths[0])
    if not abs(delay * fmax - 1000) < 1:
        raise ToolError(f"{what}: the longest path takes {delay:.3f} ns, which is not {fmax:.2f} MHz", "pnr.log")
    cells = [step[end]["cell"] for step in paths[0] for end in ("from", "to")]
    if instance and not any(cell.startswith(instance + ".") for cell in cells):
        raise ToolError(f"{what}: the longest path is not in the unit but from {cells[1]} to {cells[-1]}", "pnr.log")
    return {"mhz": round(fmax, 3), "device_logic_cells": report["utilization"]["ICESTORM_LC"]["used"],
            "from": cells[1], "to": cells[-1]}


def route(netlist, seed, work, what, instance, *options):
    """Places and routes a netlist, which leaves report.json in the folder `work`: what read_report() makes of that."""
    run(["nextpnr-ice40", *DEVICE, "--json", str(netlist), "--seed", str(seed), "--freq", str(FREQUENCY),
         "--report", f"{work}/report.json", *options], work / "pnr.log", what)
    return read_report(read_json(work / "report.json", what), what, instance)


# The results of a unit -----------------------------------------------------------------------------------------------

def netlist_key(unit):
    return key_of(("ice40", SYNTHESIS, unit.top, unit.parameters, DEVICE), [*unit.sources(), HARNESS])


def netlist_result(unit):
    return result_of(unit.name, netlist_key(unit), lambda work: synthesize(unit, work))


def family_key(unit, family):
    return key_of((family, unit.top, unit.parameters, FAMILIES[family][0]), unit.sources())


def family_result(unit, family):
    return result_of(f"{unit.name}.{family}", family_key(unit, family), lambda work: count_luts(unit, family, work))


def seed_key(unit, seed):
    return key_of(("seed", seed, FREQUENCY, netlist_key(unit)), [])


def seed_result(unit, seed):
    netlist = (FOLDER / unit.name / "design.json").relative_to(ROOT)
    return result_of(f"{unit.name}.seed{seed}", seed_key(unit, seed),
                     lambda work: {"seed": seed, **route(netlist, seed, work, f"{unit.name}, seed {seed}", INSTANCE,
                                                         "--pcf-allow-unconstrained")})


def complete_result(unit):
    """All results of a unit that are there, as one dictionary; None unless all are."""
    parts = {"netlist": cached(unit.name, netlist_key(unit)),
             **{family: cached(f"{unit.name}.{family}", family_key(unit, family)) for family in FAMILIES},
             **{seed: cached(f"{unit.name}.seed{seed}", seed_key(unit, seed)) for seed in SEEDS}}
    if not all(parts.values()):
        return None
    seeds = [parts[seed] for seed in SEEDS]
    rates = sorted(seed["mhz"] for seed in seeds)
    return {**{name: parts["netlist"][name] for name in ("luts", "carries", "flip_flops", "logic_cells")},
            "mhz": median(rates), "mhz_least": rates[0], "mhz_most": rates[-1],
            **{f"{family}_luts": parts[family]["luts"] for family in FAMILIES},
            "seeds": [{name: value for name, value in seed.items() if name != "key"} for seed in seeds]}
