#!/usr/bin/env python3
"""Tests of cluster.py: however it ends, none of its processes is left, and it says what is wrong."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import cluster  # noqa: E402

# What is sent Ctrl-C must not have inherited that it is ignored, as what a shell starts in the background has.
signal.signal(signal.SIGINT, signal.default_int_handler)

PROGRAM = Path(__file__).resolve().parent / "cluster.py"
# Starts a job on each of two nodes whose processes have left its session, says so, and goes on. A job says itself that it
# has them: Slurm calls it running before its node has started it.
BUSY = """
sbatch --quiet --array=0-1 --exclusive --output=/dev/null \\
    --wrap='setsid sleep 1000 & setsid sleep 1000 & touch "${SLURM_CONF%/*}/busy.$SLURM_ARRAY_TASK_ID"; wait'
until [ -e "${SLURM_CONF%/*}/busy.0" ] && [ -e "${SLURM_CONF%/*}/busy.1" ]; do sleep 0.1; done
echo busy
exec sleep 1000
"""


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="if4-cluster-"))) / "c"
        self.addCleanup(cluster.kill_all, f"SLURM_CONF={self.folder.resolve()}/slurm.conf")

    def start(self, *command, **options):
        process = subprocess.Popen([sys.executable, "-B", PROGRAM, self.folder, "--", *command], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        return process

    def left(self):
        """Command lines of the processes that belong to the cluster in this test's folder."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
            except OSError:
                continue
            if os.fsencode(self.folder) in text:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" "))
        return found

    def test_a_command_runs_on_two_nodes_and_its_exit_code_counts(self):
        process = self.start("bash", "-c", "sinfo --noheader --Node --format='%N %T'; exit 7")
        out, error = process.communicate(timeout=cluster.LIMIT)
        self.assertEqual((process.returncode, out, error), (7, "node1 idle\nnode2 idle\n", ""))
        self.assertEqual(self.left(), [])

    def test_a_signal_ends_it_with_its_jobs(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.start("bash", "-c", BUSY)
                self.assertEqual(process.stdout.readline(), "busy\n")
                process.send_signal(number)
                _, error = process.communicate(timeout=cluster.LIMIT)
                self.assertEqual((process.returncode, error), (128 + number, ""))
                self.assertEqual(self.left(), [])

    def test_what_a_killed_one_left_is_ended_by_the_next(self):
        process = self.start("bash", "-c", BUSY)
        self.assertEqual(process.stdout.readline(), "busy\n")
        process.kill()
        process.wait()
        self.assertGreater(len(self.left()), 6)
        process = self.start("true")
        process.communicate(timeout=cluster.LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.left(), [])

    def test_a_command_that_is_not_there(self):
        process = self.start("/nonexistent/command")
        _, error = process.communicate(timeout=cluster.LIMIT)
        self.assertEqual(process.returncode, 2)
        self.assertIn("/nonexistent/command", error)
        self.assertEqual(error.count("\n"), 1)
        self.assertEqual(self.left(), [])

    def test_a_killed_node_has_no_process_and_is_down(self):
        with cluster.Cluster(self.folder) as one:
            one.client("bash", "-c", BUSY.replace("exec sleep 1000", ""))
            one.kill_node("node2")
            self.assertEqual(cluster.processes_with(one.mark, "SLURMD_NODENAME=node2"), [])
            self.assertNotEqual(cluster.processes_with(one.mark, "SLURMD_NODENAME=node1"), [])
            cluster.wait_for("node2 is down", lambda: one.state("node2").startswith("DOWN"))
            one.start_node("node2")
            one.wait_idle("node2")
        self.assertEqual(self.left(), [])


if __name__ == "__main__":
    unittest.main()
