#!/usr/bin/env python3
"""Tests of scripts/regress/slurm.py with commands that only play Slurm: what a cluster does seldom, or not on demand."""

import json
import math
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "regress"))
sys.dont_write_bytecode = True

import slurm  # noqa: E402

# Each command prints what the file with its name says, fails where there is a file NAME.fails, and notes how it was called.
COMMAND = """#!/bin/sh
here=$(dirname "$0")
name=$(basename "$0")
echo "$name $*" >>"$here/calls"
[ "$name" != sbatch ] || cat >"$here/script"
env | grep -E '^(SQUEUE|SBATCH|SCANCEL|SLURM)_' >>"$here/environment"
[ ! -f "$here/$name.fails" ] || { cat "$here/$name.fails" >&2; exit 1; }
[ "$name" != scancel ] || : >"$here/queue"
[ "$name" != squeue ] || [ -f "$here/squeue.says" ] || cat "$here/queue" 2>/dev/null
cat "$here/$name.says" 2>/dev/null || true
"""


@dataclass(eq=False)
class Shard:
    """As much of a shard as the engine knows."""
    suite: str
    until: float = math.inf

    def words(self, folder):
        return ["run", str(folder), self.suite, "a b"]


SHARDS = [Shard("unit"), Shard("array", until=1e12), Shard("kit")]


class Engine(unittest.TestCase):
    def setUp(self):
        self.box = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="if4-slurm-")))
        self.commands = self.box / "bin"
        self.commands.mkdir()
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            (self.commands / name).write_text(COMMAND)
            (self.commands / name).chmod(0o755)
        self.play("scontrol.says", "MaxArraySize            = 1001\n")
        self.play("sbatch.says", "7\n")
        self.said = []
        self.enterContext(mock.patch.dict(os.environ, PATH=f"{self.commands}:{os.environ['PATH']}"))
        for name in ("PACE", "FIRST_WAIT", "LONGEST_WAIT"):
            self.enterContext(mock.patch.object(slurm, name, 0.0))

    def play(self, name, text):
        (self.commands / name).write_text(text)

    def queue(self, *rows):
        """What squeue prints: job, element, state, and perhaps node and reason."""
        self.play("queue", "".join("|".join([*map(str, row), *["node1", "None"][len(row) - 3:]]) + "\n" for row in rows))

    def calls(self, name):
        path = self.commands / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] == name]

    def engine(self, folder="a run", **options):
        return slurm.SlurmEngine(self.box / folder, say=self.said.append, **options)

    def submitted(self, **options):
        """An engine that has submitted the three shards, which the queue does not show yet as anything but pending."""
        engine = self.engine(**options)
        engine.submit(SHARDS)
        self.queue(*((7, element, "PENDING") for element in range(3)))
        self.assertEqual(engine.poll(0), [])
        return engine

    def logs(self):
        return self.box / "a run" / "slurm"

    def refused(self, says, **options):
        with self.assertRaises(slurm.EngineError) as caught:
            self.submitted(**options)
        self.assertIn(says, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))


