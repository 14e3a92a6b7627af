#!/usr/bin/env python3
"""Places and routes units in osu018: checks the wiring, times the netlist with its wires, draws pictures.

usage: scripts/layout/layout.py [--jobs N] [--publish] [CONFIG...]          default: if4_iterative nvfp4_iterative
       scripts/layout/layout.py --block "MODULE [PARAMETER=VALUE...]"

A CONFIG is one of `make area` that has no array in it. Results are in build/layout/, and what has not changed is not done
again, step by step. What the flow is, and what the numbers are not, is in README.md here. Exit codes: 0 done, 1 a tool
failed or the layout is wrong, 2 bad input, 128 + a signal.
"""

import argparse
import concurrent.futures
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "area"))

import area  # noqa: E402
import checks  # noqa: E402
import circuit as netlists  # noqa: E402
import picture  # noqa: E402
import place  # noqa: E402
import route  # noqa: E402
import table  # noqa: E402
import timing  # noqa: E402
from lef import read_lef  # noqa: E402
from liberty import LibertyError  # noqa: E402
from osu018 import LAYOUTS, Process, key_of, kept, source_digest, step  # noqa: E402
from placed import read_placed  # noqa: E402
from synthesis import Design, result_folder, result_of  # noqa: E402
from tables import read_library  # noqa: E402
from tools import Interrupted, ToolError, remove, run_program, save  # noqa: E402

import builds  # noqa: E402  (scripts/, by way of area)

DEFAULT = ("if4_iterative", "nvfp4_iterative")
SECONDS = 20     # between two lines of progress of a step
GEOMETRY = ("lef.py", "placed.py", "wires.py")


class Progress:
    """Lines of progress of one design. While a tool runs, its log says how far it is."""

    def __init__(self, name):
        self.name = name

    def say(self, text):
        print(f"  {self.name:18} {text}", flush=True)

    def step(self, what, folder, key, library, function, log=None, reader=None):
        """osu018.step(), with lines before, meanwhile and after."""
        if kept(folder, key):
            self.say(f"{what}: up to date")
            return step(folder, key, library, function)[1]
        start, over = time.monotonic(), threading.Event()

        def watch():
            while not over.wait(SECONDS):
                text = far(folder, log, reader)
                self.say(f"{what}: {time.monotonic() - start:.0f} s" + (f", {text}" if text else ""))

        self.say(f"{what} ...")
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            result = step(folder, key, library, function)[1]
        finally:
            over.set()
        self.say(f"{what}: done, {time.monotonic() - start:.0f} s")
        return result


def far(folder, log, reader):
    """What the log of a step that works in a folder beside `folder` says of how far it is."""
    try:
        path = next(path for path in folder.parent.glob(f".{folder.name}.{os.getpid()}/{log}"))
        with open(path, "rb") as text:
            text.seek(max(path.stat().st_size - 4000, 0))
            return reader(text.read().decode(errors="replace"))
    except (OSError, StopIteration, TypeError):
        return ""


def lay_out(design, library, process):
    """All steps of one design; its result as one dictionary."""
    progress, folder = Progress(design.name), LAYOUTS / design.name
    lef = read_lef(process.lef)
    synthesized = result_of(design, library)
    buffer = library.driving_cell()
    circuit = netlist_of(design, library, buffer, folder)
    top = circuit.top

    def wired():
        placed = read_placed(folder / "route" / f"{top}.def", route.SUPPLIES)
        return placed, route.extract_all(design.name, circuit, placed, lef)

    def routed(work):
        nets, longer = route.route(design.name, circuit, process, lef, folder / "place", work)
        return {"nets": len(nets), "unrouted": 0, "pads_made_longer": longer, **timing.totals(nets)}

    def checked(work):
        checks.magic(design.name, top, process, folder / "route", work)
        log = (ROOT / work / "magic.log").read_text(errors="replace")
        return {"drc": checks.check_drc(design.name, log), "lvs_nets": checks.lvs(design.name, circuit, process, work)}

    def timed(work):
        _, nets = wired()
        if not circuit.buffered:  # else it is not the netlist of `make area` any more
            save(ROOT / work / "wires.json", json.dumps(timing.wires_of(circuit, nets, synthesized["key"]), indent=0) + "\n")
        return timing.time_layout(design, circuit, nets, work, synthesized["critical_path_ns"])

    def pictured(work):
        flip_flops = {name for name, cell in library.cells.items() if cell.state}
        picture.draw(design.name, read_placed(folder / "route" / f"{top}.def", route.SUPPLIES), lef,
                     flip_flops, work)
        return {}

    first = key_of(netlists.blif(circuit), process.digest(), source_digest("place.py"))
    placed = progress.step("place", folder / "place", first, library,
                           lambda work: place.place(design.name, circuit, process, work), "graywolf.log", place.iterations)
    second = key_of(first, source_digest("route.py", *GEOMETRY))
    wires = progress.step("route", folder / "route", second, library, routed, "qrouter.log", route.remaining)
    third = key_of(second, source_digest("checks.py", "circuit.py"))
    verdict = progress.step("DRC, LVS, GDS", folder / "check", third, library, checked)
    fourth = key_of(second, synthesized["key"], source_digest("timing.py", "circuit.py"))
    times = progress.step("timing", folder / "timing", fourth, library, timed)
    progress.step("picture", folder / "picture", key_of(second, source_digest("picture.py")), library, pictured)
    parts = (placed, wires, verdict, times)
    return {"name": design.name, "cells": len(circuit.cells), "cell_area": synthesized["area"],
            "buffers_added": len(circuit.buffered),
            **{name: value for part in parts for name, value in part.items() if name != "key"}}


