#!/usr/bin/env python3
"""Tests of whole runs of `make regress` on suites of their own: what is found, what it says, and what runs again."""

import json
import re

from regress_testing import PASS, RegressTest, alive, main, suite
import records

# Fails where the seed is RARE, and passes otherwise.
RARE = "sh -c 'printf \"stimuli %032x\\nchecks 1\\n\" {seed}; [ {seed} != RARE ] || { echo FAILED: rare; exit 1; }'"


class Runs(RegressTest):
    def test_a_bug_in_one_seed_of_a_thousand_is_found_and_its_command_repeats_it(self):
        seed = records.seed(77, "rare", 613)
        self.table(suite("rare", RARE.replace("RARE", str(seed))))
        said = self.regress("--seeds", 1000, "--base", 77, "--jobs", 2, code=1)
        failed = [name for name, outcome in self.outcomes().items() if outcome != "passed"]
        self.assertEqual(failed, ["rare-613"])
        self.assertEqual(len(self.records()), 1000)
        command = re.search(r"again: make regress (.*)", said)[1]
        self.assertEqual(command, "CASE=rare-613 BASE=77")
        words = [word for one in command.lower().split() for word in ("--" + one).split("=")]
        said = self.regress(*words, code=1)
        self.assertIn(f"seed {seed}: FAILED: rare", said)
        again = self.records(self.run_folder / "repeat")["rare-613"]
        self.assertEqual((again.seed, again.outcome), (seed, "failed"))
        self.assertEqual(len(self.records()), 1000)  # The run itself is as it was.

    def test_every_way_to_fail(self):
        hang = self.script("hang", "echo $$ >>BOX/pids; setsid sh -c 'echo $$ >>BOX/pids; exec sleep 1000' & exec sleep 1000\n")
        self.table(suite("good", PASS), suite("bad", "false"), suite("hang", hang, 3),
                   suite("crash", "sh -c 'kill -6 $$'"), suite("empty", "true"))
        said = self.regress("--seeds", 1, code=1)
        self.assertEqual(self.outcomes(), {"good-0": "passed", "bad-0": "failed", "hang-0": "hung", "crash-0": "crashed",
                                           "empty-0": "empty"})
        self.assertIn("regress: FAIL, 5 of 5 cases done, 4 failed, 3 checks", said)
        self.assertEqual(len(self.lines("pids")), 2)
        self.wait_for(lambda: not any(alive(pid) for pid in self.lines("pids")), "all processes end")

    def test_what_a_case_leaves_behind_ends_with_it(self):
        leaves = self.script("leaves", "(setsid sleep 1000 & echo $! >>BOX/pids)\nprintf 'stimuli %032x\\nchecks 1\\n' $1\n")
        self.table(suite("leaves", leaves + " {index}"))
        self.regress("--seeds", 1)
        self.assertEqual([alive(pid) for pid in self.lines("pids")], [False])

    def test_a_run_that_checked_nothing_fails(self):
        self.table(suite("nothing", "echo stimuli 0123456789abcdef"))
        self.assertIn("nothing was checked", self.regress("--seeds", 1, code=1))

    def test_two_seeds_with_the_same_stimuli_fail(self):
        self.table(suite("same", "printf 'stimuli 0123456789abcdef part one\\nstimuli 0123456789%06x two\\nchecks 1\\n' {index}"),
                   suite("other", "printf 'stimuli 0123456789abcdef part one\\nchecks 1\\n'"))
        self.regress("--seeds", 1)
        said = self.regress("--seeds", 2, "--suites", "same", code=1)
        self.assertIn("the same stimuli as", said)
        twins = [record for record in self.records().values() if record.twin]
        self.assertEqual([record.outcome for record in twins], ["empty"])
        # Both of them run again, since neither fails alone.
        self.assertIn("2 of 2 cases done, 1 failed", self.regress("--failed", 1, code=1))

    def test_only_what_failed_runs_again_the_first_failure_first(self):
        marks = self.script("mark", "echo {index}-$1 >>BOX/ran\n[ $1 != 3 -a $1 != 5 -o -e BOX/mended ] || exit 1\n"
                            "printf 'stimuli %032x\\nchecks 1\\n' $1\n".replace("{index}", "x"))
        self.table(suite("marked", f"{marks} {{index}}"), suite("good", PASS))
        self.regress("--seeds", 8, "--jobs", 1, "--base", 5, code=1)
        (self.folder / "ran").unlink()
        self.regress("--failed", 1, "--jobs", 1, code=1)
        self.assertEqual(self.lines("ran"), ["x-3", "x-5"])
        (self.folder / "mended").touch()
        self.regress("--failed", 1)
        self.assertEqual(self.outcomes(), {"marked-3": "passed", "marked-5": "passed"})
        self.assertEqual({record.base for record in self.records().values()}, {5})
        self.regress("--failed", 1, code=2)
        self.assertIn("no case failed", self.complained)

    def test_two_workers_run_two_cases_at_a_time_and_one_worker_one(self):
        # A case ends when as many are there as its argument says: a run with fewer workers would hang.
        meet = self.script("meet", "mkdir -p BOX/here; touch BOX/here/$2; while [ $(ls BOX/here | wc -l) -lt $1 ]; do\n"
                           "[ -e BOX/met ] && break; sleep 0.01; done; touch BOX/met\n"
                           "printf 'stimuli %032x\\nchecks 1\\n' $2\n")
        self.table(suite("meet", f"{meet} 2 {{index}}"))
        self.regress("--seeds", 2, "--jobs", 2)
        alone = self.script("alone", "mkdir BOX/lock || exit 1; sleep 0.02; rmdir BOX/lock\n"
                            "printf 'stimuli %032x\\nchecks 1\\n' $1\n")
        self.table(suite("alone", f"{alone} {{index}}"), suite("too", f"{alone} {{index}}"))
        self.regress("--seeds", 5, "--jobs", 1)

    def test_a_budget_ends_a_run_without_breaking_a_case(self):
        self.table(suite("one", PASS), suite("two", PASS))
        said = self.regress("--budget", "0.5s", "--jobs", 2)
        self.assertEqual(set(self.outcomes().values()), {"passed"})
        self.assertLessEqual({"one-0", "two-0"}, set(self.outcomes()))
        self.assertIn("regress: PASS", said)

    def test_a_suite_with_a_list_has_as_many_cases(self):
        self.table(suite("listed", PASS, more="listed printf 'a\\nb\\nc\\n'"))
        self.regress("--seeds", 100)
        self.assertEqual(len(self.records()), 3)
        self.regress("--seeds", 2)
        self.assertEqual(len(self.records()), 2)
        self.regress("--case", "listed-3", code=2)
        self.assertIn("has 3 cases", self.complained)

    def test_with_a_budget_a_suite_with_a_list_need_not_come_to_its_end(self):
        self.table(suite("listed", PASS, more="listed seq 1000000"), suite("one", PASS))
        self.assertIn("regress: PASS", self.regress("--budget", "0.5s", "--jobs", 2))
        self.assertLess(len(self.records()), 1000000)

    def test_one_verdict_also_where_only_the_report_speaks_against_it(self):
        self.table(suite("one", PASS, more="covers yes"))
        said = self.regress("--seeds", 1, "--coverage", 1, code=1)
        self.assertIn("Coverage: no case that passed has left any", said)
        self.assertIn("regress: FAIL", said)
        self.assertNotIn("PASS", said)

    def test_a_run_whose_description_was_cut_is_said_and_the_next_one_starts(self):
        self.table(suite("one", PASS))
        self.regress("--seeds", 2)
        (self.run_folder / "run.json").write_text("")
        self.assertIn("not the description of a run", self.regress("--seeds", 1))
        self.assertEqual(set(self.outcomes()), {"one-0"})

    def test_what_ran_is_written_down(self):
        self.table(suite("one", PASS), suite("rare", PASS, more="default no"))
        self.regress("--seeds", 2, "--base", 9)
        values = json.loads((self.run_folder / "run.json").read_text())
        self.assertEqual((values["base"], values["suites"], values["seeds"]), (9, ["one"], 2))
        self.assertTrue(values["finished"] and values["commit"] and values["programs"])
        self.regress("--suites", "one,rare", "--seeds", 1)
        self.assertEqual(set(self.outcomes()), {"one-0", "rare-0"})
        self.regress("--seeds", 1)
        self.assertNotEqual(json.loads((self.run_folder / "run.json").read_text())["base"], 9)

    def test_bad_input_is_one_line_and_removes_nothing(self):
        self.table(suite("one", PASS))
        self.regress("--seeds", 1)
        for words, says in ((["--seeds", "-1"], "SEEDS=-1"), (["--seeds", "0"], "SEEDS=0"), (["--seeds", "1e3"], "1e3"),
                            (["--budget", "3x"], "BUDGET=3x"), (["--budget", "10"], "BUDGET=10"), (["--budget", "0s"], "0s"),
                            (["--budget=-1m"], "-1m"), (["--suites", "one none"], "'none'"), (["--jobs", "0"], "JOBS=0"),
                            (["--base", "x"], "BASE=x"), (["--seeds", "1", "--budget", "1m"], "contradict"),
                            (["--case", "one-1", "--failed", "1"], "contradict"), (["--case", "one"], "CASE=one"),
                            (["--case", "none-1"], "none"), (["--failed", "yes"], "FAILED=yes"), (["--engine", "x"], "ENGINE=x"),
                            (["--failed", "1", "--base", "3"], "contradict"), (["--case", "one-1", "--seeds", "2"], "contradict"),
                            (["--folder", "/proc/x"], "/proc/x"), (["--folder", "/dev/null"], "/dev/null"),
                            (["--table", "/none"], "/none"), (["--coverage", "1", "--suites", "one"], "no coverage"),
                            (["--what"], "--what")):
            said = self.regress(*words, code=2)
            self.assertEqual((said, len(self.complained.splitlines())), ("", 1), words)
            self.assertIn(says, self.complained)
            self.assertNotIn("Traceback", self.complained)
        self.assertEqual(set(self.outcomes()), {"one-0"})


if __name__ == "__main__":
    main()
