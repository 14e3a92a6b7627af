#!/usr/bin/env python3
"""Area and critical path of an array of any size, composed of parts that are synthesized once.

usage: scripts/area/arrays.py [--liberty FILES] [--jobs N] ARRAY...
       ARRAY: "FORMAT ROWSxCOLS [PARAMETER=VALUE...]", such as "if4 16x16 Lanes=32 SharedOutput=1", with the parameters of
       rtl/array/if4_array.sv. What is not given has the default of the RTL.

Cells and output stages are mapped once, edges for some skews, and the logic around the parts for the size itself. Above
MOST_CELLS cells, that is extrapolated. Each of these is kept by a hash of what it depends on. How well it agrees with
synthesis of the whole is in scripts/area/README.md. Exit codes: 0 done, 1 a tool failed, 2 bad input,
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
from synthesis import (Cells, Design, cached, cells_of, figures, frame_of, key, library_folder, locks, module_row, netlist,
                       parameters_of, part_design, part_designs, part_module, produce, result_folder, result_of,
                       try_library)
from tables import read_library
from tools import ROOT, ToolError, remove, run_program

sys.path.insert(0, str(ROOT / "scripts"))
import builds  # noqa: E402

FORMATS = builds.mac_format_names()
FILES = "rtl/array/if4_array.f"
TOP = "if4_array"
MOST_CELLS = 1024  # of an array whose surroundings are synthesized
BASIS = (16, 32)   # rows and columns of the arrays that larger ones are extrapolated from
MOST_SIDE = 256    # rtl/array/if4_array.sv
RANGES = {"Format": range(len(FORMATS)), "Rows": range(1, MOST_SIDE + 1), "Cols": range(1, MOST_SIDE + 1),
          "Lanes": (16, 32, 64), "AccWidth": range(1, 121), "SharedOutput": (0, 1),
          "Depth": (0, 1)}


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

def of_size(parameters, rows, cols):
    return {**parameters, "Rows": rows, "Cols": cols}


def whole_design(parameters):
    """The array as `make area` synthesizes one: its parts, and what lies around them, as one netlist."""
    name = name_of(parameters).replace("array_", "array_whole_", 1)
    return Design(name, TOP, FILES, tuple(sorted(parameters.items())), counted=False, kept=ARRAY_PARTS)


def frame_design(parameters):
    """What lies around the parts."""
    return frame_of(whole_design(parameters))


def frame_sizes(parameters):
    """Those of the frames that an array needs: its own, or of the smaller ones that it is extrapolated from."""
    rows, cols = parameters["Rows"], parameters["Cols"]
    return [(rows, cols)] if rows * cols <= MOST_CELLS else [(r, c) for r in BASIS for c in BASIS]


def skews(most):
    """Those that are synthesized for an array with edges of up to `most` registers: one less than the powers of two."""
    found = [0]
    while found[-1] < most:
        found.append(2 * found[-1] + 1)
    return found


class Parts:
    """The parts of an array whose frame is there, of the size of that or larger."""

    def __init__(self, frame, library):
        self.library = library
        self.designs = {(part.top, None): part for part in part_designs(frame, library).values()}
        edge = self.designs.pop(("if4_array_edge", None))
        self.edge_parameters = {name: value for name, value in edge.parameters if name != "Skew"}
        self.files = frame.files
        self.modules = {}

    def needed(self, side):
        """The designs of parts of an array with so many rows or columns, those that take long first."""
        return [*self.designs.values(), *(self.edge_design(skew) for skew in reversed(skews(side - 1)))]

    def edge_design(self, skew):
        return part_design("if4_array_edge", {**self.edge_parameters, "Skew": skew}, self.files)

    def module(self, part, skew=None):
        """The netlist of a part. That of an edge may have more registers than `skew`, as those that are synthesized."""
        key = part, skew if skew is None else skews(skew)[-1]
        if key not in self.modules:
            self.modules[key] = part_module(self.designs[key] if skew is None else self.edge_design(key[1]), self.library)
        return self.modules[key]

    def cells(self, part, skew=None):
        """The cells of a part; of an edge between two that were synthesized, on the line between them."""
        if skew is None or skews(skew)[-1] == skew:
            return cells_of(self.module(part, skew), self.library)
        low, high = skews(skew)[-2:]
        cells = Cells()
        for number, weight in ((low, (high - skew) / (high - low)), (high, (skew - low) / (high - low))):
            cells.add(self.cells(part, number).counts, weight)
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
            copies[base, parameters_of(modules[cell["type"]])["Skew"] if base == "if4_array_edge" else None] += 1
    return copies


def checked_frame(parameters, library):
    """The modules of a frame that is there. Raises ToolError unless it has as many copies of each part as copies_of()
    says."""
    modules = netlist(frame_design(parameters), library)
    if copies_in(modules) != copies_of(parameters["Rows"], parameters["Cols"], parameters.get("SharedOutput", 0)):
        raise ToolError("the elaborated array has other numbers of parts than scripts/area/arrays.py thinks")
    return modules


def time_array(parts, modules, work, every=False):
    """The critical path of an array whose frame was synthesized, and the longest through a tree of buffers. `every`: no
    part is a stub."""
    by_type = {name: Netlist(parts.module(base_name(name), parameters_of(module).get("Skew")), parts.library)
               for name, module in modules.items() if name != TOP}
    array = Array(modules[TOP], by_type, parts.library, every)
    text, roots = array.verilog(TOP)
    (work / "netlist.v").write_text(text)
    path = measure_paths(Design("array", TOP, FILES), work, roots)
    return {**path, "from": array.end(path["from"]), "to": array.end(path["to"])}


def extrapolated(parameters, library, jobs):
    """The cells around the parts of a larger array, which grow with rows, columns and cells, and its path, which does with
    the logarithm of the cells where it goes through a tree of buffers."""
    low, high = BASIS
    at = {side: result_of_array(of_size(parameters, side, side), library, jobs) for side in BASIS}
    around = {size: cells_of(checked_frame(of_size(parameters, *size), library)[TOP], library).counts
              for size in frame_sizes(parameters)}
    rows, cols = parameters["Rows"], parameters["Cols"]
    x, y = ((side - low) / (high - low) for side in (rows, cols))
    cells = Cells()
    for (r, c), counts in around.items():
        cells.add(counts, (x if r == high else 1 - x) * (y if c == high else 1 - y))
    growth = (at[high]["tree_path_ns"] - at[low]["tree_path_ns"]) / (2 * math.log2(high / low))
    tree = at[high]["tree_path_ns"] + growth * math.log2(rows * cols / (high * high))
    return cells, {"critical_path_ns": round(max(at[high]["critical_path_ns"], tree), 4), "tree_path_ns": round(tree, 4),
                   "from": at[high]["from"], "to": at[high]["to"]}


def compose_in(parameters, parts, library, work, jobs):
    """What compose() gives, without its name and hash; frames and parts are there."""
    exact = frame_sizes(parameters) == [(parameters["Rows"], parameters["Cols"])]
    if exact:
        modules = checked_frame(parameters, library)
        around, path = cells_of(modules[TOP], library), time_array(parts, modules, work)
    else:
        around, path = extrapolated(parameters, library, jobs)
    copies = copies_of(parameters["Rows"], parameters["Cols"], parameters.get("SharedOutput", 0))
    total, rows = Cells(), [("", TOP, 1, around)]
    for part in ARRAY_PARTS:
        own, number = Cells(), 0
        for (base, skew), count in copies.items():
            if base == part:
                number += count
                own.add(parts.cells(part, skew).counts, count)
        rows.append((part, part, number, own))
    for _, _, _, cells in rows:
        total.add(cells.counts)
    whole = figures(total, library)
    return {**whole, "cells": round(whole["cells"]), "flip_flops": round(whole["flip_flops"]), **path,
            "surroundings": "synthesized" if exact else "extrapolated",
            "modules": [{**row, "flip_flops": round(row["flip_flops"])}
                        for row in (module_row(*row, library) for row in rows)]}


@lru_cache(maxsize=None)
def own_hash():
    digest = hashlib.sha256()
    for name in ("arrays.py", "stubs.py"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def compose_key(parameters, library):
    frames = (frame_design(of_size(parameters, *size)) for size in frame_sizes(parameters))
    hashes = [own_hash(), repr(sorted(parameters.items())), *(key(frame, library, False) for frame in frames)]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


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
    frames = [frame_design(of_size(parameters, *size)) for size in frame_sizes(parameters)]
    if not all(cached(frame, library) for frame in frames):
        try_library(library)
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        list(pool.map(lambda frame: make_frame(frame, library), reversed(frames)))
        parts = Parts(frames[-1], library)
        side = max(max(parameters["Rows"], parameters["Cols"]), *(max(size) for size in frame_sizes(parameters)))
        list(pool.map(lambda part: result_of(part, library), parts.needed(side)))
    return produce(folder, library, lambda work: {
        "name": name_of(parameters), "key": wanted_key, "top": TOP, "parameters": dict(sorted(parameters.items())),
        **compose_in(parameters, parts, library, work, jobs)})


def make_frame(frame, library):
    """Raises LibertyError where the RTL refuses the parameters: those that RANGES cannot tell."""
    try:
        return result_of(frame, library)
    except ToolError as error:
        if "`$fatal'" not in str(error):
            raise
        own, folder = dict(frame.parameters), result_folder(frame, library)
        remove(folder.with_name(folder.name + ".failed"))
        raise LibertyError(f"AccWidth={own.get('AccWidth')}: cannot hold one beat of {FORMATS[own['Format']]} with "
                           f"{own.get('Lanes', 16)} lanes") from None


def compose(parameters, library, jobs=1):
    """Area and critical path of an array in a library.

    parameters  of rtl/array/if4_array.sv, as whole numbers: {"Format": 0, "Rows": 16, "Cols": 16, "Lanes": 32, ...}; Format,
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
