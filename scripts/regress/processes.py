"""Ends everything that a process has started: also what left its group and session, and what lost its parent.

A process that calls adopt() gets every orphan among its descendants as a child, so that no descendant is out of reach.
"""

import ctypes
import os
import resource
import signal
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)
PATIENCE = 10  # seconds in which a process that was killed must be gone


def adopt():
    """Makes this process the parent of descendants that lose theirs."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(number):
    """This process gets the signal where its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def before_case():
    """What a new process of a case does before its program starts: it ends with its shard, and leaves no core file."""
    end_with_parent(signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parents():
    """{process: (its parent, whether it has ended)}, of all processes of this machine."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    fields = stat.read().rpartition(b")")[2].split()
            except OSError:
                continue  # It has ended meanwhile.
            found[int(name)] = (int(fields[1]), fields[0] in (b"Z", b"X"))
    return found


def descendants(root, without=()):
    """Living descendants of a process, but not the trees of those in `without`."""
    children, dead = {}, set()
    for pid, (parent, ended) in _parents().items():
        children.setdefault(parent, []).append(pid)
        if ended:
            dead.add(pid)
    found, left = [], [root]
    while left:
        for pid in children.get(left.pop(), ()):
            if pid not in without:
                found.append(pid)
                left.append(pid)
    return [pid for pid in found if pid not in dead]


def _reap(own):
    """Takes note of children that have ended, but for those that somebody else waits for."""
    try:
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None or ended.si_pid in own:
                return
            os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        pass


def has_children():
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    except ChildProcessError:
        return False


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # It has ended meanwhile.


def end_descendants(without=()):
    """Kills all descendants of this process but the trees of those in `without`, and waits until they are gone."""
    last = time.monotonic() + PATIENCE
    while True:
        found = descendants(os.getpid(), without)
        kill(found)
        _reap(without)
        if not found or time.monotonic() > last:
            return
        time.sleep(0.002)
