#!/usr/bin/env python3
"""Random mutants of the unit's netlist, and how many of them the vectors of the test plan kill.

usage: scripts/netlist_mutants.py make  --out FOLDER [--count N] [--seed N] BUILD...
       scripts/netlist_mutants.py judge --out FOLDER --program PROGRAM [--jobs N] [--only N]... BUILD...

A mutant is one change that Yosys' `mutate` makes to a pin of a gate or of a flip-flop: inverted, stuck at 0, or stuck at
1. `make` writes FOLDER/BUILD.v, a netlist of generic gates in which one of N such changes shows, the one whose number the
C function if4_fault() returns (0: none), and FOLDER/BUILD.il and BUILD.list, the netlist without changes and the changes.
`judge` runs the program, which names the mutants that it did not notice. Those of which abc proves that no input tells
them from the unit are left out of the share that was killed; no other is. With --only, nothing but the mutants of these
numbers is judged.
Exit codes: 0 at least LEAST of the mutants that differ were killed, 1 fewer, or a tool failed, 2 usage, 128 + a signal.
"""

import concurrent.futures
import os
import re
import sys
from pathlib import Path

from builds import listed, with_use
from planted import Parser, count, main_of

sys.path.insert(0, str(Path(__file__).resolve().parent / "area"))
from tools import ToolError, run, run_program, save  # noqa: E402

LEAST = 0.99
CONTROL = "if4_mutant"  # the wire that holds the number of the mutant that shows
PROOF_SECONDS = 60
MITER = "testbench/gates/mutant_miter.sv"
EQUIVALENT = "equivalent"


def build_named(name):
    for build in with_use("sim"):
        if build.name == name and build.module == "if4_mac":
            return build
    raise ValueError(f"no build of if4_mac with the use 'sim' is called '{name}'")


def yosys(commands, log, what):
    run(["yosys", "-Q", "-T", "-p", "; ".join(commands)], log, what)


def make(build, out, number, seed):
    """Writes the files of one build."""
    width = number.bit_length()
    parameters = [f"chparam -set {name} {value} if4_mac" for name, value in build.parameters.items()]
    netlist, mutants = out / f"{build.name}.net.v", out / f"{build.name}.list"
    yosys([f"read_verilog -sv {' '.join(listed('rtl/if4_mac.f'))}", *parameters, "hierarchy -top if4_mac",
           "synth -flatten -top if4_mac", "opt_clean", f"write_rtlil {out / build.name}.il",
           f"mutate -list {number} -seed {seed} -ctrl {CONTROL} {width} 1 -o {mutants}", f"script {mutants}",
           f"delete -input w:{CONTROL}", f"write_verilog -noattr {netlist}"], out / f"{build.name}.log", build.name)
    wire = f"  wire [{width - 1}:0] {CONTROL};\n"
    text = netlist.read_text()
    if text.count(wire) != 1:
        raise ToolError(f"{build.name}: the netlist has no wire {CONTROL}", f"{build.name}.log")
    save(out / f"{build.name}.v", text.replace(wire, f"""  import "DPI-C" function int if4_fault();
  reg [{width - 1}:0] {CONTROL};
  initial {CONTROL} = {width}'(if4_fault());
"""))


def read_mutants(out, name):
    """The changes, in the order of their numbers, as commands that make them for good."""
    lines = (out / f"{name}.list").read_text().splitlines()
    return [re.sub(r" -ctrl \S+ \d+ \d+", "", line) for line in lines if line.startswith("mutate ")]


def survivors(text, name):
    """The numbers of the mutants that the program did not notice, and how many it tried."""
    done = re.search(rf"^ +{name} +(\d+) of (\d+) planted faults found$", text, re.MULTILINE)
    if not done:
        raise ToolError(f"{name}: the program tried no mutants", "judge.log")
    left = [int(number) for number in re.findall(rf"^ +{name} +fault (\d+) NOT FOUND$", text, re.MULTILINE)]
    if int(done[1]) + len(left) != int(done[2]):
        raise ToolError(f"{name}: the program's counts do not add up", "judge.log")
    return left, int(done[2])


