#!/usr/bin/env python3
"""Runs the formal proofs of the RTL and prints one line each: what is proven, how, and that a planted bug is refuted.

usage: scripts/formal.py [--list] [--jobs N] [NAME...]

The proofs are in testbench/formal/proofs.txt, which says how to write one; their harnesses are beside it. Logs go to
build/formal/NAME. A proof runs on the RTL in all its configurations and must hold in each, then on a copy of the RTL
with the bug that is listed with it, and must fail there, with a counterexample. Anything else is a failure: a tool that
is missing or breaks, no answer, no time left, no property to check, a bug whose text is no longer in the RTL.
Exit codes: 0 all proven and all bugs refuted, 1 not, or nothing was proven, 2 usage or a mistake in proofs.txt.
"""

import concurrent.futures
import itertools
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from builds import listed
from planted import Parser, PlantedBug, chosen, count, main_of, new_name, read_lines, run_tool

ROOT = Path(__file__).resolve().parent.parent
FORMAL = ROOT / "testbench" / "formal"
WORK = ROOT / "build" / "formal"
TIMEOUT = 900  # seconds of one configuration

PROVED, REFUTED, UNKNOWN = "PROVED", "REFUTED", "UNKNOWN"
ONE_VALUE = ("what", "top", "engine", "bug", "bug-config")


def expanded(config):
    """The configurations that a line stands for: one for each choice among values with commas between them."""
    items = [item.partition("=") for item in config.split()]
    return [list(choice) for choice in itertools.product(*([f"{name}={value}" for value in values.split(",")]
                                                           for name, _, values in items))]


@dataclass
class Proof:
    name: str
    what: str = ""
    top: str = ""
    engine: str = ""
    uses: list = field(default_factory=list)     # files in testbench/formal besides the harness
    without: list = field(default_factory=list)  # modules of the RTL that a harness brings itself
    probes: list = field(default_factory=list)   # wires of the harness, and what of the design they show
    cuts: list = field(default_factory=list)     # what becomes free inputs, as yosys selects it
    configs: list = field(default_factory=list)  # each a list of NAME=VALUE
    bug: str = ""                                # in a few words; planted is the change itself
    bug_config: str = ""
    planted: PlantedBug = None

    def read_line(self, key, value):
        """Takes a line of the entry; false if it is none."""
        if key in ONE_VALUE:
            setattr(self, key.replace("-", "_"), value)
        elif key in ("uses", "without"):
            getattr(self, key).extend(value.split())
        elif key == "cut":
            self.cuts.extend(value.split())
        elif key == "probe":
            self.probes.append(value.split())
        elif key == "config":
            self.configs.extend(expanded(value))
        else:
            return self.planted.read_line(key, value)
        return True


def read_proofs(path=FORMAL / "proofs.txt"):
    proofs = []
    for place, key, value in read_lines(path):
        if key == "proof":
            name = new_name(place, value, proofs)
            proofs.append(Proof(name, planted=PlantedBug(name)))
        elif not proofs or not proofs[-1].read_line(key, value):
            raise ValueError(f"{place}: not a line of a proof: '{key} {value}'")
    for proof in proofs:
        planted = proof.planted
        if not (proof.what and proof.top and proof.engine and proof.bug and planted.file and planted.original):
            raise ValueError(f"{path}: proof {proof.name} lacks one of: what, top, engine, bug, file, -")
        proof.configs = proof.configs or [[]]
    return proofs


