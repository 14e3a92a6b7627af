#!/usr/bin/env python3
"""Area and time of the RTL in a library of cells: synthesizes configurations, prints and saves one table.

usage: scripts/area/area.py [--liberty FILES] [--jobs N] [--seeds N] [--modules] [--check] [CONFIG...]
       scripts/area/area.py --published [--liberty FILES]    where the published +66.6 % comes from
       scripts/area/area.py --list

Results are in build/area/LIBRARY/, and what has not changed is not done again. What the flow is, and what the numbers
are not, is in rtl/README.md. Exit codes: 0 done, 1 a tool failed or a limit is missed, 2 bad input, 128 + a signal.
"""

import argparse
import concurrent.futures
import csv
import fnmatch
import io
import json
import os
import re
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import report
from liberty import LibertyError
from seeds import medians
from synthesis import Design, cached, library_folder, result_of, try_library
from tables import read_library
from tools import ROOT, ToolError, generator, run_program, save, versions

sys.path.insert(0, str(ROOT / "scripts"))
import builds  # noqa: E402

FORMATS = builds.format_names()
IF4_ACC_WIDTH = 64  # rtl/if4_pkg.sv: the default accumulator of IF4 with 16 lanes


@dataclass(frozen=True)
class Config:
    """A row of the table. Ratios are to other rows, by name; None: there is none to compare with."""
    design: Design
    stage: str               # output stage: pipelined or iterative
    nvfp4: str = None        # NVFP4 of the same kind, with its own accumulator
    nvfp4_same: str = None   # with the same accumulator
    lane: str = None         # lane-FP32 of the same format
    small: str = None        # of a fast unit: the small one

    @property
    def name(self):
        return self.design.name


# Modules that an array has many copies of, which are mapped once.
ARRAY_PARTS = ("if4_array_edge", "if4_array_cell", "if4_fp32")


def config_of(build, named):
    """The configuration of a build, and the rows to compare it with. `named`: (module, parameters): name in `make area`,
    of all builds that it synthesizes."""
    parameters = build.parameters
    design = Design(build.area, build.module, build.files, tuple(parameters.items()), counted=build.module != "if4_array",
                    kept=ARRAY_PARTS if build.module == "if4_array" else ())

    def other(module=build.module, **changes):
        """The name of the build with other parameters; one that is None is left out."""
        wanted = {name: value for name, value in {**parameters, **changes}.items() if value is not None}
        return named.get((module, frozenset(wanted.items())))

    nvfp4 = FORMATS.index("nvfp4")
    is_mac = build.module == "if4_mac"
    return Config(design, "iterative" if parameters.get("Iterative") else "pipelined",
                  nvfp4=other(Format=nvfp4, AccWidth=None, Scaled=None),
                  nvfp4_same=other(Format=nvfp4, AccWidth=IF4_ACC_WIDTH, Scaled=None)
                  if is_mac and build.format == "if4" and "Lanes" not in parameters else None,
                  lane=named.get(("lane_fp32_mac", frozenset({("Format", FORMATS.index(build.format))})))
                  if is_mac and not parameters.keys() & {"Lanes", "AccWidth"} else None,
                  small=other(Depth=None) if parameters.get("Depth") else None)


def configs_of(table):
    named = {(build.module, frozenset(build.parameters.items())): build.area for build in table}
    return [config_of(build, named) for build in table]


CONFIGS = configs_of(builds.with_use("area"))

# Limits that a run checks, by the name of the library: (what, configuration, figure, at most), with a figure of
# report.figure(). None: any library.
LIMITS = {
    None: [
        ("IF4 over NVFP4, iterative", "if4_iterative", "area / nvfp4", 1.30),
        ("IF4 with scaled results over NVFP4", "if4_scaled", "area / nvfp4", 1.25),
        ("IF4 path over lane-FP32's", "if4", "path / lane", 0.50),
        ("IF4 path over lane-FP32's, iterative", "if4_iterative", "path / lane", 0.50),
        ("IF4 array over NVFP4 array", "if4_array", "area / nvfp4", 1.20),
    ],
    "sg13g2_stdcell_typ_1p20V_25C": [
        ("IF4, iterative, um2", "if4_iterative", "area", 53834),
        ("IF4, pipelined, um2", "if4", "area", 66383),
        ("IF4 over NVFP4, iterative", "if4_iterative", "area / nvfp4", 1.25),
        ("IF4 with scaled results over NVFP4", "if4_scaled", "area / nvfp4", 1.19),
        ("IF4 over lane-FP32, iterative", "if4_iterative", "area / lane", 1 / 11),
        ("IF4 path, ns", "if4", "path", 6.8),
        ("IF4 path, iterative, ns", "if4_iterative", "path", 6.8),
        ("fast IF4 path, iterative, ns", "if4_fast_iterative", "path", 3.9),
        ("fast IF4 over IF4, iterative", "if4_fast_iterative", "area / small", 1.22),
        ("IF4 path over lane-FP32's", "if4", "path / lane", 0.50),
        ("IF4 path over lane-FP32's, iterative", "if4_iterative", "path / lane", 0.50),
        ("IF4 array over NVFP4 array", "if4_array", "area / nvfp4", 1.17),
    ],
}

