#!/usr/bin/env python3
"""Runs steps one after the other, and leaves a record of each, or the reason why there is none.

usage: scripts/explore/step.py FOLDER KEY...

FOLDER/requests/KEY.json says what a step is. Exit codes: 0 each step has its record or its reason; 2 bad input; 128 + a
signal, after which nothing that a step began is left.
"""

import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "regress")]
import processes  # noqa: E402
import records  # noqa: E402
import steps  # noqa: E402
from stopping import prepare_worker  # noqa: E402


def stop(number, _frame):
    """The signal handler: no child survives, no record is written, and no folder is left half full."""
    processes.end_descendants()
    records.sweep(Path(sys.argv[1]), os.getpid())
    os._exit(128 + number)


def processor():
    """Seconds of this process and of those that it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def one(folder, key):
    request = records.read_json(records.request_of(folder, key))
    if not isinstance(request, dict):
        raise ValueError(f"{records.request_of(folder, key)}: is no request")
    kind, parameters = request["kind"], request["parameters"]
    work = folder / "work" / key
    shutil.rmtree(work, ignore_errors=True)
    records.claim(work)
    started, before = time.time(), processor()
    try:
        result = steps.run(kind, parameters, work)
        changed = [path for path, known in request["reads"].items() if steps.hash_of.__wrapped__(path) != known]
        if changed:
            raise steps.StepError(f"{kind}: {steps.short(changed[0])} changed while it was read; run it again")
        records.write(records.path_of(folder, kind, key), {
            "version": records.VERSION, "kind": kind, "key": key, "parameters": parameters, "result": result,
            "seconds": round(time.time() - started, 3), "cpu_seconds": round(processor() - before, 3),
            "host": socket.gethostname()})
        records.failure_of(folder, key).unlink(missing_ok=True)
    except (steps.StepError, OSError, KeyError, ValueError) as error:
        said = str(error) if isinstance(error, (steps.StepError, OSError)) else f"{kind}: {type(error).__name__} {error}"
        records.write(records.failure_of(folder, key), {"kind": kind, "key": key, "reason": " ".join(said.split())})
    shutil.rmtree(work, ignore_errors=True)


def main(words):
    if not prepare_worker(stop):
        return 128 + signal.SIGTERM
    if len(words) < 2:
        raise ValueError("give a folder and keys of steps")
    for key in words[1:]:
        one(Path(words[0]), key)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ValueError, OSError, json.JSONDecodeError) as error:
        print(f"step.py: {error}", file=sys.stderr)
        sys.exit(2)
