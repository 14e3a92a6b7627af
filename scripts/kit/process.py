"""Runs the tools of a verification, and ends them with what they started where a signal says so or nothing moves."""

import os
import resource
import select
import signal
import subprocess
import sys
import time

MOST_LOG = 16 << 20  # bytes of what a simulation prints that are kept


class KitError(RuntimeError):
    """Bad input, in one line: exit code 2."""


_running = set()


def _end(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)  # each tool leads a group: make and compilers are in Verilator's
    except ProcessLookupError:
        pass


def _stop(number, _frame):
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    for process in list(_running):
        _end(process)
    for process in list(_running):
        try:
            os.waitpid(process.pid, 0)  # so that nothing runs any more when this ends
        except ChildProcessError:
            pass
    sys.exit(128 + number)


def handle_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def cpu_seconds(pid):
    """Processor time of a process; without /proc, the time of day, which a busy machine makes pass faster."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return time.monotonic()


def _no_core_file():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, cwd, log, env=None, on_line=None, standstill=None):
    """Runs a tool with what it prints in the file `log` and, line by line, at on_line(line).

    Returns (exit code, stood still): with `standstill`, the tool is ended after so many seconds of its processor time in
    which on_line() did not return True, or ten times as many seconds of the clock.
    """
    try:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True, env=env, preexec_fn=_no_core_file)
    except OSError as error:
        raise KitError(f"cannot run {command[0]}: {error.strerror}") from None
    _running.add(process)
    still = False
    try:
        with open(log, "wb") as kept:
            moved = (cpu_seconds(process.pid), time.monotonic())
            rest = b""
            while True:
                if select.select([process.stdout], [], [], 0.5)[0]:
                    data = os.read(process.stdout.fileno(), 1 << 16)
                    if not data:
                        break
                    if kept.tell() < MOST_LOG:
                        kept.write(data)
                    *lines, rest = (rest + data).split(b"\n")
                    rest = rest[-4096:]
                    for line in lines:
                        if on_line and on_line(line.decode(errors="replace")):
                            moved = (cpu_seconds(process.pid), time.monotonic())
                if standstill and (cpu_seconds(process.pid) - moved[0] > standstill
                                   or time.monotonic() - moved[1] > 10 * standstill):
                    still = True
                    break
        if still:
            _end(process)
        return process.wait(), still
    finally:
        _end(process)
        process.stdout.close()
        process.wait()
        _running.discard(process)