# The published comparison: rows of scripts/area/synthesis.py's split() by their module, in the words of the architecture.
PUBLISHED = [
    ("products of elements", ["gen_product[*].u_product*"]),
    ("products by the scale", ["gen_product[*].u_mul*"]),
    ("scale", ["u_scale*"]),
    ("sums of the lanes", ["gen_sum[*].u_add*"]),
    ("tree", ["u_tree*"]),
    ("lane registers, handshake", ["", "u_stage1", "u_done", "(not attributed)"]),
]


def select(words):
    """Configurations by name or pattern; a format alone is both output stages of its unit of 16 lanes."""
    if not words:
        return CONFIGS
    chosen = set()
    for word in words:
        names = [config.name for config in CONFIGS if fnmatch.fnmatchcase(config.name, word)]
        if word in FORMATS:
            names.append(word + "_iterative")
        if not names:
            raise LibertyError(f"no configuration is called '{word}' (scripts/area/area.py --list names them)")
        chosen.update(names)
    return [config for config in CONFIGS if config.name in chosen]


def default_liberty():
    """Debian's osu018, wherever the package puts it."""
    found = sorted(Path("/usr").glob("share/qflow/tech/osu018/*.lib")) or sorted(Path("/usr").glob("**/osu018*.lib"))
    if not found:
        raise LibertyError("no LIBERTY= is given, and the cells of package qflow-tech-osu018 are not installed")
    return found[0]


def cost(design):
    """What takes long is started first."""
    parameters = dict(design.parameters)
    return (design.top == "lane_fp32_mac", bool(design.kept), parameters.get("Lanes", 16),
            parameters.get("Format", 0) in (5, 6))


def results_of(designs, library, jobs, parted=False, quiet=False):
    """Runs the flow for all, in parallel. {name: result}; raises ToolError if one failed, after the others."""
    results, failures = {}, []
    lock = threading.Lock()
    todo = []
    for design in designs:
        result = cached(design, library, parted)
        if result:
            results[design.name] = result
        else:
            todo.append(design)
    if results and todo and not quiet:
        print(f"{len(results)} of {len(designs)} results are up to date", flush=True)
    os.chdir(ROOT)  # the tools get names relative to it
    if todo:
        try_library(library)

    def one(design):
        start = time.monotonic()
        try:
            result = result_of(design, library, parted)
        except ToolError as error:
            with lock:
                failures.append(error)
                print(f"area.py: {error}", file=sys.stderr, flush=True)
            return
        with lock:
            results[design.name] = result
            print(f"  {len(results):2} of {len(designs)}  {design.name:20} area {result['area']:10.0f}"
                  f"  {time.monotonic() - start:4.0f} s", flush=True)

    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        list(pool.map(one, sorted(todo, key=cost, reverse=True)))
    if failures:
        raise ToolError(f"{len(failures)} of {len(designs)} configurations failed")
    return results


def references(configs, results, library):
    """Adds results of earlier runs to compare with."""
    by_name = {config.name: config for config in CONFIGS}
    for config in configs:
        for name in (config.nvfp4, config.nvfp4_same, config.lane):
            if name in by_name and name not in results:
                earlier = cached(by_name[name].design, library)
                if earlier:
                    results[name] = earlier


def at_hand(configs, results, library):
    """The energies that `make energy` has counted, by scripts/energy, which in turn uses this room."""
    sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("energy", "faults")]
    import at_hand as energy
    return energy.energies(configs, results, library)


def save_table(library, configs, results, notes):
    folder = library_folder(library)
    energies = at_hand(configs, results, library)
    rows = report.rows(configs, results, energies)
    nand2 = library.nand2()
    document = {"generator": generator(), "library": library.name, "liberty": library.files, "nand2_area": nand2.area if nand2 else None,
                "tools": versions(), "notes": notes,
                "configurations": [{**{key: value for key, value in results[config.name].items() if key != "key"},
                                    "top": config.design.top, "parameters": dict(config.design.parameters),
                                    "output_stage": config.stage, "ratios": report.ratios(config, results),
                                    "pj_per_mac": energies.get(config.name)}
                                   for config in configs]}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(report.HEADINGS)
    writer.writerows(rows)
    save(folder / "area.json", json.dumps(document, indent=1) + "\n")
    save(folder / "area.csv", text.getvalue())
    save(folder / "area.md", report.markdown(rows, notes))
    print(report.text(report.BROKEN_HEADINGS, rows, gap=1))
    print("\n".join(report.paths(configs, results)))
    print("\n".join(notes))
    print(f"saved: {folder.relative_to(ROOT)}/area.json, .csv, .md")


NEAR = 0.05   # of a limit: a figure that is so near is judged by its median over LIMIT_SEEDS, as abc's noise is as large
LIMIT_SEEDS = 5


