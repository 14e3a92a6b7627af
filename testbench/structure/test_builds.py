#!/usr/bin/env python3
"""Tests of scripts/builds.py: what it makes of the table of builds, that a wrong table is refused with its line, and that
no build is left out of the tests."""

import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True

import builds  # noqa: E402

FILES = "files if4_mac rtl/if4_mac.f\nfiles fp32_add rtl/baseline/lane_fp32_mac.f\n"
GOOD = FILES + "if4_mac if4_mac - | run sim trace lint area=if4\nnarrow if4_mac Format=nvfp4 AccWidth=49 | sim\n"


def read(text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        return builds.read(Path(file.name))


class Table(unittest.TestCase):
    def test_rows(self):
        first, second = read(GOOD)
        self.assertEqual((first.name, first.parameters, first.area, first.format), ("if4_mac", {}, "if4", "if4"))
        self.assertEqual(second.parameters, {"Format": builds.format_names().index("nvfp4"), "AccWidth": 49})
        self.assertEqual(second.uses, ("sim",))

    def test_generated(self):
        make = builds.makefile(read(GOOD))
        self.assertIn("PARAMETERS_narrow := -GFormat=2 -GAccWidth=49\n", make)
        self.assertIn("BUILDS_sim := if4_mac narrow\n", make)
        self.assertIn("BUILDS_trace := if4_mac\n", make)
        table = builds.table_source(read(GOOD))
        self.assertIn('{"narrow", "if4_mac", static_cast<Format>(2), 16, 49, false, 0, false, 8, 8, false, false},', table)
        scaled = builds.table_source(read(GOOD + "scaled if4_mac Scaled=1 | sim\n"))
        self.assertIn('{"scaled", "if4_mac", static_cast<Format>(0), 16, 0, false, 0, true, 8, 8, false, false},', scaled)
        self.assertIn("VerilatedUnit<Vif4_mac, true>::Registration", builds.build_source(read(GOOD)[0]))

    def test_refused(self):
        cases = {
            "x if4_mac - | sim\nx if4_mac Lanes=32 | sim\n": "4: the name x or its name for area",
            "x if4_mac - | area=a\ny if4_mac Lanes=32 | area=a\n": "4: the name y or its name for area",
            "x if4_mac - | sim\ny if4_mac - | lint\n": "4: y has the module and the parameters of x",
            "x if4_mac Format=fp4 | sim\n": "3: no format is called 'fp4'",
            "x if4_mac Lanes=-1 | sim\n": "3: the value of Lanes is not a whole number",
            "x if4_mac Lanes=1 Lanes=2 | sim\n": "3: not a new NAME=VALUE",
            "x if4_mac Width=1 | sim\n": "3: the simulators have no parameter Width",
            "x other - | sim\n": "3: no line 'files other LIST' comes before",
            "x if4_mac - | sims\n": "3: not a new use: 'sims'",
            "x if4_mac - | sim sim\n": "3: not a new use: 'sim'",
            "x if4_mac - | area\n": "3: not a new use: 'area'",
            "x if4_mac - |\n": "3: the build x is of no use",
            "x if4_mac - | run\n": "3: run, trace and bits need sim",
            "x if4_mac - | bits\n": "3: run, trace and bits need sim",
            "fp32_add fp32_add - | sim bits\n": "3: bits is a use of if4_mac alone",
            "fp32_add fp32_add - | fpga area=add\n": "3: fpga is a use of if4_mac alone",
            "x if4_mac - | fpga\n": "3: fpga is a use of if4_mac alone, under its name for area",
            "x if4_mac -\n": "3: a row is NAME MODULE PARAMETERS | USES",
            "X if4_mac - | sim\n": "3: 'X' is not a name",
            "files if4_mac\n": "3: the line is 'files MODULE LIST'",
            "": "no builds",
        }
        for text, message in cases.items():
            with self.subTest(text), self.assertRaisesRegex(builds.TableError, re.escape(message)):
                read(FILES + text)

    def test_format_names(self):
        self.assertEqual(builds.format_names()[:3], ["if4", "mixfp4", "nvfp4"])
        self.assertEqual(len(builds.format_names()), 16)


class Project(unittest.TestCase):
    """The project's own table."""

    def test_files(self):
        for build in builds.read():
            self.assertTrue((ROOT / build.files).is_file(), build.files)

    # The suite asks the simulators for all builds that they have. The classes of other modules are named in its sources.
    def test_classes_are_tested(self):
        text = "".join(path.read_text() for path in (ROOT / "testbench" / "rtl").glob("*.cpp"))
        for build in builds.with_use("sim"):
            if not build.simulated:
                self.assertRegex(text, rf"\bV{build.name}\b", f"no test names the class of the build {build.name}")


if __name__ == "__main__":
    unittest.main()