class Submission(Engine):
    def test_an_element_runs_the_shard_of_its_line(self):
        self.submitted(options="--partition=x --mem=1G")
        tested, call = self.calls("sbatch")
        self.assertEqual(tested, "--partition=x --mem=1G --test-only")
        self.assertIn("--partition=x --mem=1G ", call)
        self.assertIn(" --array=0-2 ", call)
        self.assertIn(" --no-requeue ", call)
        tasks, = self.logs().glob("array-*.tasks")
        lines = tasks.read_text().splitlines()
        self.assertEqual([shlex.split(line) for line in lines], [shard.words(self.box / "a run") for shard in SHARDS])
        for element, shard in enumerate(SHARDS):
            script = (self.commands / "script").read_text().replace('"exec $command"', '"printf \'%s\\n\' $command"')
            done = subprocess.run(["sh"], input=script, stdout=subprocess.PIPE, text=True,
                                  env=dict(os.environ, SLURM_ARRAY_TASK_ID=str(element)))
            self.assertEqual(done.stdout.splitlines(), shard.words(self.box / "a run"))

    def test_arrays_are_as_large_as_slurm_takes_them(self):
        self.play("scontrol.says", "MaxArraySize = 2\n")
        engine = self.engine()
        engine.submit(SHARDS)
        engine.poll(0)
        self.assertEqual([word for call in self.calls("sbatch")[1:] for word in call.split() if word.startswith("--array")],
                         ["--array=0-1", "--array=0-0"])

    def test_options_that_are_ours_or_none_are_refused(self):
        for options in ("-a1-3", "--array=1", "--arr=1", "--job-name=x", "-Jx", "--requeue", "--wrap=ls", "-W", "-Mother",
                        "--test-only", "--output=x", "--parsable", "debug", "--partition debug", "--", "-", "'"):
            with self.subTest(options):
                self.refused("SLURM_OPTIONS", options=options)
        self.assertEqual(self.calls("sbatch"), [])

    def test_options_of_the_user_are_taken(self):
        for options in ("", "-pdebug", "--account=me --qos=low", "--constraint='a b'", "--exclude=n1,n2", "--time=1:0"):
            with self.subTest(options):
                slurm.options_of(options)

    def test_a_refused_submission_is_one_line(self):
        self.play("sbatch.fails", "sbatch: error: invalid partition specified: x\n"
                                  "sbatch: error: Batch job submission failed: Invalid partition name specified\n")
        self.refused("invalid partition specified: x; Batch job submission failed: Invalid partition name")
        self.assertFalse(self.logs().exists())

    def test_a_refusal_after_the_first_look_is_one_line(self):
        engine = self.engine()
        self.play("sbatch.fails", "sbatch: error: Batch job submission failed: Access denied\n")
        engine.submit(SHARDS)
        with self.assertRaisesRegex(slurm.EngineError, "^ENGINE=slurm: sbatch failed: .*Access denied$"):
            engine.poll(0)
        self.assertEqual(list(self.logs().iterdir()), [])

    def test_nodes_that_are_all_down_are_waited_for(self):
        self.play("sbatch.fails", "allocation failure: Requested node configuration is not available\n")
        self.engine()

    def test_no_controller_is_one_line(self):
        self.play("scontrol.fails", "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n")
        self.refused("no controller answers: Unable to contact slurm controller")

    def test_a_controller_that_does_not_answer_in_time(self):
        (self.commands / "scontrol").write_text("#!/bin/sh\necho 'scontrol: error: retrying' >&2\nexec sleep 1000\n")
        with mock.patch.object(slurm, "ANSWER", 0.5):
            self.refused("no controller answers: retrying; no answer within 0.5 s")

    def test_no_slurm_at_all(self):
        (self.commands / "sbatch").unlink()
        with mock.patch.dict(os.environ, PATH=str(self.commands)):
            self.refused("sbatch is not installed")

    def test_what_has_no_room_is_submitted_later(self):
        engine = self.engine()
        engine.submit(SHARDS[:2])
        self.queue((7, 0, "RUNNING"), (7, 1, "RUNNING"))
        self.assertEqual(engine.poll(0), [])
        self.play("sbatch.fails", "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
                                  "(job submit limit, user's size and/or time limits)\n")
        engine.submit(SHARDS[2:])
        self.assertEqual(engine.poll(0), [])
        self.assertIn("1 wait", engine.status())
        (self.commands / "sbatch.fails").unlink()
        self.play("sbatch.says", "8\n")
        self.queue((8, 0, "COMPLETED"), (7, 0, "COMPLETED"), (7, 1, "COMPLETED"))
        for element in ("7_0", "7_1", "8_0"):
            (self.logs() / f"{element}.log").touch()
        self.assertEqual({shard for shard, *_ in engine.poll(0)}, set(SHARDS))
        self.assertEqual(list(self.logs().iterdir()), [])

    def test_a_controller_that_starts_again_takes_it_later(self):
        engine = self.engine()
        for name in ("sbatch", "squeue"):
            self.play(f"{name}.fails", f"{name}: error: Unable to contact slurm controller (connect failure)\n")
        engine.submit(SHARDS)
        self.assertEqual(engine.poll(0), [])
        for name in ("sbatch", "squeue"):
            (self.commands / f"{name}.fails").unlink()
        self.queue(*((7, element, "RUNNING") for element in range(3)))
        self.assertEqual(engine.poll(0), [])
        self.assertEqual(engine.status(), "; 3 jobs run")

    def test_as_many_shards_as_there_is_room_for(self):
        self.assertEqual(self.engine(jobs=5).room(), 5)
        self.assertEqual(self.engine().room(), 2 * slurm.FEW_CORES)
        self.play("sinfo.says", "long 10/9/0/19\nshort* 3/5/4/12\n")
        engine = self.engine()
        self.assertEqual(engine.room(), 16)
        engine.submit(SHARDS)
        self.assertEqual(engine.room(), 13)
        self.queue((7, 0, "RUNNING"), (7, 1, "RUNNING"), (7, 2, "COMPLETED"))
        engine.poll(0)
        self.assertEqual(engine.room(), 14)
        self.engine(options="--partition=long --mem=1")
        self.assertIn("--partition=long", self.calls("sinfo")[-1])

    def test_what_never_has_room_is_refused(self):
        engine = self.engine()
        self.play("sbatch.fails", "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (limit)\n")
        engine.submit(SHARDS)
        with self.assertRaisesRegex(slurm.EngineError, "QOS policy"):
            engine.poll(0)

    def test_settings_of_the_user_do_not_change_the_commands(self):
        with mock.patch.dict(os.environ, SQUEUE_PARTITION="other", SCANCEL_INTERACTIVE="1", SBATCH_WAIT="1",
                             SBATCH_PARTITION="mine", SLURM_CLUSTERS="other"):
            engine = self.submitted()
            self.queue()
            engine.cancel()
        self.assertEqual(set((self.commands / "environment").read_text().split()) & {
            "SQUEUE_PARTITION=other", "SCANCEL_INTERACTIVE=1", "SBATCH_WAIT=1", "SBATCH_PARTITION=mine",
            "SLURM_CLUSTERS=other"}, {"SBATCH_PARTITION=mine"})


