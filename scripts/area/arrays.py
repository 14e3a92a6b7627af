#!/usr/bin/env python3
"""Area and critical path of an array of any size, composed of parts that are synthesized once.

usage: scripts/area/arrays.py [--liberty FILES] [--jobs N] ARRAY...
       ARRAY: "FORMAT ROWSxCOLS [PARAMETER=VALUE...]", such as "if4 16x16 Lanes=32 SharedOutput=1", with the parameters of
       rtl/if4_array.sv. What is not given has the default of the RTL.

Cells and output stages are those of an array of 2 x 2, edges are mapped for some skews, and the logic around the parts
for the size itself. Above MOST_CELLS cells, that is extrapolated. Each of these is kept by a hash of what it depends on.
How well it agrees with synthesis of the whole is in rtl/README.md. Exit codes: 0 done, 1 a tool failed, 2 bad input,
128 + a signal.
"""

import argparse
import hashlib
import json
import math
import os
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import report
from area import ARRAY_PARTS, default_liberty
from fanout import base_name
from liberty import LibertyError
from sta import measure_paths
from stubs import Array, Netlist
from synthesis import (NETLIST, Cells, Design, cached, figures, key, library_folder, locks, produce, result_folder,
                       result_of, try_library)
from tables import read_library
from tools import ROOT, ToolError, remove, run_program

sys.path.insert(0, str(ROOT / "scripts"))
import builds  # noqa: E402

FORMATS = builds.mac_format_names()
FILES = "rtl/if4_array.f"
TOP = "if4_array"
MOST_CELLS = 1024  # of an array whose surroundings are synthesized
BASIS = (16, 32)   # rows and columns of the arrays that larger ones are extrapolated from
MOST_SIDE = 256    # rtl/if4_array.sv
RANGES = {"Format": range(len(FORMATS)), "Rows": range(1, MOST_SIDE + 1), "Cols": range(1, MOST_SIDE + 1),
          "Lanes": (16, 32, 64), "AccWidth": range(1, 121), "SharedOutput": (0, 1)}


# What is asked for ---------------------------------------------------------------------------------------------------

def check_parameters(parameters):
    """Raises LibertyError, naming the parameter, unless the RTL has it and the value is in its range."""
    for name, value in parameters.items():
        if name not in RANGES:
            raise LibertyError(f"the array has no parameter {name}; it has {', '.join(RANGES)}")
        if value not in RANGES[name]:
            values = RANGES[name]
            raise LibertyError(f"{name}={value}: not " + (f"within {values[0]}..{values[-1]}" if isinstance(values, range)
                                                          else f"one of {', '.join(map(str, values))}"))
    if missing := {"Format", "Rows", "Cols"} - parameters.keys():
        raise LibertyError(f"the array needs {', '.join(sorted(missing))}")


def parse(text):
    """The parameters that "if4 16x16 Lanes=32" stands for. Names in any case, with or without _."""
    words = text.split()
    if len(words) < 2 or words[0] not in FORMATS or not re.fullmatch(r"\d+x\d+", words[1]):
        raise LibertyError(f"'{text}' is no array: FORMAT ROWSxCOLS [PARAMETER=VALUE...], with a format of "
                           f"{', '.join(FORMATS)}")
    rows, cols = map(int, words[1].split("x"))
    parameters = {"Format": FORMATS.index(words[0]), "Rows": rows, "Cols": cols}
    known = {name.lower(): name for name in RANGES}
    for word in words[2:]:
        name, equals, value = word.partition("=")
        name = known.get(name.replace("_", "").lower(), name)
        if not equals or not value.isdecimal() or name in parameters:
            raise LibertyError(f"'{text}': not a new PARAMETER=VALUE: '{word}'")
        parameters[name] = int(value)
    check_parameters(parameters)
    return parameters


def name_of(parameters):
    """The folder of its result."""
    rest = "".join(f"_{name}{value}" for name, value in sorted(parameters.items())
                   if name not in ("Format", "Rows", "Cols"))
    return f"array_{FORMATS[parameters['Format']]}_{parameters['Rows']}x{parameters['Cols']}{rest}"


# Parts ---------------------------------------------------------------------------------------------------------------

def design(kind, parameters, **more):
    name = name_of(parameters).replace("array_", f"array_{kind}_", 1)
    return Design(name, TOP, FILES, tuple(sorted(parameters.items())), counted=False, kept=ARRAY_PARTS, **more)


