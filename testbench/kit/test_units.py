#!/usr/bin/env python3
"""Our own units, pipelined and iterative, in every format, against the test plan, through `make verify`: minutes.

usage: test_units.py [verilator|icarus] [FORMAT...]      default: every format in Verilator, IF4 and IF3 in Icarus too
"""

import subprocess
import sys
import time

from kit_testing import FORMATS, ROOT

# Parameters of the unit, and what verify is told of them.
OTHERS = (
    ("if4", {"Lanes": 32}, {"LANES": 32}),
    ("if4", {"Lanes": 64, "Iterative": 1}, {"LANES": 64}),
    ("nvfp4", {"AccWidth": 49}, {"ACCWIDTH": 49}),
    ("if4", {"Depth": 1}, {}),
    ("if4", {"Depth": 1, "Iterative": 1}, {}),
    ("nvfp4", {"Depth": 1}, {}),
    ("if3", {"Depth": 1, "Scaled": 1}, {"SCALED": 1}),
    ("if4", {"Depth": 1, "Iterative": 1, "Lanes": 32}, {"LANES": 32}),
    ("if6_e3m2", {"Depth": 1, "Iterative": 1}, {}),
    ("if4", {"Scaled": 1}, {"SCALED": 1}),
    ("if3", {"Scaled": 1, "Iterative": 1}, {"SCALED": 1}),
)


def cases():
    for form in FORMATS:
        for iterative in (0, 1):
            yield form, {"Iterative": iterative}, {}
    yield from OTHERS


def verify(simulator, form, parameters, options):
    number = list(FORMATS).index(form)
    words = " ".join(f"{name}={value}" for name, value in {"Format": number, **parameters}.items())
    begin = time.monotonic()
    done = subprocess.run(["make", "-C", ROOT, "--no-print-directory", "verify", f"DUT=-F {ROOT}/rtl/if4_mac.f",
                           "TOP=if4_mac", f"PARAMS={words}", f"FORMAT={form}", f"SIM={simulator}",
                           *[f"{name}={value}" for name, value in options.items()]], capture_output=True, text=True)
    right = done.returncode == 0 and "PASS  if4_mac" in done.stdout
    print(f"{'ok  ' if right else 'FAIL'} {simulator} {words}, {time.monotonic() - begin:.0f} s", flush=True)
    if not right:
        print(done.stdout + done.stderr, flush=True)
    return right


def main():
    chosen = sys.argv[2:] or list(FORMATS)
    wanted = [(name, case) for name in (sys.argv[1:2] or ["verilator", "icarus"]) for case in cases()
              if case[0] in chosen and (sys.argv[1:2] or name == "verilator" or (case[0] in ("if4", "if3") and not case[2]))]
    wrong = [case for name, case in wanted if not verify(name, *case)]
    print(f"{len(wanted) - len(wrong)} of {len(wanted)} units pass")
    return 0 if wanted and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
