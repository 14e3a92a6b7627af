#!/usr/bin/env python3
"""One array of one cell through the whole flow: synthesis and energy too are what their own commands say."""

import json
import re
import shlex
import subprocess
import unittest

import explore_testing as testing


class FlowTest(testing.ExploreTest):
    def test_a_point_by_all_its_commands(self):
        path = self.folder / "spec.toml"
        path.write_text(testing.spec_text(format="nvfp4", rows=1, columns=1, network="vit_b_16"))
        code, out, error = self.explore("run", spec=path)
        self.assertEqual(code, 0, out + error)
        self.assertIn("1 synthesis, 1 energy, 1 cycles, 1 accuracy", out)
        point, = json.loads((self.out / "results.json").read_text())["points"]
        values, commands = point["values"], point["commands"]
        # make area ARRAY=... LIBERTY=... is arrays.py with both; make would build first.
        words = dict(word.split("=", 1) for word in shlex.split(commands["synthesis"])[2:])
        said = self.said("scripts/area/arrays.py", "--liberty", words["LIBERTY"], words["ARRAY"])
        area, path_ns = re.search(r"^nvfp4_1x1\S* +(\d+) .*? (\d+\.\d+) +\d+ ", said, re.M).groups()
        self.assertEqual(f"{1e6 * values['area_mm2']:.0f}", area)
        self.assertEqual(f"{values['critical_path_ns']:.2f}", path_ns)
        words = shlex.split(commands["energy"])
        # The energy's command names the array whose parts were counted.
        self.assertEqual(words[-1].split()[1], "2x2")
        said = self.said(*words[1:-1], words[-1].replace("2x2", "1x1"))
        self.assertIn(f" {values['pj_per_mac']:.3f} ", said)

    def said(self, *words):
        done = subprocess.run([testing.sys.executable, "-B", *words], cwd=testing.ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


if __name__ == "__main__":
    unittest.main()
