#!/usr/bin/env python3
"""Tests of scripts/manifests.py: rtl/if4.core and Bender.yml name the files of the lists, and no planted difference passes."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "manifests.py"


def check(root):
    return subprocess.run([sys.executable, "-B", SCRIPT, "--check", root], capture_output=True, text=True)


def listed(path, folder):
    """The files of a list, relative to the folder of a manifest."""
    names = re.findall(r"^([^/\s]\S*\.sv)$", path.read_text(), re.M)
    return [os.path.relpath(path.parent / name, folder) for name in names]


class Manifests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.copy = Path(self.folder.name)
        shutil.copytree(ROOT / "rtl", self.copy / "rtl")
        (self.copy / "scripts").mkdir()
        shutil.copy(ROOT / "scripts" / "version.sh", self.copy / "scripts")
        shutil.copy(ROOT / "Bender.yml", self.copy)

    def tearDown(self):
        self.folder.cleanup()

    def test_the_tree(self):
        done = check(ROOT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_read_without_the_script(self):
        # Every line "- FILE.sv" of a manifest, in order, whatever set it is in.
        for manifest in (ROOT / "rtl" / "if4.core", ROOT / "Bender.yml"):
            named = re.findall(r"^ +- (\S+\.sv)$", manifest.read_text(), re.M)
            self.assertEqual(len(named), len(set(named)), "a file is named twice")
            of_lists = set()
            for path in (ROOT / "rtl").rglob("*.f"):
                files = listed(path, manifest.parent)
                self.assertGreater(len(files), 1)
                self.assertEqual([name for name in named if name in files], files, f"{manifest.name} and {path.name}")
                of_lists.update(files)
            self.assertEqual(set(named), of_lists)
            for name in named:
                self.assertTrue((manifest.parent / name).is_file(), name)

    def test_planted_differences(self):
        edits = (
            ("rtl/if4.core", "      - if4_dot.sv\n", ""),
            ("rtl/if4.core", "if4_sum.sv\n      - if4_dot.sv", "if4_dot.sv\n      - if4_sum.sv"),
            ("rtl/if4.core", "if4:0.1.0", "if4:0.1.1"),
            ("Bender.yml", "  - rtl/if4_mac.sv\n", ""),
            ("Bender.yml", "rtl/if4_mac.sv", "rtl/if4_macs.sv"),
            ("Bender.yml", "target: if4_baseline", "target: baseline"),
            ("rtl/if4_mac.f", "if4_mac.sv", "if4_other.sv\nif4_mac.sv"),
            ("rtl/baseline/lane_fp32_mac.f", "fp32_add.sv\n", ""),
            ("scripts/version.sh", "version=0.1.0", "version=0.2.0"),
        )
        for file, before, after in edits:
            with self.subTest(file=file, before=before):
                path = self.copy / file
                text = path.read_text()
                self.assertEqual(text.count(before), 1)
                path.write_text(text.replace(before, after))
                done = check(self.copy)
                self.assertEqual(done.returncode, 1)
                self.assertIn("does not say what the lists of files say", done.stdout)
                path.write_text(text)
        self.assertEqual(check(self.copy).returncode, 0)

    def test_lists_that_disagree(self):
        path = self.copy / "rtl" / "array" / "if4_array.f"
        path.write_text(path.read_text().replace("../if4_sum.sv\n../if4_dot.sv", "../if4_dot.sv\n../if4_sum.sv"))
        done = check(self.copy)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("disagree about the order of if4_sum.sv", done.stderr)

    def test_writes_what_it_checks(self):
        (self.copy / "Bender.yml").unlink()
        subprocess.run([sys.executable, "-B", SCRIPT, self.copy], check=True)
        self.assertEqual((self.copy / "Bender.yml").read_text(), (ROOT / "Bender.yml").read_text())


if __name__ == "__main__":
    unittest.main()