def over_seeds(figure, config, limit, by_name, more):
    """The median of a figure that is near its limit, and what it is the median of. The first three of five values have the
    median of all between the least and the largest of them: where both are on one side of the limit, the other two change
    nothing and are not synthesized."""
    reference = report.reference(figure, config)

    def at(seeds, own, other=median):
        """The figure with what own() makes of the values of the configuration, and other() of those of its reference."""
        return report.figure(figure, config, {**(medians([by_name[reference].design], seeds, more, other) if reference else {}),
                                              **medians([config.design], seeds, more, own)})

    first = LIMIT_SEEDS // 2 + 1
    least, largest = at(first, min, max), at(first, max, min)
    if largest <= limit or least > limit:
        return at(first, median), f", median over {first} seeds, between {least:.4g} and {largest:.4g} with {LIMIT_SEEDS - first} more"
    return at(LIMIT_SEEDS, median), f", median over {LIMIT_SEEDS} seeds"


def check_limits(library, results, more):
    """Prints every limit whose figures are there; how many are missed, and how many there were. `more`: the results of
    designs, {name: result}, for a median over seeds."""
    missed = checked = 0
    by_name = {config.name: config for config in CONFIGS}
    for what, name, figure, limit in LIMITS.get(library.name, LIMITS[None]):
        config = by_name[name]
        value = report.figure(figure, config, results)
        if value is None:
            continue
        checked += 1
        how = ""
        if abs(value / limit - 1) < NEAR and not config.design.kept:  # arrays have no seeds
            value, how = over_seeds(figure, config, limit, by_name, more)
        missed += value > limit
        print(f"limit {what:40} {value:10.4g} at most {limit:.4g}: {'MISSED' if value > limit else 'met'}{how}", flush=True)
    return missed, checked


def by_module(library, configs, flat, parted):
    for config in configs:
        rows = report.module_rows(parted[config.name])
        text = "\n".join([report.text(report.MODULE_HEADINGS, rows),
                          report.totals(config.name, flat[config.name], parted[config.name])])
        save(library_folder(library) / f"modules_{config.name}.txt", text + "\n")
        save(library_folder(library) / f"modules_{config.name}.json",
             json.dumps({"flat_area": flat[config.name]["area"], **parted[config.name]}, indent=1) + "\n")
        print(f"\n{config.name}\n{text}")


def published(library, jobs):
    pair = [config for config in CONFIGS if config.design.top == "lane_fp32_mac"]
    flat = results_of([config.design for config in pair], library, jobs)
    parted = results_of([config.design for config in pair], library, jobs, parted=True)
    text = report.published(PUBLISHED, flat, parted)
    save(library_folder(library) / "published.txt", text + "\n")
    print(text)
    print(f"saved: {library_folder(library).relative_to(ROOT)}/published.txt")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--liberty", metavar="FILES",
                        help="cells, in files separated by blanks (default: those of qflow-tech-osu018)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("--seeds", default="1", metavar="N",
                        help="figures are medians over so many ways to name things, which abc's result depends on")
    parser.add_argument("--modules", action="store_true", help="also the area by module")
    parser.add_argument("--published", action="store_true", help="lane-FP32 IF4 against NVFP4, by module")
    parser.add_argument("--check", action="store_true", help="fail also if no limit could be checked")
    parser.add_argument("--list", action="store_true", help="print the configurations and stop")
    parser.add_argument("names", nargs="*", metavar="CONFIG", help="names or patterns; default: all")
    args = parser.parse_args()

    if not re.fullmatch("[1-9][0-9]?", args.seeds):
        raise LibertyError(f"SEEDS: '{args.seeds}' is not a whole number from 1 to 99")
    configs = select(args.names)
    if args.list:
        for config in configs:
            print(f"{config.name:20} {config.design.top:14} " +
                  " ".join(f"{name}={value}" for name, value in config.design.parameters))
        return 0
    library = read_library(args.liberty or default_liberty())
    print(f"cells of {library.files}: {library.name}", flush=True)
    # What is checked of an array is its area; its path is that of the parts, and takes longest.
    untimed = [config for config in configs if args.check and config.design.kept]
    configs = [config for config in configs if config not in untimed]
    if args.published:
        published(library, args.jobs)
        return 0
    results = medians([config.design for config in configs], int(args.seeds),
                      lambda designs: results_of(designs, library, args.jobs))
    references(configs, results, library)
    save_table(library, configs, results, report.notes(library))
    if args.modules:
        parted = results_of([config.design for config in configs if not config.design.kept], library, args.jobs, parted=True)
        by_module(library, configs, results, {**results, **parted})
    areas = results_of([replace(config.design, name=config.name + ".area", timed=False) for config in untimed], library, args.jobs)
    results.update({config.name: areas[config.name + ".area"] for config in untimed})
    missed, checked = check_limits(library, results, lambda designs: results_of(designs, library, args.jobs, quiet=True))
    if args.check and checked == 0:
        raise LibertyError("none of these configurations has a limit to check")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(run_program("area.py", main))
