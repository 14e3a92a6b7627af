#!/usr/bin/env python3
"""Makes C++ of the RTL of a build of if4_mac, in which each net is a vector of bits of many units.

usage: scripts/bits/make.py BUILD --out FILE.cpp

Yosys makes a netlist of lookup tables with three inputs, which suits what vectors can do in one instruction, and writes it
beside FILE as FILE.json, with its log. FILE is not written again if it would not change.
Exit codes: 0 done, 1 Yosys failed, or made what is no netlist of gates with one clock, 2 usage, 128 + a signal.
"""

import argparse
import sys
from pathlib import Path

import emit
import netlist

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in (".", "area")]
from builds import listed, with_use  # noqa: E402
from tools import ToolError, run, run_program, save  # noqa: E402

# abc's dch finds choices of structure, if maps them for area and mfs2 takes away what is redundant.
MAPPING = "+strash;dch;if,-a,-K,3;mfs2"


def yosys(build, path):
    """Writes the netlist of a build as JSON."""
    top = build.module
    parameters = [f"chparam -set {name} {value} {top}" for name, value in build.parameters.items()]
    commands = [f"read_verilog -sv {' '.join(listed(build.files))}", *parameters, f"hierarchy -top {top}", "proc",
                "flatten", "opt -full", "wreduce", "peepopt", "opt_clean", "alumacc", "opt -fast", "techmap",
                "opt -fast", f"abc -lut 3 -script {MAPPING}", "opt_clean", "check -assert", f"write_json {path}"]
    run(["yosys", "-Q", "-T", "-p", "; ".join(commands)], path.with_suffix(".log"), build.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    builds = {build.name: build for build in with_use("sim") if build.module == "if4_mac"}
    if args.build not in builds:
        parser.error(f"no build of if4_mac with the use 'sim' is called '{args.build}'")
    out = args.out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_suffix(".json")
    yosys(builds[args.build], path)
    try:
        save(out, emit.source(args.build, netlist.read(path)))
    except netlist.NetlistError as error:
        raise ToolError(f"{args.build}: {error}", path.with_suffix(".log").name) from None
    return 0


if __name__ == "__main__":
    sys.exit(run_program("make.py", main))
