"""Runs the tools of the flow, and ends them and the program where a signal says so."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path

from liberty import LibertyError

ROOT = Path(__file__).resolve().parents[2]


def generator():
    """What reports name as their maker: the version and, in a git checkout, the commit."""
    said = subprocess.run([ROOT / "scripts" / "version.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"if4 {said.strip()}"


class ToolError(RuntimeError):
    """A tool failed, or what it gave is no result. `log`: the name of the file that says more; `code`: its exit code, where
    that is what failed."""

    def __init__(self, text, log="yosys.log", code=None):
        super().__init__(text)
        self.log = log
        self.code = code


class Interrupted(Exception):
    """A signal has ended the tool: what it gave is no result, and no fault of it."""


_running = set()   # processes; a thread adds its own, the signal handler ends them all
_stopped = []      # the signal that ended the program


def stop(number, _frame):
    """The signal handler: ends all tools with what they started, and the main thread with 128 + the signal."""
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    _stopped.append(number)
    for process in list(_running):
        kill(process)
    sys.exit(128 + number)


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)  # each tool leads a group, in which Yosys starts abc
    except ProcessLookupError:
        pass


def run(command, log, what):
    """Runs a tool with its output in the file `log`, and its temporary files beside it."""
    folder = Path(ROOT / log).parent
    with open(folder / Path(log).name, "w") as output:
        try:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True,
                                       env={**os.environ, "TMPDIR": str(folder)})
        except OSError as error:
            raise ToolError(f"{what}: cannot run {command[0]}: {error.strerror}") from None
        _running.add(process)
        try:
            if _stopped:  # the signal came between the two lines above
                kill(process)
            code = process.wait()
        finally:
            _running.discard(process)
    if _stopped:
        raise Interrupted
    if code != 0:
        said = [line for line in Path(ROOT / log).read_text(errors="replace").splitlines() if "error" in line.lower()]
        raise ToolError(f"{what}: {command[0]} failed" + (f": {said[0].strip()}" if said else ""), Path(log).name, code)


@lru_cache(maxsize=None)
def versions():
    """What the tools say they are."""
    found = []
    for name, command in (("", ["yosys", "-V"]), ("OpenSTA ", ["sta", "-version"]), ("", ["iverilog", "-V"])):
        try:
            text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        except OSError as error:
            raise ToolError(f"cannot run {command[0]}: {error.strerror}") from None
        found.append(name + text.splitlines()[0] if text else command[0])
    return found


def remove(folder):
    """A folder that a tool may have been ended in a moment ago, in the middle of making a file."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def produce(final, function):
    """Makes the folder `final` with what function(its name relative to the project while it works) leaves there, and what
    that returns as result.json. The folder appears under its name when it is complete; one of a run that failed is called
    so."""
    work = final.with_name(f".{final.name}.{os.getpid()}")
    failed = final.with_name(final.name + ".failed")
    for folder in (work, failed):
        remove(folder)
    try:
        work.mkdir(parents=True)
        result = function(Path(os.path.relpath(work, ROOT)))
        (work / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        work.rename(final)
        return result
    except ToolError as error:
        work.rename(failed)
        raise ToolError(f"{error}; log: {failed.relative_to(ROOT)}/{error.log}", error.log, error.code) from None
    except BaseException:
        remove(work)
        raise


def save(path, text):
    """Writes a file: complete or not at all, and not anew if it would not change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def run_program(name, main):
    """Runs a script's main(): exit code 0 done, 1 a tool failed, 2 bad input, 128 + a signal that ended it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        return main()
    except LibertyError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except ToolError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # nobody reads what is printed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Interrupted:  # of a tool that the main thread waits for
        return 128 + _stopped[0]
