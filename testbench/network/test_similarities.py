#!/usr/bin/env python3
"""The page of similarities, on the cut of the network. IF4_PROGRAM is the program if4."""
import array
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "network" / "similarities.py"
CUT = ROOT / "testbench" / "data" / "network"
sys.path.insert(0, str(SCRIPT.parent))
import safetensors  # noqa: E402

PROGRAM = os.environ.get("IF4_PROGRAM", "build/if4")


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.report, self.output, self.page = (self.folder / name for name in ("r.json", "o.safetensors", "p.html"))

    def run_network(self, formats):
        subprocess.run([PROGRAM, "network", CUT / "network.json", "--input", CUT / "sentences.safetensors", "--format", formats,
                        "--json", self.report, "-o", self.output], cwd=ROOT, check=True, capture_output=True)

    def make(self, sentences=CUT / "sentences.txt"):
        """(exit code, stderr)"""
        ended = subprocess.run([sys.executable, "-B", SCRIPT, self.report, self.output, sentences, self.page], capture_output=True, text=True,
                               check=False)
        return ended.returncode, ended.stderr

    def test_the_page_has_the_cosines_of_the_output(self):
        self.run_network("if4+search,if4,fp32,nvfp4")
        self.assertEqual(self.make(), (0, ""))
        text = self.page.read_text()
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
        self.assertEqual(data["texts"], (CUT / "sentences.txt").read_text().splitlines())
        tensors, _ = safetensors.read(self.output)
        for shown, name in zip(data["pairs"], ("fp32", "nvfp4", "if4")):
            _, (count, columns), values = tensors[f"embedding.{name}"]
            values = array.array("f", values)
            rows = [values[first:first + columns] for first in range(0, len(values), columns)]
            dot = lambda a, b: sum(x * y for x, y in zip(a, b))
            expected = [dot(rows[i], rows[j]) / (dot(rows[i], rows[i]) * dot(rows[j], rows[j])) ** 0.5
                        for i in range(count) for j in range(i + 1, count)]
            self.assertEqual(len(shown), len(expected))
            for one, other in zip(shown, expected):
                self.assertAlmostEqual(one, other, delta=1e-4)
        for one in json.loads(self.report.read_text())["formats"]:
            self.assertIn(f"{one['mean_cosine_distance']:.4f}", text)
        self.assertEqual(re.findall(r'\b(?:src|href)="(?!#)|url\(|@import|https?://', text), [])

    def test_what_does_not_belong_together(self):
        def refused(said, **more):
            code, error = self.make(**more)
            self.assertEqual((code, error.count("\n")), (2, 1), error)
            self.assertIn(said, error)
            self.assertEqual([path for path in self.folder.iterdir() if path.name.startswith("p.html")], [])

        self.run_network("fp32,if4")
        refused("has no format nvfp4")
        self.run_network("fp32,nvfp4,if4")
        short = self.folder / "short.txt"
        short.write_text("one\ntwo\n")
        refused("has 2 sentences", sentences=short)
        refused("none.txt: No such file", sentences=self.folder / "none.txt")
        whole = self.output.read_bytes()
        self.output.write_bytes(whole[:-200])
        refused("o.safetensors")
        self.output.write_bytes(b"")
        refused("o.safetensors")
        self.output.write_bytes(whole)
        self.report.write_text("{}")
        refused("are not of `if4 network")


if __name__ == "__main__":
    unittest.main()