def netlist_of(design, library, buffer, folder):
    """The circuit of the netlist that `make area` made."""
    work = folder.with_name(f".{design.name}.netlist.{os.getpid()}")
    try:
        work.mkdir(parents=True, exist_ok=True)
        module, kinds = netlists.read_netlist(os.path.relpath(result_folder(design, library), ROOT),
                                              Path(os.path.relpath(work, ROOT)), design.top)
    except OSError as error:
        raise ToolError(f"{design.name}: {error.strerror or error}") from None
    finally:
        remove(work)
    return netlists.circuit_of(module, kinds, design.top, (buffer.name, buffer.inputs[0], next(iter(buffer.outputs))))


def block_of(text):
    """The design of BLOCK=."""
    module, *settings = text.split() or [""]
    lists = [path for path in sorted((ROOT / "rtl").glob("*.f")) if f"rtl/{module}.sv" in builds.listed(path.relative_to(ROOT))]
    if not lists:
        raise LibertyError(f"BLOCK={text}: no list of files in rtl/ has {module}.sv")
    parameters = []
    for setting in settings:
        found = re.fullmatch(r"([A-Za-z]\w*)=(\d+)", setting)
        if not found:
            raise LibertyError(f"BLOCK={text}: not PARAMETER=NUMBER: '{setting}'")
        parameters.append((found.group(1), int(found.group(2))))
    name = "_".join(["block", module, *(f"{key}{value}" for key, value in parameters)])
    return Design(name, module, str(lists[0].relative_to(ROOT)), tuple(parameters), counted=False)


def results_of(designs, library, process, jobs):
    """{name: result} of all designs, in parallel. What fails is told, and raised after the others."""
    results, failures, lock = {}, [], threading.Lock()

    def one(design):
        try:
            result = lay_out(design, library, process)
        except Interrupted:
            return
        except ToolError as error:
            with lock:
                failures.append(error)
                if len(designs) > 1:
                    print(f"layout.py: {error}", file=sys.stderr, flush=True)
            return
        with lock:
            results[design.name] = result

    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        list(pool.map(one, designs))
    if failures:
        raise failures[0] if len(designs) == 1 else ToolError(f"{len(failures)} of {len(designs)} layouts failed")
    return {design.name: results[design.name] for design in designs if design.name in results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at a time (default: cores)")
    parser.add_argument("--block", metavar="MODULE", help="a module of rtl/ instead, and its parameters")
    parser.add_argument("--publish", action="store_true", help="also put table and pictures into rtl/")
    parser.add_argument("names", nargs="*", metavar="CONFIG", help="names or patterns of `make area`")
    args = parser.parse_args()
    if os.environ.get("LIBERTY"):
        raise LibertyError("LIBERTY=: layouts are of osu018 alone, whose outlines of cells Debian has")
    if args.block is not None and (args.names or args.publish):
        raise LibertyError("BLOCK= goes with neither CONFIGS= nor PUBLISH=")
    configs = [] if args.block is not None else area.select(args.names or DEFAULT)
    arrays = [config.name for config in configs if config.design.kept]
    if arrays:
        raise LibertyError(f"{arrays[0]} is an array: too large to place here")
    designs = [block_of(args.block)] if args.block is not None else [config.design for config in configs]
    process = Process()
    library = read_library(area.default_liberty())
    os.chdir(ROOT)  # the tools of `make area` get names relative to it
    results = results_of(designs, library, process, args.jobs)
    table.save(LAYOUTS, "block" if args.block is not None else "layout", results,
               {config.name: config.nvfp4 for config in configs}, library, args.publish)
    return 0


if __name__ == "__main__":
    sys.exit(run_program("layout.py", main))
