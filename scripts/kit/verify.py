#!/usr/bin/env python3
"""Verifies a MAC with the ports of if4_mac: `make verify`; testbench/kit/README.md says how.

usage: scripts/kit/verify.py --dut=FILES --top=NAME [--NAME=VALUE]...      --help lists all

Exit codes: 0 the MAC is right; 1 it is wrong, or hangs; 2 bad input, or it does not compile, with one line on stderr;
128 + a signal.
"""

import argparse
import fcntl
import re
import shlex
import shutil
import sys
from pathlib import Path

import report
import simulators
import sources
import vectors
from formats import FORMATS
from process import KitError, handle_signals, run

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = not (ROOT / "Makefile").is_file()  # the kit of `make install`, whose command is if4-verify
HEARTBEAT = 64  # clocks
WAVE_BEFORE, WAVE_AFTER = 160, 24  # clocks around the first mismatch; before it, the latency of an iterative unit and beats

# Each with its default and its meaning. Those that begin with --dut are the variables of `make verify`.
OPTIONS = {
    "dut": ("", "source files of the MAC, and -F LIST, +incdir+FOLDER, +define+NAME, in one argument"),
    "top": ("", "its module, with the ports of if4_mac"),
    "params": ("", "its parameters: \"NAME=VALUE ...\""),
    "format": ("if4", f"its format: {' '.join(FORMATS)}"),
    "lanes": ("16", "its lanes: 16, 32 or 64"),
    "accwidth": ("", "bits of its accumulator (default: the least that hold 1,024 of the largest beats)"),
    "scaled": ("0", "1: its results leave out the factor 1 / r^2 of its format, 1/49 for if4"),
    "sim": ("", "verilator or icarus (default: verilator, if it is installed)"),
    "seed": ("1", "of random operands and stalls"),
    "caller": ("", "the folder that relative names begin in (default: this one)"),
    "program": (str(ROOT / "build" / "kit" / "if4"), "the program if4, which writes the vectors"),
    "out": (str(ROOT / "build" / "verify"), "the folder for what is made"),
    "vectors": ("", "a folder of $readmemh files, instead of those of the test plan"),
    "plusargs": ("", "more arguments of the simulation"),
    "standstill": ("30", "seconds of processor time without a clock after which the simulation hangs"),
}


def whole(name, text, least, choices=None):
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text) or int(text) < least or (choices and int(text) not in choices):
        wanted = f"one of {' '.join(map(str, choices))}" if choices else f"a whole number from {least} on"
        raise KitError(f"{name}={text} is not {wanted}")
    return int(text)


def read_parameters(text):
    found = {}
    for word in text.split():
        match = re.fullmatch(r"([A-Za-z_]\w*)=(-?[0-9][0-9_]*|[0-9]*'s?[bodhBODH][0-9a-fA-F_]+|\"[^\"\\,]*\"|[A-Za-z_][\w:]*)",
                             word)
        if not match:
            raise KitError(f"PARAMS: '{word}' is not NAME=VALUE with a number")
        if match[1] in found:
            raise KitError(f"PARAMS: {match[1]} is given twice")
        found[match[1]] = match[2]
    return found