def of_size(parameters, rows, cols):
    return {**parameters, "Rows": rows, "Cols": cols}


def seed_design(parameters):
    """The array of 2 x 2 whose cells and output stages all others have."""
    return design("seed", {**of_size(parameters, 2, 2), "SharedOutput": 0})


def frame_design(parameters):
    """What lies around the parts."""
    return design("frame", parameters, boxed=True)


def edge_design(parameters, skew):
    """An edge with so many registers."""
    own = {name: parameters[name] for name in ("Format", "Lanes") if name in parameters}
    own["Skew"] = skew
    name = f"array_edge_{FORMATS[own['Format']]}_Lanes{own.get('Lanes', 16)}_Skew{skew}"
    return Design(name, "if4_array_edge", FILES, tuple(sorted(own.items())), counted=False, part=True)


def skews(most):
    """Those that are synthesized for an array with edges of up to `most` registers: one less than the powers of two."""
    found = [0, 1]
    while found[-1] < most:
        found.append(2 * found[-1] + 1)
    return found


def netlist(wanted, library):
    return json.loads((result_folder(wanted, library) / NETLIST).read_text())["modules"]


def value_of(module, name):
    bits = module["parameter_default_values"][name]
    return int(bits, 2) - ((int(bits[0]) << len(bits)) if len(bits) == 32 else 0)


def needed(parameters):
    """The designs that an array needs, those that take long first."""
    rows, cols = parameters["Rows"], parameters["Cols"]
    sizes = [(rows, cols)] if rows * cols <= MOST_CELLS else [(r, c) for r in reversed(BASIS) for c in reversed(BASIS)]
    side = max(max(rows, cols), *(max(size) for size in sizes))
    return [seed_design(parameters), *(frame_design(of_size(parameters, *size)) for size in sizes),
            *(edge_design(parameters, skew) for skew in reversed(skews(side - 1)))]


def part_of(wanted, library):
    """The result of a part. Raises LibertyError where the RTL refuses the parameters: those that RANGES cannot tell."""
    try:
        return result_of(wanted, library)
    except ToolError as error:
        if "`$fatal'" not in str(error):
            raise
        own, folder = dict(wanted.parameters), result_folder(wanted, library)
        remove(folder.with_name(folder.name + ".failed"))
        raise LibertyError(f"AccWidth={own.get('AccWidth')}: cannot hold one beat of {FORMATS[own['Format']]} with "
                           f"{own.get('Lanes', 16)} lanes") from None


class Parts:
    """The mapped parts of arrays with some format, lanes and accumulator, of any size."""

    def __init__(self, parameters, library):
        self.parameters, self.library = parameters, library
        modules = netlist(seed_design(parameters), library)
        self.modules = {name: module for name, module in modules.items() if name != TOP}
        self.cells = {name: Cells(dict(Counter(cell["type"] for cell in module["cells"].values())))
                      for name, module in self.modules.items()}
        self.edges = {}

    def edge(self, skew):
        """The netlist and the cells of an edge that was synthesized."""
        if skew not in self.edges:
            wanted = edge_design(self.parameters, skew)
            module = netlist(wanted, self.library)[wanted.top]
            self.edges[skew] = module, Cells(dict(Counter(cell["type"] for cell in module["cells"].values())))
        return self.edges[skew]

    def edge_module(self, skew):
        return self.edge(skews(skew)[-1] if skew > 0 else 0)[0]

    def edge_cells(self, skew):
        """The cells of an edge; between two that were synthesized, on the line between them."""
        known = [0] if skew == 0 else skews(skew)
        if known[-1] == skew:
            return self.edge(skew)[1]
        low, high = known[-2:]
        share = (skew - low) / (high - low)
        cells = Cells()
        for number, weight in ((low, 1 - share), (high, share)):
            for name, count in self.edge(number)[1].counts.items():
                cells.counts[name] = cells.counts.get(name, 0) + weight * count
        return cells


# An array ------------------------------------------------------------------------------------------------------------

def copies_of(rows, cols, shared):
    """How many copies of each part there are: {(part, skew or None): number}."""
    copies = Counter({("if4_array_cell", None): rows * cols, ("if4_fp32", None): 1 if shared else cols})
    for side in (rows, cols):
        copies.update(("if4_array_edge", skew) for skew in range(side))
    return copies


def copies_in(modules):
    """The same, counted in an elaborated array."""
    copies = Counter()
    for cell in modules[TOP]["cells"].values():
        if base_name(cell["type"]) in ARRAY_PARTS:
            base = base_name(cell["type"])
            copies[base, value_of(modules[cell["type"]], "Skew") if base == "if4_array_edge" else None] += 1
    return copies


