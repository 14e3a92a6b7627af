#!/usr/bin/env python3
"""`make explore ENGINE=slurm` on a cluster of two nodes on loopback gives what a local run gives.

usage: testbench/explore/test_slurm.py [FOLDER]     FOLDER is where the cluster lives (default: build/slurm)
"""

import shutil
import subprocess
import sys
import unittest

import explore_testing as testing

CLUSTER = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/slurm"


class SlurmTest(testing.ExploreTest):
    def test_the_results_are_those_of_a_local_run(self):
        if not shutil.which("sbatch"):
            self.skipTest("there is no Slurm here")
        bare = self.folder / "bare.lib"
        bare.write_text("library (bare) {\n}\n")
        more = f'[liberty.bare]\nfiles = "{bare}"\num2 = 1.0\nfeature_nm = 180'
        path = testing.prefill(testing.spec_text(), self.folder)
        path.write_text(testing.spec_text(liberty=["osu018", "bare"], more=more))
        shutil.copytree(self.out, self.folder / "before")
        code, out, error = self.explore("run", spec=path)
        self.assertEqual(code, 1, out + error)
        local = {name: (self.out / name).read_bytes() for name in ("results.json", "results.csv", "index.html")}
        shutil.rmtree(self.out)
        shutil.copytree(self.folder / "before", self.out)
        done = subprocess.run([sys.executable, "-B", "testbench/slurm/cluster.py", CLUSTER, "--",
                               *self.command("run", "--engine", "slurm", spec=path)], cwd=testing.ROOT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("8 done, 8 failed; steps that ran: 8 cycles, 1 accuracy", done.stdout)
        for name, data in local.items():
            self.assertEqual((self.out / name).read_bytes(), data, name)


if __name__ == "__main__":
    unittest.main()