class Watching(Engine):
    def test_every_end_is_told_once(self):
        engine = self.submitted()
        (self.logs() / "7_0.log").touch()
        self.queue((7, 0, "COMPLETED"), (7, 1, "NODE_FAIL", "node2"), (7, 2, "RUNNING"))
        self.assertEqual(engine.poll(0), [(SHARDS[0], False, "job 7_0 on node1: COMPLETED"),
                                          (SHARDS[1], False, "job 7_1 on node2: NODE_FAIL")])
        self.assertEqual(engine.poll(0), [])
        self.queue()
        self.assertEqual(engine.poll(0), [(SHARDS[2], False, "job 7_2: gone from the queue")])
        self.assertEqual(engine.poll(0), [])

    def test_only_a_limit_of_time_excuses_a_case_that_did_not_start(self):
        engine = self.submitted()
        self.queue(*((7, element, "COMPLETED") for element in range(3)))
        self.assertEqual([right for _, right, _ in engine.poll(0)], [False, True, False])

    def test_no_state_in_which_a_job_may_go_on_is_an_end(self):
        engine = self.submitted()
        for state in ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "REQUEUED"):
            self.queue(*((7, element, state) for element in range(3)))
            self.assertEqual(engine.poll(0), [], state)

    def test_a_reason_with_bars_and_blanks(self):
        engine = self.submitted()
        self.queue(*((7, element, "PENDING", "", "(ReqNodeNotAvail, a|b)") for element in range(3)))
        self.assertEqual(engine.poll(0), [])
        self.assertEqual(engine.status(), "; 0 jobs run, 3 wait ((ReqNodeNotAvail, a|b))")

    def test_a_job_without_a_log_points_to_the_file_system(self):
        engine = self.submitted()
        self.queue(*((7, element, "FAILED") for element in range(3)))
        ended = engine.poll(0)
        self.assertEqual(len(ended), 3)
        self.assertIn("on a file system that the nodes share?", ended[0][2])

    def test_a_silent_controller_ends_nothing(self):
        engine = self.submitted()
        self.queue(*((7, element, "RUNNING") for element in range(3)))
        engine.poll(0)
        self.play("squeue.fails", "slurm_load_jobs error: Unable to contact slurm controller\n")
        self.assertEqual((engine.poll(0), engine.poll(0)), ([], []))
        self.assertEqual(len(self.said), 1)
        self.assertEqual(engine.status(), "; slurm does not answer")
        (self.commands / "squeue.fails").unlink()
        self.assertEqual(engine.poll(0), [])
        self.assertEqual(engine.status(), "; 3 jobs run")

    def test_a_controller_that_is_gone_ends_the_run(self):
        engine = self.submitted()
        self.play("squeue.fails", "slurm_load_jobs error: Unable to contact slurm controller\n")
        with mock.patch.object(slurm, "SILENCE", 0), self.assertRaisesRegex(slurm.EngineError, "jobs may go on"):
            for _ in range(3):
                engine.poll(0)

    def test_jobs_of_a_submission_that_timed_out_are_cancelled(self):
        engine = self.submitted()
        self.queue((7, 0, "RUNNING"), (7, 1, "RUNNING"), (7, 2, "RUNNING"), (9, 0, "RUNNING"), (9, 1, "PENDING"))
        engine.poll(0)
        self.assertEqual(self.calls("scancel"), ["9"])

    def test_what_waits_beyond_its_time_is_cancelled_and_did_not_start(self):
        shards = [Shard("unit", until=time.time() + 1000), Shard("unit")]
        engine = self.engine()
        engine.submit(shards)
        self.queue((7, 0, "PENDING", ""), (7, 1, "PENDING", ""))
        engine.poll(0)
        self.assertEqual(self.calls("scancel"), [])
        shards[0].until = 1
        engine.poll(0)
        self.assertEqual(self.calls("scancel"), ["7_0"])
        self.queue((7, 0, "CANCELLED", ""), (7, 1, "CANCELLED", ""))
        self.assertEqual([right for _, right, _ in engine.poll(0)], [True, False])

    def test_what_was_not_submitted_in_its_time_did_not_start(self):
        engine = self.engine()
        shard = Shard("unit", until=1)
        engine.submit([shard])
        self.queue()
        self.assertEqual([(one, right) for one, right, _ in engine.poll(0)], [(shard, True)])
        self.assertEqual(len(self.calls("sbatch")), 1)

    def test_a_job_that_slurm_could_not_start_and_holds_is_lost(self):
        engine = self.submitted()
        self.queue((7, 0, "PENDING", "", "(launch failed requeued held)"), (7, 1, "RUNNING"), (7, 2, "RUNNING"))
        engine.poll(0)
        self.assertEqual(self.calls("scancel"), ["7_0"])
        self.queue((7, 0, "CANCELLED", ""), (7, 1, "RUNNING"), (7, 2, "RUNNING"))
        self.assertEqual([(shard, right) for shard, right, _ in engine.poll(0)], [(SHARDS[0], False)])

    def test_jobs_of_a_run_before_are_cancelled_first(self):
        self.queue((3, 0, "RUNNING"), (3, 1, "COMPLETED"))
        self.engine()
        self.assertEqual(len(self.calls("scancel")), 1)
        self.assertIn("earlier run", self.said[0])
        self.assertIn("cancels its jobs, 1 of them", self.said[1])