def time_array(parts, modules, work):
    """The critical path of an array whose surroundings were synthesized, and the longest through a tree of buffers."""
    by_type = {}
    for name, module in modules.items():
        if base_name(name) == "if4_array_edge":
            by_type[name] = Netlist(parts.edge_module(value_of(module, "Skew")), parts.library)
        elif base_name(name) in ARRAY_PARTS:
            if name not in parts.modules:
                raise ToolError(f"{base_name(name)} has other parameters than in an array of 2 x 2")
            by_type[name] = Netlist(parts.modules[name], parts.library)
    array = Array(modules[TOP], by_type, parts.library)
    text, roots = array.verilog(TOP)
    (work / "netlist.v").write_text(text)
    path = measure_paths(Design(name_of(parts.parameters), TOP, FILES), work, roots)
    return {**path, "from": array.end(path["from"]), "to": array.end(path["to"])}


def synthesized(parameters, library, work):
    """Cells, copies and path of an array that is small enough, with the surroundings of its own size."""
    wanted = frame_design(parameters)
    modules = netlist(wanted, library)
    copies = copies_of(parameters["Rows"], parameters["Cols"], parameters.get("SharedOutput", 0))
    if copies_in(modules) != copies:
        raise ToolError("the elaborated array has other numbers of parts than scripts/area/arrays.py thinks")
    around = Cells(dict(Counter(cell["type"] for cell in modules[TOP]["cells"].values() if cell["type"] in library.cells)))
    parts = Parts(parameters, library)
    return parts, around, copies, time_array(parts, modules, work)


def extrapolated(parameters, library, work, jobs):
    """The same of a larger one: its surroundings grow with rows, columns and cells, the path through the trees of buffers
    with the logarithm of the cells."""
    low, high = BASIS
    at = {size: result_of_array(of_size(parameters, *size), library, jobs)
          for size in ((low, low), (high, high))}
    around = {}
    for r in BASIS:
        for c in BASIS:
            modules = netlist(frame_design(of_size(parameters, r, c)), library)
            if copies_in(modules) != copies_of(r, c, parameters.get("SharedOutput", 0)):
                raise ToolError("the elaborated array has other numbers of parts than scripts/area/arrays.py thinks")
            around[r, c] = Counter(cell["type"] for cell in modules[TOP]["cells"].values()
                                   if cell["type"] in library.cells)
    rows, cols = parameters["Rows"], parameters["Cols"]
    x, y = ((side - low) / (high - low) for side in (rows, cols))
    cells = Cells()
    for name in set().union(*around.values()):
        cells.counts[name] = ((1 - x) * (1 - y) * around[low, low][name] + x * (1 - y) * around[high, low][name] +
                              (1 - x) * y * around[low, high][name] + x * y * around[high, high][name])
    growth = (at[high, high]["tree_path_ns"] - at[low, low]["tree_path_ns"]) / (2 * math.log2(high / low))
    path = dict(at[high, high])
    tree = path["tree_path_ns"] + growth * math.log2(rows * cols / (high * high))
    ends = {"critical_path_ns": round(max(path["critical_path_ns"], tree), 4), "tree_path_ns": round(tree, 4),
            "from": path["from"], "to": path["to"]}
    return Parts(parameters, library), cells, copies_of(rows, cols, parameters.get("SharedOutput", 0)), ends


def compose_in(parameters, library, work, jobs):
    """What compose() gives, without its name and hash."""
    exact = parameters["Rows"] * parameters["Cols"] <= MOST_CELLS
    parts, around, copies, path = synthesized(parameters, library, work) if exact else \
        extrapolated(parameters, library, work, jobs)
    total, rows = Cells(), [("", TOP, 1, around)]
    for part in ARRAY_PARTS:
        own, number = Cells(), 0
        for (base, skew), count in copies.items():
            if base == part:
                number += count
                own.add((parts.edge_cells(skew) if skew is not None else
                         next(cells for name, cells in parts.cells.items() if base_name(name) == part)).counts, count)
        rows.append((part, part, number, own))
    for _, _, _, cells in rows:
        total.add(cells.counts)
    whole = figures(total, library)
    whole["cells"], whole["flip_flops"] = round(whole["cells"]), round(whole["flip_flops"])
    return {**whole, **path, "surroundings": "synthesized" if exact else "extrapolated",
            "modules": [{"path": name, "module": module, "copies": number, "area": round(cells.area(library), 3),
                         "flip_flops": round(cells.flip_flops(library)),
                         "flip_flop_area": round(cells.area(library, True), 3)} for name, module, number, cells in rows]}


