"""The engine of `make regress ENGINE=slurm`: shards as elements of Slurm's job arrays.

An element runs shard.py, which leaves its records in the run's folder; that folder, and the checkout, must be on a file
system that all nodes share. All that is asked of Slurm is sbatch, squeue, scancel, scontrol and sinfo: accounting (sacct)
need not exist. Slurm itself never repeats a job (--no-requeue): the scheduler counts the attempts.
"""

import hashlib
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What the commands of Slurm would take from a user's settings: other columns, other clusters, questions.
UNWANTED = ("SQUEUE_", "SCANCEL_", "SCONTROL_", "SINFO_")
UNWANTED_NAMES = {"SLURM_CLUSTERS", "SLURM_TIME_FORMAT", "SBATCH_CLUSTERS", "SBATCH_WAIT", "SBATCH_REQUEUE", "SBATCH_EXPORT",
                  "SBATCH_ARRAY_INX", "SBATCH_OPEN_MODE"}
# Options of sbatch that are ours, or that make it do something else than submit.
OURS = {"--array", "--job-name", "--output", "--error", "--input", "--chdir", "--requeue", "--no-requeue", "--parsable",
        "--wrap", "--wait", "--clusters", "--test-only", "--export", "--export-file", "--open-mode", "--hold", "--help",
        "--usage", "--version", "--quiet"}
OUR_LETTERS = "aJoeiDWMHhVQ"
# States in which a job may still run or write. Every other one is an end.
ALIVE = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING",
         "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
RAN = {"COMPLETED", "FAILED"}
HELD = "requeued held"  # the reason of a job that could not be started on its node
MOST_WORDS = 1000  # of one command line
# What sbatch says when a later try may succeed: of a controller that starts again, and of a full queue.
NO_ANSWER = ("timed out", "unable to contact", "connect failure", "no answer", "temporarily", "try again")
NO_ROOM = ("limit", "in use")

PACE = 0.5  # seconds between two looks at the records, which lie on a file system of many
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between two questions to the controller
FEW_CORES, MANY_CORES = 8, 500  # for how many shards are in the queue at a time, unless the user says it
ANSWER = 30  # seconds in which the controller must answer for the first time
SILENCE = 600  # seconds without an answer of the controller after which the run gives up
CANCELLED_WITHIN = 180  # seconds; Slurm's own KillWait is 30 by default


class EngineError(ValueError):
    """Nothing can be submitted, or Slurm is gone; the text is one line for the user."""


