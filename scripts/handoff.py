#!/usr/bin/env python3
"""The hand-over of the unit to somebody's chip, tried as he would: `make handoff`.

usage: scripts/handoff.py [--work FOLDER] [--vectors N]

Four steps, each with the test plan and N random dot products (20,000), and each done again with a bug planted in its
RTL, which it must catch:
  testbench  the portable testbench on if4_mac, in Verilator and in Icarus Verilog
  stream     the same on if4_mac_axis, through a module that gives it the ports of if4_mac
  dpi        the example testbench that calls the golden model through DPI-C, in Verilator
  installed  `make install` into an empty folder; from another one, the installed kit checks the installed RTL in Icarus
Exit codes: 0 all right and all bugs caught, 1 not, 2 usage, 128 + a signal.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mutants import read_mutants
from planted import Parser, chosen, count, main_of, run_tool

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
STREAM = "testbench/kit/if4_mac_of_axis.sv"
LIMIT = 600  # seconds of one command, which take less than a minute


class Step:
    """Runs the commands of one step, and says whether they did what they should."""

    def __init__(self, name, work):
        self.name, self.work, self.right = name, work / name, True
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def run(self, what, command, code=0, says="", folder=None):
        """The command must end with that code and print that text."""
        log = self.work / f"{what.replace(' ', '_')}.log"
        start = time.monotonic()
        ended = run_tool([str(word) for word in command], folder or ROOT, str(log), LIMIT)
        right = ended == code and says in log.read_text(errors="replace")
        self.right = self.right and right
        print(f"  {self.name:10} {what:44} {'OK' if right else f'WRONG: exit code {ended}, see {log}'}"
              f" ({time.monotonic() - start:.0f} s)", flush=True)


def rtl_with(bug, work):
    """A copy of the RTL with a bug of testbench/mutants."""
    root = work / bug
    shutil.copytree(ROOT / "rtl", root / "rtl")
    chosen(read_mutants(), [bug])[0].plant(root)
    return root / "rtl"


def verify(rtl, files, top, simulator, work, vectors):
    return [sys.executable, "-B", ROOT / "scripts/kit/verify.py", "--dut", f"-F {rtl / files[0]} " + " ".join(files[1:]),
            "--top", top, "--sim", simulator, "--vectors", vectors, "--out", work]


def testbench(step, vectors):
    for simulator in ("verilator", "icarus"):
        for rtl, code, what in ((ROOT / "rtl", 0, "if4_mac"), (None, 1, "round-half-up is caught")):
            rtl = rtl or rtl_with("round-half-up", step.work / simulator)
            step.run(f"{what}, {simulator}", verify(rtl, ["if4_mac.f"], "if4_mac", simulator, step.work / what[:5], vectors),
                     code, "" if code == 0 else "testpoint ties.")


def stream(step, vectors):
    for rtl, code, what in ((ROOT / "rtl", 0, "if4_mac_axis, verilator"), (None, 1, "slice-order is caught, verilator")):
        rtl = rtl or rtl_with("slice-order", step.work)
        step.run(what, verify(rtl, ["if4_mac_axis.f", str(ROOT / STREAM)], "if4_mac_of_axis", "verilator",
                              step.work / what[:5], vectors), code, "" if code == 0 else "testpoint ties.stalled")


def dpi(step, number):
    for rtl, code, what in ((ROOT / "rtl", 0, "if4_mac"), (None, -6, "factor-mixed is caught")):
        rtl = rtl or rtl_with("factor-mixed", step.work)
        folder = step.work / what[:5]
        folder.mkdir()
        step.run(f"{what}, compiled", ["verilator", "--binary", "--timing", "-MAKEFLAGS", "OPT_FAST=-O1 OPT_GLOBAL=-O1",
                                       "--top-module", "mac_dpi_tb", "-F", rtl / "if4_mac.f", ROOT / "model/dpi/if4_dpi_pkg.sv",
                                       ROOT / "testbench/dpi/mac_dpi_tb.sv", BUILD / "libif4_dpi.so"], folder=folder)
        step.run(what, ["env", f"LD_LIBRARY_PATH={BUILD}", "obj_dir/Vmac_dpi_tb", "+seed=1", f"+dots={number}"], code,
                 f"PASS  {number} dot products" if code == 0 else "instead of", folder=folder)


def installed(step, vectors):
    prefix, elsewhere = step.work / "prefix", step.work / "elsewhere"
    elsewhere.mkdir()
    step.run("make install", ["make", "install", f"PREFIX={prefix}", "DESTDIR="])
    command = [prefix / "bin/if4-verify", "--dut", f"-F {prefix}/share/if4/rtl/if4_mac.f", "--top", "if4_mac", "--sim",
               "icarus", "--vectors", vectors]
    step.run("if4-verify on the installed if4_mac", command, folder=elsewhere)
    broken = rtl_with("scale-hidden-bit", step.work)
    shutil.copy(broken / "if4_scale_decode.sv", prefix / "share/if4/rtl")
    step.run("scale-hidden-bit is caught", command, 1, "testpoint", folder=elsewhere)


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=BUILD / "handoff")
    parser.add_argument("--vectors", type=count, default=20000, metavar="N")
    args = parser.parse_args()
    work = args.work.resolve()
    start = time.monotonic()
    vectors = work / "vectors"
    shutil.rmtree(vectors, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run([BUILD / "if4", "vectors", "--plan", "--random", str(args.vectors), "--beats", "1", "--memh", vectors],
                   check=True)
    steps = [Step(name, work) for name in ("testbench", "stream", "dpi", "installed")]
    for step, function, argument in zip(steps, (testbench, stream, dpi, installed), (vectors, vectors, args.vectors, vectors)):
        function(step, argument)
    wrong = [step.name for step in steps if not step.right]
    print(f"handoff: {'FAILED: ' + ', '.join(wrong) if wrong else 'OK'}, {time.monotonic() - start:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.umask(0o022)
    main_of("handoff.py", main)