def verdict(out, name, number, mutant):
    """What is known of a mutant that no vector noticed: whether inputs exist after a reset for which its ports differ
    from the unit's, by bounded model checking, or none, by induction over signals and property-directed reachability."""
    work = out / "proofs" / f"{name}_{number}"
    work.mkdir(parents=True, exist_ok=True)
    model = work / "miter.aig"
    yosys([f"read_rtlil {out / name}.il", "copy if4_mac gold", mutant, "rename if4_mac gate",
           f"read_verilog -sv {MITER}", "hierarchy -top mutant_miter", "proc", "flatten", "async2sync", "dffunmap",
           "opt_merge", "simplemap", "aigmap", "opt_clean", "setundef -undriven -init -zero",
           f"write_aiger -zinit {model}"], work / "yosys.log", name)
    run(["yosys-abc", "-c", f"read_aiger {model}; strash; scorr; bmc3 -F 24 -T {PROOF_SECONDS}; pdr -T {PROOF_SECONDS}"],
        work / "abc.log", name)
    text = (work / "abc.log").read_text(errors="replace")
    frame = re.search(r"was asserted in frame (\d+)", text)
    if frame:
        return f"some beats show it, in clock {int(frame[1]) + 1} after the start at the earliest"
    return EQUIVALENT if re.search(r"^Property proved\.", text, re.MULTILINE) else "not decided"


def place(mutant, netlist):
    """Where a mutant is, in words of the RTL: the signals of it at the cell, and the line, as far as the netlist has them."""
    wire = re.search(r"-wire (\S+) -wirebit (\d+)", mutant)
    source = re.search(r"-src \S*/(\S+\.sv:\d+)", mutant)
    mode, port = re.search(r"-mode (\S+)", mutant)[1], re.search(r"-port (\S+)", mutant)[1]
    cell = re.search(r"-cell (\S+)", mutant)[1]
    found = re.search(rf"^  cell (\S+) {re.escape(cell)}\n((?:    .*\n)*)", netlist, re.MULTILINE)
    pins = re.findall(r"connect \\(\w+) \\(\S+(?: \[\d+\])?)$", found[2], re.MULTILINE) if found else []
    return (f"{mode} at {port}" + (f" of {wire[1]}[{wire[2]}]" if wire else "") + (f", {source[1]}" if source else "")
            + (f", in {found[1]} of " + ", ".join(f"{pin} {signal.replace(' ', '')}" for pin, signal in pins) if pins else ""))


def judge(out, program, names, jobs, only):
    mutants = {name: read_mutants(out, name) for name in names}
    for number in only:
        for name in names:
            if number > len(mutants[name]):
                raise ValueError(f"--only {number}: {name} has {len(mutants[name])} mutants")
    log = out / "judge.log"
    which = [f"--fault={number}" for number in only] or [f"--faults={len(mutants[names[0]])}"]
    try:
        run([program, "--plan", *(word for option in which for word in option.split("=")), *names], log,
            "the vectors of the plan")
    except ToolError:  # the program fails where a mutant survives; whether it ran is seen from what it printed
        pass
    text, good = log.read_text(), True
    print(f"{'build':20}{'mutants':>8}{'killed':>8}{'equivalent':>12}{'left':>6}{'killed of those that differ':>29}")
    for name in names:
        left, tried = survivors(text, name)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            verdicts = list(pool.map(lambda number: verdict(out, name, number, mutants[name][number - 1]), left))
        equivalent = verdicts.count(EQUIVALENT)
        killed, differ = tried - len(left), tried - equivalent
        share = killed / differ if differ else float(bool(only))  # of all mutants of a unit some differ
        good = good and share >= LEAST
        print(f"{name:20}{tried:8}{killed:8}{equivalent:12}{len(left) - equivalent:6}{100 * share:27.1f} %")
        netlist = (out / f"{name}.il").read_text()
        for number, word in zip(left, verdicts):
            if word != EQUIVALENT:
                print(f"  left: mutant {number}, {place(mutants[name][number - 1], netlist)}: {word}")
    return 0 if good else 1


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "judge"])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--count", type=count, default=500)
    parser.add_argument("--seed", type=count, default=1)
    parser.add_argument("--program")
    parser.add_argument("--jobs", type=count, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", type=count, action="append", default=[], metavar="N")
    parser.add_argument("builds", nargs="+")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if args.what == "judge":
        return judge(out, args.program, args.builds, args.jobs, args.only)
    for name in args.builds:
        make(build_named(name), out, args.count, args.seed)
    return 0


if __name__ == "__main__":
    main_of("netlist_mutants.py", lambda: run_program("netlist_mutants.py", main))