class Options:
    """What is to be verified, checked."""

    def __init__(self, args):
        if not args.dut.strip():
            raise KitError("DUT= is missing: give the source files of the MAC, DUT=\"my_mac.sv more.sv\"")
        if not args.top:
            raise KitError("TOP= is missing: give the name of the MAC's module")
        if not re.fullmatch(r"[A-Za-z_][\w$]*", args.top):
            raise KitError(f"TOP={args.top} is not the name of a module")
        if args.format not in FORMATS:
            raise KitError(f"FORMAT={args.format} is none of: {' '.join(FORMATS)}")
        self.top, self.format = args.top, args.format
        self.dut = args.dut.split()
        self.parameters = read_parameters(args.params)
        self.lanes = whole("LANES", args.lanes, 16, (16, 32, 64))
        self.acc_width = whole("ACCWIDTH", args.accwidth, 1) if args.accwidth else None
        self.scaled = whole("SCALED", args.scaled, 0, (0, 1))
        self.seed = whole("SEED", args.seed, 0) if args.seed else 1
        self.simulator = simulators.choose(args.sim)
        self.base = Path(args.caller or ".").resolve()
        self.sources = sources.read_sources(self.dut, self.base)
        self.args = args

    def folder_name(self):
        """Of the folder of the run below build/verify, the same for the same arguments."""
        words = [self.top, *[f"{name}{value}" for name, value in self.parameters.items()], self.format, str(self.lanes),
                 *([str(self.acc_width)] if self.acc_width else []), *(["scaled"] if self.scaled else []),
                 self.simulator.program]
        return re.sub(r"[^A-Za-z0-9_.-]+", "_", "-".join(words))[:120]

    def told_sources(self):
        files = self.sources.files
        return str(files[0]) if len(files) == 1 else f"{len(files)} files, {' '.join(self.dut)} in {self.base}"

    def vector_options(self):
        return ["--format", self.format, "--lanes", str(self.lanes), "--seed", str(self.seed),
                *(["--acc-width", str(self.acc_width)] if self.acc_width else []), *(["--scaled"] if self.scaled else [])]

    def command(self):
        """What repeats the run."""
        values = {"dut": " ".join(self.dut), "top": self.top,
                  "params": " ".join(f"{name}={value}" for name, value in self.parameters.items()),
                  "format": self.format, "lanes": self.lanes, "accwidth": self.acc_width or "",
                  "scaled": self.scaled or "",
                  "sim": next(name for name, kind in simulators.SIMULATORS.items() if kind is self.simulator),
                  "seed": self.seed}
        words = [f"{f'--{name}' if INSTALLED else name.upper()}={shlex.quote(str(value))}"
                 for name, value in values.items() if value != ""]
        folder = "" if self.base == ROOT else f"-C {shlex.quote(str(ROOT))} "
        return " ".join(["if4-verify" if INSTALLED else f"make {folder}verify", *words])


def lock(work):
    """Keeps another run out of the folder until this one ends."""
    work.mkdir(parents=True, exist_ok=True)
    handle = open(work / "lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise KitError(f"another verification is at work in {work}") from None
    return handle


def simulate(options, simulator, folder, begin, extra, log):
    """Runs the simulation, and returns what it said as a report.Outcome."""
    outcome = report.Outcome(begin)
    plusargs = [f"+vectors={folder}", f"+seed={options.seed % (1 << 31)}", f"+heartbeat={HEARTBEAT}", "+finish",
                *options.args.plusargs.split(), *extra]
    outcome.code, outcome.stood_still = run(simulator.simulation(plusargs, options.seed, begin), options.base,
                                            log, on_line=outcome.take_line, standstill=int(options.args.standstill))
    return outcome


def verify(options, work):
    simulator = options.simulator(work)
    for name in ("report.txt", "wave.vcd"):
        (work / name).unlink(missing_ok=True)
    if options.args.vectors:
        folder = Path(options.args.vectors).resolve()
    else:
        folder = work / "vectors"
        shutil.rmtree(folder, ignore_errors=True)
        vectors.write(Path(options.args.program).resolve(), folder, options.vector_options(), work)
    given = vectors.Vectors(folder)
    simulator.compile(options.sources, options.top, options.parameters, folder)
    for begin in simulator.begins:
        outcome = simulate(options, simulator, folder, begin, [], work / "simulation.log")
        outcome.check(work / "simulation.log")
        if not outcome.right:
            break
    wave = None
    if not outcome.right and outcome.mismatches:
        clock = outcome.mismatches[0].clock
        wave = work / "wave.vcd"
        simulate(options, simulator, folder, begin, [f"+dump={wave}", f"+dump_from={max(0, clock - WAVE_BEFORE)}",
                                                     f"+dump_to={clock + WAVE_AFTER}"], work / "wave.log")
        wave = wave if wave.is_file() else None
    text = report.text(options, given, outcome, wave, work)
    (work / "report.txt").write_text(text + "\n" + report.table(given, outcome))
    print(text, flush=True)
    return 0 if outcome.right else 1


def main():
    parser = argparse.ArgumentParser(prog="if4-verify" if INSTALLED else None,
                                     description="Verifies a MAC with the ports of if4_mac.")
    for name, (default, meaning) in OPTIONS.items():
        parser.add_argument(f"--{name}", default=default, metavar="X", help=meaning)
    args = parser.parse_args()
    args.format, args.lanes, args.scaled = args.format or "if4", args.lanes or "16", args.scaled or "0"
    handle_signals()
    try:
        options = Options(args)
        work = Path(args.out).resolve() / options.folder_name()
        with lock(work):
            return verify(options, work)
    except KitError as error:
        line, _, log = str(error).partition("\n")
        print(f"verify: {line}" + (f" ({log})" if log else ""), file=sys.stderr)
    except OSError as error:
        print(f"verify: {error.filename or args.out}: {error.strerror}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
