"""Runs shards on this machine, so many at a time."""

import os
import resource
import select
import signal
import subprocess
import time

import processes
import stopping

SPARE_FILES = 200  # for all else that a run has open
MOST_SAID = 400  # characters of what a shard says on stderr that are passed on


class LocalEngine:
    """Each shard is a process in a session of its own, which ends with this one."""

    shard_seconds = 5  # long enough to forget the start of a shard, short enough for a fair end

    def __init__(self, folder, jobs):
        self.folder, self.jobs = folder, jobs
        self.running = {}  # process: (shard, its stderr, what tells of its end)
        processes.adopt()
        # Two files are open for each shard, and one more while it starts.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 3 * jobs + SPARE_FILES
        if soft != resource.RLIM_INFINITY and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))

    def room(self):
        return self.jobs - len(self.running)

    def submit(self, shards):
        for shard in shards:
            errors = os.memfd_create("stderr")
            process = subprocess.Popen(shard.words(self.folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=errors, start_new_session=True,
                                       env={**os.environ, stopping.PARENT: str(os.getpid())})
            self.running[process] = (shard, errors, os.pidfd_open(process.pid))

    def poll(self, seconds):
        """The shards that have ended, after at most so many seconds: (shard, whether each case has its record or did not
        start for want of time, what to say)."""
        if not self.running:
            time.sleep(seconds)
            return []
        waits = select.poll()  # select() takes no file with a number from 1024 on
        for _, _, handle in self.running.values():
            waits.register(handle, select.POLLIN)
        waits.poll(1000 * seconds)
        ended = []
        for process in [process for process in self.running if process.poll() is not None]:
            shard, errors, handle = self.running.pop(process)
            os.close(handle)
            said = os.pread(errors, MOST_SAID, 0).decode(errors="replace").strip()
            os.close(errors)
            if process.returncode:
                # What the shard could not end itself has this process as its parent now.
                processes.end_descendants({other.pid for other in self.running})
                how = (f"ended by {signal.Signals(-process.returncode).name}" if process.returncode < 0
                       else f"exit code {process.returncode}")
                said = f"{how}: {said}" if said else how
            ended.append((shard, process.returncode == 0, said))
        return ended

    def status(self):
        """Nothing that a user would wait for."""
        return ""

    def cancel(self):
        """Ends everything at once."""
        processes.end_descendants()
        self.running.clear()
