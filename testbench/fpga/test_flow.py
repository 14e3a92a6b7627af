#!/usr/bin/env python3
"""Tests of `make fpga` with the tools that it runs: a unit from nothing to the table, missing tools, a full disk, signals.

usage: testbench/fpga/test_flow.py
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "fpga"))
sys.dont_write_bytecode = True

import flow  # noqa: E402
import tools  # noqa: E402

SCRIPT = ROOT / "scripts/fpga/fpga.py"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_S = 1800  # a tool that hangs
UNIT = "nvfp4_iterative"


def fpga(*arguments, **options):
    return subprocess.run([sys.executable, "-B", SCRIPT, *arguments], cwd="/", capture_output=True, text=True, timeout=LONGEST_S,
                          **options)


class Whole(unittest.TestCase):
    """A unit, in the folder of all results."""

    @classmethod
    def setUpClass(cls):
        cls.ran = fpga(UNIT)
        cls.folder = ROOT / "build" / "fpga"

    def test_the_table(self):
        self.assertEqual((self.ran.returncode, self.ran.stderr), (0, ""))
        document = json.loads((self.folder / "fpga.json").read_text())
        self.assertEqual([row["name"] for row in document["configurations"]], [UNIT])
        own = document["configurations"][0]
        rates = [seed["mhz"] for seed in own["seeds"]]
        self.assertEqual((own["mhz"], len(rates)), (sorted(rates)[2], 5))
        self.assertGreater(len(set(rates)), 1)
        self.assertEqual(own["ratios"], {"cells / nvfp4": 1, "mhz / nvfp4": 1})
        row = rf"^{UNIT} +{own['luts']} +{own['carries']} +{own['flip_flops']} +{own['logic_cells']} +{own['mhz']:.1f} "
        self.assertRegex(self.ran.stdout, re.compile(row, re.MULTILINE))
        self.assertLess(self.ran.stdout.index("What the numbers are not"), self.ran.stdout.index("configuration"))

    def test_rates_are_those_after_routing(self):
        """The log says them after placement and again after routing."""
        for seed in flow.SEEDS:
            folder = self.folder / f"{UNIT}.seed{seed}"
            said = re.findall(r"Max frequency for clock .*: ([0-9.]+) MHz", (folder / "pnr.log").read_text())
            self.assertGreaterEqual(len(said), 2)
            # The log has two decimals, which nextpnr rounds its own way.
            self.assertAlmostEqual(json.loads((folder / "result.json").read_text())["mhz"], float(said[-1]), delta=0.0101)

    def test_logic_cells_are_those_of_the_device_without_the_harness(self):
        """By the names of the cells of a packed design with the harness, which hold a cell of the unit or do not."""
        work = self.folder / f"test_packed_{os.getpid()}"
        work.mkdir()
        self.addCleanup(shutil.rmtree, work)
        tools.run(["nextpnr-ice40", *flow.DEVICE, "--json", str(self.folder / UNIT / "design.json"), "--pack-only",
                   "--pcf-allow-unconstrained", "--write", str(work / "packed.json")], work / "pack.log", UNIT)
        design = json.loads((self.folder / UNIT / "design.json").read_text())["modules"]["harness"]["cells"]
        ours = {name + end for name in design if not name.startswith("u_unit.") for end in ("_LC", "_DFFLC")}
        module = max(json.loads((work / "packed.json").read_text())["modules"].values(), key=lambda one: len(one["cells"]))
        cells = {name for name, cell in module["cells"].items() if cell["type"] == "ICESTORM_LC"}
        result = json.loads((self.folder / UNIT / "result.json").read_text())
        self.assertGreater(len(cells & ours), 147)
        self.assertEqual(len(cells - ours), result["logic_cells"])
        routed = json.loads((self.folder / f"{UNIT}.seed1" / "result.json").read_text())
        self.assertEqual(len(cells), routed["device_logic_cells"])

    def test_what_is_there_is_not_done_again(self):
        results = sorted(self.folder.glob(f"{UNIT}*/result.json"))
        before = [path.stat().st_mtime_ns for path in results]
        again = fpga(UNIT.replace("iterative", "serial"))
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertEqual([path.stat().st_mtime_ns for path in results], before)
        self.assertNotIn(" of 8 ", again.stdout)
        self.assertIn(self.ran.stdout[self.ran.stdout.index("configuration"):], again.stdout)


class Refused(unittest.TestCase):
    """In a folder of its own, which has the result of a run before."""

    def setUp(self):
        self.out = ROOT / "build" / f"fpga_refused_{os.getpid()}"
        self.addCleanup(shutil.rmtree, self.out, ignore_errors=True)
        (self.out / UNIT).mkdir(parents=True)
        (self.out / UNIT / "result.json").write_text('{"key": "old"}')
        self.arguments = ("--out", str(self.out.relative_to(ROOT)), UNIT)

    def unharmed(self):
        self.assertEqual([path.name for path in self.out.iterdir()], [UNIT])
        self.assertEqual((self.out / UNIT / "result.json").read_text(), '{"key": "old"}')

    def test_unknown_configurations(self):
        ran = fpga(*self.arguments, "if5")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr.count("\n")), (2, "", 1))
        self.assertRegex(ran.stderr, "^fpga.py: no configuration is called 'if5'; there are if4, ")
        self.unharmed()

    def test_a_missing_tool(self):
        for missing in ("yosys", "nextpnr-ice40"):
            with tempfile.TemporaryDirectory() as folder:
                for tool in {"yosys", "nextpnr-ice40"} - {missing}:
                    (Path(folder) / tool).symlink_to(shutil.which(tool))
                ran = fpga(*self.arguments, env={"PATH": folder})
            self.assertEqual((ran.returncode, ran.stdout), (2, ""))
            self.assertEqual(ran.stderr, f"fpga.py: {missing} is missing: install what Debian and Ubuntu call {missing}\n")
            self.unharmed()

    def test_a_full_disk(self):
        limit = 100_000  # bytes a file, which fails as a full disk does
        ran = fpga(*self.arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assertEqual((ran.returncode, ran.stdout), (2, ""))
        self.assertRegex(ran.stderr, rf"^fpga.py: build/{self.out.name}: no space left for {UNIT}[a-z0-9.]*\n$")
        self.unharmed()

    def tools_of(self):
        """The processes that work in the folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.out.name.encode() in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    def test_signals(self):
        for number in SIGNALS:
            program = subprocess.Popen([sys.executable, "-B", SCRIPT, "--jobs", "2", *self.arguments, "if4_iterative"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in SIGNALS])
            begun = time.monotonic()
            while len(list(self.out.glob(".*iterative*/yosys.log"))) < 2:
                self.assertIsNone(program.poll())
                self.assertLess(time.monotonic() - begun, LONGEST_S)
                time.sleep(0.02)
            program.send_signal(number)
            _, said = program.communicate(timeout=LONGEST_S)
            self.assertEqual((program.returncode, said), (128 + number, ""))
            self.assertEqual(self.tools_of(), [])
            self.unharmed()


if __name__ == "__main__":
    unittest.main()
