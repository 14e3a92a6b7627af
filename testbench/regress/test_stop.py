#!/usr/bin/env python3
"""Tests of what stops a run: signals, killed shards, cut records; of what is left then, and how it goes on."""

import json
import re
import signal

from regress_testing import PASS, RegressTest, alive, main, suite
import records

# Tells that case $1 has begun and who runs, and from case 3 on waits until the gate opens. One of its processes leaves the
# session, and its parent.
WAITS = """echo $$ >>BOX/pids
if [ $1 -ge 3 -a ! -e BOX/gate ]; then
  (setsid sh -c 'echo $$ >>BOX/pids; exec sleep 1000' &)
  sh -c 'echo $$ >>BOX/pids; exec sleep 1000' &
  echo $1 >>BOX/begun
  while [ ! -e BOX/gate ]; do sleep 0.01; done
else
  echo $1 >>BOX/begun
fi
printf 'stimuli %032x\\nchecks 1\\n' $1
"""


class Stops(RegressTest):
    def stopped(self, end, *words, options=("--seeds", 6)):
        """Starts a run whose cases from 3 on wait, and ends it while they do. (exit code, what it said)."""
        self.table(suite("waits", self.script("waits", WAITS) + " {index}"))
        process = self.start(*options, "--jobs", 2, *words)
        waiting = lambda: {"3", "4"} <= set(self.lines("begun"))
        self.wait_for(lambda: waiting() and len(self.lines("pids")) == 9 or process.poll() is not None, "cases begin")
        end(process)
        said = process.communicate()[0]
        self.wait_for(lambda: not any(alive(pid) for pid in self.lines("pids")), "all processes end")
        return process.returncode, said

    def test_a_signal_ends_everything_at_once_and_the_same_command_goes_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for name in ("begun", "pids", "gate"):
                (self.folder / name).unlink(missing_ok=True)
            code, said = self.stopped(lambda process: process.send_signal(number))
            self.assertEqual(code, 128 + number, said)
            self.assertIn("the same command goes on: make regress SEEDS=6", said)
            self.assertEqual(set(self.outcomes()), {"waits-0", "waits-1", "waits-2"})
            base = re.search(r"base (\d+)", said)[1]
            begun = len(self.lines("begun"))
            (self.folder / "gate").touch()
            said = self.regress("--seeds", 6)
            self.assertIn("goes on, 3 cases have their record", said)
            self.assertEqual(sorted(self.lines("begun")[begun:]), ["3", "4", "5"])
            self.assertEqual({record.base for record in self.records().values()}, {int(base)})
            self.assertEqual(set(self.outcomes().values()), {"passed"})
            self.assertIn("regress: PASS, 6 of 6 cases done", said)

    def test_what_failed_goes_on_too(self):
        self.table(suite("waits", self.script("waits", "exit 1") + " {index}"))
        self.regress("--seeds", 6, "--jobs", 1, code=1)  # so that they fail in the order of their numbers
        self.stopped(lambda process: process.send_signal(signal.SIGINT), options=["--failed", 1])
        self.assertEqual(set(self.outcomes().values()), {"passed"})
        (self.folder / "gate").touch()
        self.regress("--failed", 1, "--needs")
        self.assertIn("goes on, 3 cases have their record", self.regress("--failed", 1))

    def test_nothing_outlives_a_run_that_is_killed_and_it_goes_on(self):
        code, said = self.stopped(lambda process: process.kill())
        self.assertEqual(code, -signal.SIGKILL, said)
        (self.folder / "gate").touch()
        self.assertIn("goes on, 3 cases have their record", self.regress("--seeds", 6))

    def test_a_run_that_is_asked_for_something_else_starts_anew(self):
        for words in (["--seeds", 5], ["--seeds", 6, "--base", 3], ["--budget", "0.1s"], ["--seeds", 6, "--suites", "waits"]):
            for name in ("begun", "pids", "gate"):
                (self.folder / name).unlink(missing_ok=True)
            self.stopped(lambda process: process.send_signal(signal.SIGINT), "--base", 2)
            (self.folder / "gate").touch()
            self.assertNotIn("goes on", self.regress(*words))

    def test_a_run_whose_programs_changed_starts_anew(self):
        self.stopped(lambda process: process.send_signal(signal.SIGINT))
        (self.folder / "gate").touch()
        self.table(suite("waits", self.script("waits", WAITS) + " {index} changed"))
        self.assertIn("the programs have changed", self.regress("--seeds", 6))

    def test_programs_that_change_while_they_run_are_noticed(self):
        changes = self.script("changes", "echo '# changed' >>BOX/suites.txt\nprintf 'stimuli %032x\\nchecks 1\\n' $1\n")
        self.table(suite("changes", changes + " {index}"))
        self.regress("--seeds", 1, code=2)
        self.assertIn("the programs have changed while they ran", self.complained)

    def test_so_is_what_a_suite_reads_beside_programs(self):
        changes = self.script("changes", "echo more >>BOX/read.txt\nprintf 'stimuli %032x\\nchecks 1\\n' $1\n")
        self.table(suite("changes", changes + " {index}", more=f"reads {self.folder}/r*d.txt"))
        self.regress("--seeds", 1, code=2)
        self.assertIn("no file is called", self.complained)
        (self.folder / "read.txt").touch()
        self.regress("--seeds", 1, code=2)
        self.assertIn("the programs have changed while they ran", self.complained)

    def test_a_cut_record_is_said_and_its_case_runs_again(self):
        self.stopped(lambda process: process.send_signal(signal.SIGINT))
        (self.folder / "gate").touch()
        path = records.path_of(self.run_folder, "waits-1")
        path.write_text(path.read_text()[:100])
        begun = len(self.lines("begun"))
        said = self.regress("--seeds", 6)
        self.assertIn("waits-1.json: no record", said)
        self.assertIn("goes on, 2 cases have their record", said)
        self.assertEqual(sorted(self.lines("begun")[begun:]), ["1", "3", "4", "5"])
        self.assertEqual(set(self.outcomes().values()), {"passed"})

    def test_records_of_another_run_count_for_nothing(self):
        self.stopped(lambda process: process.send_signal(signal.SIGINT), "--base", 2)
        (self.folder / "gate").touch()
        path = records.path_of(self.run_folder, "waits-1")
        values = json.loads(path.read_text())
        path.write_text(json.dumps({**values, "base": 3, "seed": records.seed(3, "waits", 1)}))
        said = self.regress("--seeds", 6)
        self.assertIn("a record of another run", said)
        self.assertEqual({record.base for record in self.records().values()}, {2})

    def test_a_second_run_in_the_same_folder_is_refused(self):
        def end(process):
            self.regress("--seeds", 6, code=2)
            self.assertIn("another regression", self.complained)
            process.send_signal(signal.SIGINT)
        self.assertEqual(self.stopped(end)[0], 130)

    def test_a_killed_shard_is_run_again_and_what_it_started_ends(self):
        kills = self.script("kills", "echo $$ >>BOX/pids; echo $1 >>BOX/begun\n"
                            "[ $1 != 2 -o -e BOX/killed ] || { touch BOX/killed; kill -9 $PPID; sleep 1000; }\n"
                            "printf 'stimuli %032x\\nchecks 1\\n' $1\n")
        self.table(suite("kills", kills + " {index}"))
        said = self.regress("--seeds", 5)
        self.assertIn("lost kills-2, attempt 1 of 3: ended by SIGKILL", said)
        self.assertEqual({name: record.attempt for name, record in self.records().items() if record.attempt > 1}, {"kills-2": 2})
        self.assertEqual(sorted(self.lines("begun")), ["0", "1", "2", "2", "3", "4"])
        self.wait_for(lambda: not any(alive(pid) for pid in self.lines("pids")), "all processes end")

    def test_what_is_lost_three_times_fails(self):
        self.table(suite("kills", self.script("kills", "echo x >>BOX/begun; kill -9 $PPID; sleep 1000")), suite("one", PASS))
        said = self.regress("--seeds", 1, code=1)
        self.assertEqual(self.outcomes(), {"kills-0": "lost", "one-0": "passed"})
        self.assertEqual(len(self.lines("begun")), records.MOST_ATTEMPTS)
        self.assertIn("LOST", said)
        self.assertIn("1 failed", said)


if __name__ == "__main__":
    main()