def options_of(text):
    """The user's options of sbatch, as a list; EngineError if one is ours or none at all."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise EngineError(f"SLURM_OPTIONS={text}: {error}") from None
    for word in words:
        if not word.startswith("-") or word in ("-", "--"):
            raise EngineError(f"SLURM_OPTIONS: '{word}' is no option; a value stands behind its option, as in --partition=x")
        name = word.split("=")[0]
        # sbatch accepts every beginning of an option's name.
        if (name in OURS or len(name) > 3 and any(own.startswith(name) for own in OURS) if name.startswith("--")
                else word[1] in OUR_LETTERS):
            raise EngineError(f"SLURM_OPTIONS: {name} is set by the regression itself")
    return words


def one_line(text):
    """What a command of Slurm complains about, without its own name, in one line."""
    lines = [line.split("error: ", 1)[-1].strip() for line in text.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or "no message"


class SlurmEngine:
    """Each shard is an element of a job array."""

    shard_seconds = 20  # a job costs about a second

    def __init__(self, folder, jobs=None, options="", say=lambda line: print(line, file=sys.stderr)):
        """The run's folder; the most shards at a time (None: so many that there are always some in the queue); the user's
        options of sbatch; what says a line. EngineError where Slurm would take no job with these options."""
        self.folder = Path(folder).resolve()
        self.options, self.say = options_of(options), say
        # By this name a run knows its jobs, also those of a run in the same folder that was killed.
        self.name = "if4-regress-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        self.fresh = [self.folder / "records"]  # folders in which shards leave what is waited for
        self.alive = {}  # (job, element) as text: (shard, file of its array)
        self.unsent = []
        self.counts, self.why = {}, ""
        self.wait, self.next_question, self.answered = FIRST_WAIT, 0.0, time.monotonic()
        self.silent, self.refused = False, math.inf
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(UNWANTED) and name not in UNWANTED_NAMES}
        for program in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            if not shutil.which(program):
                raise EngineError(f"ENGINE=slurm: {program} is not installed here (Debian's package is slurm-client)")
        self.largest_array = self._largest_array()
        code, out, error = self._call("sbatch", *self.options, "--test-only", text="#!/bin/sh\n")
        # All nodes are down or reserved, which passes, and for which sbatch itself lets a job wait.
        if code != 0 and "node configuration is not available" not in error + out:
            raise EngineError(f"ENGINE=slurm: sbatch would take no job: {one_line(error or out)}")
        self.jobs = jobs or 2 * self._cores()
        self.logs = self.folder / "slurm"
        self.logs.mkdir(parents=True, exist_ok=True)
        if self._own_jobs():
            self.say("slurm: jobs of an earlier run in this folder are cancelled first")
            self.cancel()

    # --- What the scheduler calls ---

    def room(self):
        return self.jobs - len(self.alive) - len(self.unsent)

    def submit(self, shards):
        """Takes shards; poll() makes arrays of all that were taken meanwhile."""
        self.unsent += [(shard, shlex.join(shard.words(self.folder))) for shard in shards]
        self.next_question = 0.0

    def poll(self, seconds):
        """The shards that have ended: (shard, whether each case has its record or did not start for want of time, what
        Slurm says of it). It takes about so many seconds, PACE at least, and longer where the controller is slow."""
        time.sleep(max(0.0, min(max(seconds, PACE), self.next_question - time.monotonic())))
        if time.monotonic() < self.next_question:
            return []
        ended = [(shard, True, "its time was over in the queue") for shard, _ in self.unsent if shard.until < time.time()]
        self.unsent = [(shard, line) for shard, line in self.unsent if shard.until >= time.time()]
        self._send()
        rows = self._jobs()
        if rows is not None:
            self._cancel(rows)
            ended += [self._ended(job, rows.get(job)) for job in list(self.alive)
                     if job not in rows or rows[job][0] not in ALIVE]
            states = [rows[job][0] for job in self.alive]
            counts = {state: states.count(state) for state in set(states)}
            self.why = next((rows[job][2] for job in self.alive if rows[job][0] == "PENDING"), "")
            self.wait = FIRST_WAIT if ended or counts != self.counts else min(2 * self.wait, LONGEST_WAIT)
            self.counts = counts
        self.next_question = time.monotonic() + self.wait
        if ended:
            self._refresh()
        return ended

    def status(self):
        """The end of the live line: what runs, what waits, and why."""
        if self.silent:
            return "; slurm does not answer"
        running = sum(count for state, count in self.counts.items() if state != "PENDING")
        waiting = self.counts.get("PENDING", 0) + len(self.unsent)
        return f"; {running} jobs run" + (f", {waiting} wait ({self.why or 'to be submitted'})" if waiting else "")

    def cancel(self):
        """Ends all jobs of this run and returns when none is left; EngineError names those that do not end. What a node
        that does not answer had is not waited for: Slurm kills it where the node comes back."""
        self.unsent = []
        end, pause = time.monotonic() + CANCELLED_WITHIN, 0.1
        while jobs := self._own_jobs():
            if pause == 0.1:
                self.say(f"slurm: cancels its jobs, {len(jobs)} of them, and waits until they are gone")
            if {state for *_, state, _ in jobs} == {"COMPLETING"} and (dead := self._silent_nodes(jobs)):
                self.say(f"slurm: jobs are cancelled, but {' '.join(dead)} does not answer, and may still run some")
                break
            if time.monotonic() > end:
                names = " ".join(sorted({job for job, *_ in jobs}))
                raise EngineError(f"slurm: jobs do not end: {names}; look at them with squeue --name={self.name}")
            self._call("scancel", f"--name={self.name}", f"--user={os.getuid()}")
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        self.alive = {}
        for file in self.logs.glob("array-*.tasks"):
            file.unlink(missing_ok=True)

    # --- Slurm's commands ---

    def _call(self, *command, text="", limit=120):
        """(exit code, stdout, stderr); None instead of a code where it took more than the limit in seconds. Where a signal
        ends the wait, a submission is still brought to its end: cut off halfway, it could make its jobs after cancel() has
        looked for them."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   errors="replace", env=self.environment, start_new_session=True)
        try:
            out, error = process.communicate(text, timeout=limit)
            return process.returncode, out, error
        except BaseException as interruption:
            if command[0] != "sbatch":
                process.kill()
            out, error = process.communicate()
            if isinstance(interruption, subprocess.TimeoutExpired):
                return None, out, error + f"\nno answer within {limit} s"
            raise

    def _largest_array(self):
        code, out, error = self._call("scontrol", "show", "config", limit=ANSWER)
        if code != 0:
            raise EngineError(f"ENGINE=slurm: no controller answers: {one_line(error or out)}")
        for line in out.splitlines():
            if line.startswith("MaxArraySize") and (value := line.split("=")[1].strip()).isdecimal():
                if int(value) < 2:
                    raise EngineError("ENGINE=slurm: job arrays are turned off here (MaxArraySize)")
                return int(value)
        return 1001  # Slurm's default

    def _cores(self):
        """Of the nodes that are up in the partition of these options, or the default one."""
        words = [word for word in self.options if word.startswith(("--partition=", "-p"))]
        _, out, _ = self._call("sinfo", "--noheader", "--responding", *words, "--format=%P %C")
        # A star behind the default partition; its allocated, idle, other and all cores.
        rows = re.findall(r"^\S*?(\*?) +(\d+)/(\d+)/\d+/\d+ *$", out, re.M)
        default = [row for row in rows if row[0]] if not words else []
        return min(max((int(busy) + int(idle) for _, busy, idle in default or rows), default=0) or FEW_CORES, MANY_CORES)

    def _queue(self):
        """[(job, element, state, node, reason)] of the jobs with our name, or None if the controller does not answer."""
        code, out, _ = self._call("squeue", "--noheader", "--array", "--states=all", f"--name={self.name}",
                                  f"--user={os.getuid()}", "--format=%F|%K|%T|%N|%r")
        if code != 0:
            return None
        return [line.strip().split("|", 4) for line in out.splitlines() if line.count("|") >= 4]

    def _jobs(self):
        """{(job, element): (state, node, reason)}, or None while the controller does not answer, for SILENCE at most."""
        rows = self._queue()
        now = time.monotonic()
        if rows is None:
            if not self.silent:
                self.say("slurm: the controller does not answer; jobs go on, and it is asked again")
            elif now - self.answered > SILENCE:
                raise EngineError(f"slurm: no answer of the controller in {SILENCE} s; jobs may go on, named {self.name}")
            self.silent, self.wait = True, min(2 * self.wait, LONGEST_WAIT)
            return None
        self.silent, self.answered = False, now
        return {(job, element): (state, node, reason) for job, element, state, node, reason in rows}

    def _own_jobs(self):
        """(job, element, state, node) of all that are not at their end."""
        rows = self._queue()
        if rows is None:
            raise EngineError(f"slurm: the controller does not answer; jobs may still run, named {self.name}")
        return [(job, element, state, node) for job, element, state, node, _ in rows if state in ALIVE]

    def _silent_nodes(self, jobs):
        """The nodes of these jobs, if none of them answers the controller."""
        nodes = {node for *_, node in jobs}
        code, out, _ = self._call("sinfo", "--noheader", "--Node", f"--nodes={','.join(sorted(nodes))}", "--format=%N|%T")
        states = dict(line.split("|", 1) for line in out.splitlines() if "|" in line)
        silent = [node for node in sorted(nodes) if states.get(node, "").endswith("*") or states.get(node) == "down"]
        return silent if code == 0 and len(silent) == len(nodes) else []

    def _cancel(self, rows):
        """Jobs that are of no use: those of a submission that timed out and made them all the same, those that wait beyond
        the end of their time, and those that Slurm could not start and holds."""
        known, now = {job for job, _ in self.alive}, time.time()
        useless = {job for (job, _), (state, *_) in rows.items() if state in ALIVE and job not in known}
        useless |= {f"{job[0]}_{job[1]}" for job, (shard, _) in self.alive.items() if job in rows and (
            rows[job][0] == "PENDING" and (shard.until < now or HELD in rows[job][2].lower()))}
        for first in range(0, len(useless), MOST_WORDS):
            self._call("scancel", *sorted(useless)[first:first + MOST_WORDS])

    # --- Arrays ---

    def _send(self):
        """Submits what is unsent, in arrays as large as Slurm takes them. What it does not take now is tried again while
        other jobs may make room, or the controller comes back."""
        while self.unsent:
            part = self.unsent[:self.largest_array]
            job, tasks, said = self._submit_array([line for _, line in part])
            if job:
                self.alive.update({(job, str(element)): (shard, tasks) for element, (shard, _) in enumerate(part)})
                self.unsent, self.refused = self.unsent[len(part):], math.inf
                continue
            self.refused = min(self.refused, time.monotonic())
            passes = any(word in said.lower() for word in NO_ANSWER) and time.monotonic() - self.refused <= SILENCE
            if passes or self.alive and any(word in said.lower() for word in NO_ROOM):
                return
            raise EngineError(f"ENGINE=slurm: sbatch failed: {said}")

    def _submit_array(self, lines):
        """(job, file with the command of each element, what sbatch said against it)."""
        handle, name = tempfile.mkstemp(prefix="array-", suffix=".tasks", dir=self.logs)
        with os.fdopen(handle, "w") as file:
            file.writelines(line + "\n" for line in lines)
        script = f"""#!/bin/sh
command=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {shlex.quote(name)})
[ -n "$command" ] || {{ echo "$(hostname): no command for this element in "{shlex.quote(name)} >&2; exit 3; }}
eval "exec $command"
"""
        logs = str(self.logs).replace("%", "%%")
        code, out, error = self._call(
            "sbatch", *self.options, "--parsable", f"--array=0-{len(lines) - 1}", f"--job-name={self.name}",
            "--no-requeue", f"--output={logs}/%A_%a.log", f"--chdir={ROOT}", "--export=ALL", text=script)
        job = out.strip().splitlines()[-1].split(";")[0] if out.strip() else ""
        if code == 0 and job.isdecimal():
            return job, Path(name), ""
        os.unlink(name)
        return "", None, one_line(error or out)

    def _ended(self, job, row):
        """What poll() tells of an element that is at its end; its empty files are removed."""
        shard, tasks = self.alive.pop(job)
        if not any(file == tasks for _, file in self.alive.values()):
            tasks.unlink(missing_ok=True)
        state, node, _ = row or ("gone from the queue", "", "")
        log = self.logs / f"{job[0]}_{job[1]}.log"
        try:
            said = log.read_text(errors="replace").strip()
            if not said:
                log.unlink()
        except OSError:
            said = f"no log {log}: is that folder on a file system that the nodes share?" if state in RAN else ""
        code = self._exit_code(job) if state == "FAILED" else ""
        last = said.splitlines()[-1] if said else ""
        text = f"job {job[0]}_{job[1]}{' on ' + node if node else ''}: {state}{code}{', ' + last if last else ''}"
        # Without a limit of time, a case that has no record here has none at all, whatever its job thought. What was
        # cancelled before it had a node, since its time was over, did not start.
        unstarted = state == "CANCELLED" and not node and shard.until < time.time()
        return shard, unstarted or state == "COMPLETED" and shard.until < math.inf, text

    def _exit_code(self, job):
        code, out, _ = self._call("scontrol", "--oneliner", "show", "job", "_".join(job))
        found = [word.split("=")[1] for word in out.split() if word.startswith("ExitCode=")]
        return f" (exit code {found[0]})" if code == 0 and found else ""

    def _refresh(self):
        """Makes a shared file system show the newest records here: a client forgets what it remembers of a folder in which
        it makes a file itself."""
        for records in self.fresh:
            try:
                handle, name = tempfile.mkstemp(prefix=".refresh-", dir=records)
                os.close(handle)
                os.unlink(name)
            except OSError:  # there is no record yet
                pass