def plant(proof, root):
    """Makes a copy of the RTL below root, with the bug of the proof."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ROOT / "rtl", root / "rtl")
    proof.planted.plant(root)


def sources(proof, rtl):
    names = [Path(name).relative_to("rtl")
             for name in dict.fromkeys(listed("rtl/if4_mac_axis.f") + listed("rtl/array/if4_array.f"))]
    files = [rtl / name for name in names if name.stem not in proof.without]
    own = [] if any(name.stem == proof.top for name in names) else [proof.top]
    harness = [FORMAL / f"{name}.sv" for name in ["formal_tables", *proof.uses, *own]]
    return files[:1] + harness[:1] + files[1:] + harness[1:]


class Failed(Exception):
    """A tool that is missing, broken, or out of time."""


def run(command, folder, log, timeout):
    """Exit code and output."""
    try:
        code = run_tool(command, folder, log, timeout)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed") from None
    if code is None:
        raise Failed(f"no answer in {timeout:.0f} s")
    return code, (folder / log).read_text(errors="replace")


def probes(proof, design, folder):
    """Wires of the harness, and what they show. A name with [*] stands for the wires with any number there, one above the
    other in one wide wire; which there are is asked of the flattened design."""
    if not any("[*]" in shown for _, shown in proof.probes):
        return proof.probes
    # Escaped: a bracket means a set of letters to select.
    patterns = [f"w:{shown.replace('[*]', '?*?')}" for _, shown in proof.probes if "[*]" in shown]
    (folder / "names.ys").write_text("\n".join([*design, f"tee -o names.txt select -list {' '.join(patterns)}"]) + "\n")
    code, _ = run(["yosys", "names.ys"], folder, "names.log", TIMEOUT)
    if code != 0:
        raise Failed(f"yosys: exit code {code}, see {folder / 'names.log'}")
    names = [line.partition("/")[2] for line in (folder / "names.txt").read_text().splitlines()]
    shown_by = []
    for wire, shown in proof.probes:
        number = re.compile(re.escape(shown).replace(r"\[\*\]", r"\[(\d+)\]"))
        found = {int(match[1]): match[0] for match in map(number.fullmatch, names) if match} if "[*]" in shown else {0: shown}
        if not found:
            raise Failed(f"no wire of the design is called {shown}")
        shown_by.append((wire, ",".join(found[key] for key in sorted(found, reverse=True))))
    return shown_by


def yosys(proof, rtl, config, folder, commands, checked="t:$assert"):
    """Reads and flattens the design, runs the commands. Raises where it fails, or has nothing of what is checked."""
    files = " ".join(str(path) for path in sources(proof, rtl))
    parameters = " ".join(f"-chparam {item.replace('=', ' ')}" for item in config)
    # -defer: only what the harness has is elaborated.
    design = [f"read_verilog -defer -sv -formal {files}", f"hierarchy -check -top {proof.top} {parameters}", "proc", "flatten",
              "memory_map"]
    script = [*design,
              # Inputs up to here, as a wire that nothing drives would be x by now.
              *(f"delete -input w:{wire}\nconnect -nounset -set {wire} {shown}"
                for wire, shown in probes(proof, design, folder)),
              # A cut that is not there would be none.
              *(f"select -assert-min 1 {cut}\ncutpoint {cut}" for cut in proof.cuts), "opt_clean",
              # A property that is not in the design cannot fail.
              f"select -assert-min 1 {checked}", *commands]
    (folder / "prove.ys").write_text("\n".join(script) + "\n")
    code, text = run(["yosys", "prove.ys"], folder, "yosys.log", TIMEOUT)
    error = re.search(r"^(?:.*: )?ERROR: (.*)", text, re.M)
    if code != 0 and not (error and error[1].startswith("Called with -verify and proof did fail")):
        raise Failed(f"yosys: {error[1] if error else f'exit code {code}'}")
    return text


def prove_sat(proof, rtl, config, folder, options):
    """The SAT solver of yosys (MiniSat), on a combinational harness."""
    text = yosys(proof, rtl, config, folder,
                 ["opt -full", f"sat -prove-asserts -set-assumes -timeout {TIMEOUT} {options}"])
    if "no model found: SUCCESS!" in text:
        return PROVED
    return REFUTED if "model found: FAIL!" in text else UNKNOWN


def aiger(proof, rtl, config, folder, *commands):
    yosys(proof, rtl, config, folder,
          ["async2sync", *commands, "opt -full", "techmap", "opt -fast", "dffunmap", "simplemap", "aigmap",
           "write_aiger -zinit prove.aig"])


def prove_pdr(proof, rtl, config, folder, options):
    """abc's property-directed reachability: unbounded, from the reset on. Registers without reset start
    with any value, or with 0 if `options` is zero."""
    aiger(proof, rtl, config, folder, *(["setundef -zero -init"] if options == "zero" else []))
    _, text = run(["yosys-abc", "-c", f"read_aiger prove.aig; fold; orpos; strash; scorr; pdr -T {TIMEOUT}"], folder,
                  "abc.log", TIMEOUT)
    if re.search(r"^Property proved\.", text, re.M):
        return PROVED
    return REFUTED if re.search(r"Output \d+ .*was asserted in frame", text) else UNKNOWN


def prove_bounded(proof, rtl, config, folder, options):
    """abc's bounded model checking: the first clocks from the reset on, as many as `options` says, and as prove_pdr for the
    rest. For what no engine here proves without a bound in fair time."""
    clocks, _, zero = options.partition(" ")
    aiger(proof, rtl, config, folder, *(["setundef -zero -init"] if zero == "zero" else []))
    _, text = run(["yosys-abc", "-c", f"read_aiger prove.aig; fold; orpos; strash; scorr; bmc3 -F {clocks} -T {TIMEOUT}"],
                  folder, "abc.log", TIMEOUT)
    if re.search(rf"^No output asserted in {clocks} frames\.", text, re.M):
        return PROVED
    return REFUTED if re.search(r"Output \d+ .*was asserted in frame", text) else UNKNOWN


def prove_unrolled(proof, rtl, config, folder, options):
    """abc on the first clocks of a harness that ends there; `options` is their number. Sweeping by SAT finds the numbers
    that the RTL and its reference have in common, and must leave nothing but the constant 0."""
    aiger(proof, rtl, config, folder)
    _, text = run(["yosys-abc", "-c", f"read_aiger prove.aig; fold; orpos; frames -i -F {options}; orpos; strash; &get; "
                   "&fraig; &put; sat"], folder, "abc.log", TIMEOUT)
    answer = re.search(r"^(UNSATISFIABLE|SATISFIABLE) ", text, re.M)
    return {"UNSATISFIABLE": PROVED, "SATISFIABLE": REFUTED}[answer[1]] if answer else UNKNOWN


def prove_induction(proof, rtl, config, folder, options):
    """The SAT solver of yosys, by induction over the clocks: the step is one clock. A step that fails says nothing about
    the design yet: it counts as refuted where a run of at most `options` clocks from the start breaks a property."""
    text = yosys(proof, rtl, config, folder, ["async2sync", "opt -full",
                 f"sat -tempinduct -prove-asserts -set-assumes -maxsteps 1 -timeout {TIMEOUT}"])
    if "Induction step proven: SUCCESS!" in text:
        return PROVED
    text = yosys(proof, rtl, config, folder, ["async2sync", "opt -full", "sat -tempinduct-baseonly -prove-asserts "
                 f"-set-assumes -maxsteps {options} -timeout {TIMEOUT} -show-inputs"])
    return REFUTED if "model found for base case: FAIL!" in text else UNKNOWN


def prove_paths(proof, rtl, config, folder, options):
    """No output depends on an input but through a register: what the outputs are computed from, back to the registers, has
    no port. The harness is a module of the RTL as it is, without a property."""
    text = yosys(proof, rtl, config, folder, ["tee -o path.txt select -list o:* %cie* i:* %i"], checked="o:*")
    if "End of script." not in text:
        return UNKNOWN
    return REFUTED if (folder / "path.txt").read_text().strip() else PROVED


def prove_exhaust(proof, rtl, config, folder, options):
    """Every case, in the Verilated harness: TOP.cpp beside it runs through them and says how it went."""
    parameters = [f"-G{item}" for item in config]
    for command, log in (
            (["verilator", "--cc", "--exe", "-O3", "--x-assign", "fast", "-Wno-fatal", "-Wno-lint", "--top-module",
              proof.top, *parameters, "--Mdir", "verilated", "-CFLAGS", "-std=c++17", *sources(proof, rtl),
              FORMAL / f"{proof.top}.cpp"], "verilator.log"),
            (["make", "-C", "verilated", "-f", f"V{proof.top}.mk", "OPT_FAST=-O2", "OPT_SLOW=-O0"], "make.log")):
        code, _ = run(command, folder, log, TIMEOUT)
        if code != 0:
            raise Failed(f"{command[0]}: exit code {code}, see {folder / log}")
    code, text = run([folder / "verilated" / f"V{proof.top}"], folder, "run.log", TIMEOUT)
    if code == 0 and re.match(r"PROVED [1-9]\d* cases$", text):
        return PROVED
    return REFUTED if code == 0 and text.startswith("REFUTED ") else UNKNOWN


ENGINES = {"sat": prove_sat, "paths": prove_paths, "pdr": prove_pdr, "bounded": prove_bounded, "unrolled": prove_unrolled, "induction": prove_induction,
           "exhaust": prove_exhaust}


def check(proof, rtl, config, folder):
    """One configuration: PROVED, REFUTED, or what went wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    engine, _, options = proof.engine.partition(" ")
    start = time.monotonic()
    try:
        answer = ENGINES[engine](proof, rtl, config, folder, options)
    except Failed as failed:
        answer = str(failed)
    return answer, time.monotonic() - start


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the proofs and stop")
    parser.add_argument("--jobs", type=count, default=os.cpu_count() or 1, metavar="N",
                        help="configurations at a time")
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these")
    args = parser.parse_args()

    proofs = chosen(read_proofs(), args.names)
    if args.list:
        for proof in proofs:
            print(f"{proof.name:20} {len(proof.configs):3} configurations  {proof.what}")
        return 0

    for proof in proofs:
        plant(proof, WORK / proof.name / "bug")

    pending, passed = {}, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for proof in proofs:
            folder = WORK / proof.name
            runs = [pool.submit(check, proof, ROOT / "rtl", config, folder / ("-".join(config) or "all"))
                    for config in proof.configs]
            bug_config = proof.bug_config.split() or proof.configs[0]
            runs.append(pool.submit(check, proof, folder / "bug" / "rtl", bug_config, folder / "bug" / "run"))
            pending[proof.name] = runs
        for proof in proofs:
            *runs, bug = [job.result() for job in pending[proof.name]]
            seconds = sum(spent for _, spent in runs)
            wrong = [f"{' '.join(config) or 'all'}: {answer}" for config, (answer, _) in zip(proof.configs, runs)
                     if answer != PROVED]
            ok = not wrong and bug[0] == REFUTED
            passed += ok
            caught = "refuted" if bug[0] == REFUTED else f"NOT REFUTED ({bug[0]})"
            print(f"{PROVED if not wrong else 'FAILED':7} {proof.name:16} {proof.what}  [{proof.engine.split()[0]}, "
                  f"{len(runs)} run{'s' if len(runs) > 1 else ''}, {seconds:.1f} s]  planted bug, {proof.bug}: {caught} "
                  f"{bug[1]:.1f} s", flush=True)
            for line in wrong:
                print(f"        {line}, see {WORK / proof.name}", flush=True)
    print(f"formal: {passed} of {len(proofs)} proofs hold and refute their planted bug")
    return 0 if proofs and passed == len(proofs) else 1


if __name__ == "__main__":
    main_of("formal.py", main)