@lru_cache(maxsize=None)
def own_hash():
    digest = hashlib.sha256()
    for name in ("arrays.py", "stubs.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def compose_key(parameters, library):
    parts = [own_hash(), *(key(wanted, library, False) for wanted in needed(parameters))]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def composed(folder, wanted_key):
    """The result of an earlier run, or None."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if result.get("key") == wanted_key else None


def result_of_array(parameters, library, jobs):
    """What compose() gives, from an earlier run or a new one; its parts are there or are made."""
    folder = library_folder(library) / name_of(parameters)
    wanted_key = compose_key(parameters, library)
    with locks[folder]:
        found = composed(folder, wanted_key)
        try:
            return found or make_array(parameters, library, jobs, folder, wanted_key)
        except OSError as error:  # another run may have put the same result in place meanwhile
            if found := composed(folder, wanted_key):
                return found
            raise ToolError(f"{name_of(parameters)}: {error}") from None


def make_array(parameters, library, jobs, folder, wanted_key):
    if not all(cached(wanted, library) for wanted in needed(parameters)):
        try_library(library)
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        list(pool.map(lambda wanted: part_of(wanted, library), needed(parameters)))
    return produce(folder, library, lambda work: {
        "name": name_of(parameters), "key": wanted_key, "top": TOP, "parameters": dict(sorted(parameters.items())),
        **compose_in(parameters, library, work, jobs)})


def compose(parameters, library, jobs=1):
    """Area and critical path of an array in a library.

    parameters  of rtl/if4_array.sv, as whole numbers: {"Format": 0, "Rows": 16, "Cols": 16, "Lanes": 32, ...}; Format,
                Rows and Cols are needed, others have the default of the RTL where they are not given. parse() makes it of
                "if4 16x16 Lanes=32"
    library     tables.read_library(FILES)
    jobs        parts that are synthesized at a time
    The result, also in build/area/LIBRARY/array_.../result.json, which `if4 array --clock-from` reads:
      name, key, top, parameters     key is a hash of all that it depends on
      area, flip_flop_area           in the library's unit, um2 in most
      nand2                          area over that of a NAND2; None where the library has none
      cells, flip_flops
      critical_path_ns, from, to     the slowest path of the array, and its ends by their names in the RTL
      tree_path_ns                   the slowest through a tree of buffers (scripts/area/fanout.py); None: there is none
      surroundings                   "synthesized", or "extrapolated" above MOST_CELLS cells
      modules                        [{path, module, copies, area, flip_flops, flip_flop_area}]: what lies around the
                                     parts, edges, cells, output stages
    Raises LibertyError where the parameters are none of the array, ToolError where a tool fails."""
    check_parameters(parameters)
    os.chdir(ROOT)  # the tools get names relative to it
    return result_of_array(parameters, library, jobs)


HEADINGS = ["array", "area", "NAND2", "flip-flops", "path ns", "MHz", "around", "edges", "cells", "outputs"]


def table(results):
    rows = []
    for result in results:
        shares = [f"{100 * module['area'] / result['area']:.1f} %" for module in result["modules"]]
        path = result["critical_path_ns"]
        rows.append([result["name"].removeprefix("array_"), f"{result['area']:.0f}", report.shown(result["nand2"], 0),
                     str(result["flip_flops"]), f"{path:.2f}", f"{1000 / path:.0f}", *shares])
    return report.text(HEADINGS, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("arrays", nargs="+", metavar="ARRAY", help='"FORMAT ROWSxCOLS [PARAMETER=VALUE...]"')
    args = parser.parse_args()
    wanted = [parse(text) for words in args.arrays for text in words.split(",")]
    library = read_library(args.liberty or default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    results = [compose(parameters, library, args.jobs) for parameters in wanted]
    print(table(results))
    for result in results:
        print(f"path of {result['name']}  {result['from']} -> {result['to']}"
              + ("" if result["surroundings"] == "synthesized" else f", extrapolated from {BASIS[1]} x {BASIS[1]} cells"))
    for result in results:
        print(f"saved: {(library_folder(library) / result['name']).relative_to(ROOT)}/result.json")
    return 0


if __name__ == "__main__":
    sys.exit(run_program("arrays.py", main))