class Cancelling(Engine):
    def test_only_jobs_with_the_name_of_this_run(self):
        engine = self.submitted()
        self.queue((7, 0, "RUNNING"))
        engine.cancel()
        call, = self.calls("scancel")
        self.assertEqual(call, f"--name={engine.name} --user={os.getuid()}")
        self.assertNotEqual(engine.name, self.engine("other").name)

    def test_jobs_that_do_not_end_are_named(self):
        engine = self.submitted()
        self.play("squeue.says", "7|0|COMPLETING|node1|None\n")
        self.play("sinfo.says", "node1|completing\n")
        with mock.patch.object(slurm, "CANCELLED_WITHIN", 0.3), self.assertRaisesRegex(slurm.EngineError, "do not end: 7"):
            engine.cancel()

    def test_a_node_that_does_not_answer_is_not_waited_for(self):
        engine = self.submitted()
        self.play("squeue.says", "7|0|COMPLETING|node1|None\n7|1|COMPLETING|node2|None\n")
        self.play("sinfo.says", "node1|mixed*\nnode2|down\n")
        engine.cancel()
        self.assertIn("node1 node2", self.said[-1])

    def test_a_node_that_answers_is_waited_for_all_the_same(self):
        engine = self.submitted()
        self.play("squeue.says", "7|0|COMPLETING|node1|None\n7|1|COMPLETING|node2|None\n")
        self.play("sinfo.says", "node1|mixed*\nnode2|mixed\n")
        with mock.patch.object(slurm, "CANCELLED_WITHIN", 0.3), self.assertRaises(slurm.EngineError):
            engine.cancel()


class Shards(unittest.TestCase):
    def test_a_case_that_is_ended_together_with_its_shard_did_not_crash(self):
        """scancel signals one process of a job after the other, here the case first."""
        box = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="if4-slurm-")))
        (box / "records").mkdir()
        (box / "suites.txt").write_text("suite ended\nlimit 60\nseconds 1\n"
                                        "command sh -c '(sleep 0.2; kill -TERM $PPID) & kill -TERM $$'\n")
        (box / "run.json").write_text(json.dumps({"base": 1, "commit": "none", "table": str(box / "suites.txt"),
                                                  "bin": "build"}))
        done = subprocess.run([sys.executable, "-B", ROOT / "scripts/regress/shard.py", box, "ended", "0"],
                              stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stderr), (128 + signal.SIGTERM, ""))
        self.assertEqual(list((box / "records").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
