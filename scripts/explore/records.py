"""The record that a step leaves: a JSON file by the hash of everything that the step read.

A record is written under another name and renamed, so that it is whole or not there. One that cannot be read, or that
contradicts its name, counts as not there, and its step runs again.
"""

import hashlib
import json
import os
import shutil
import socket
from pathlib import Path

VERSION = 1
KINDS = ("synthesis", "energy", "cycles", "accuracy", "network")


def digest(*parts):
    """A hash of JSON values, in their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(values) + "\n")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def path_of(folder, kind, key):
    return Path(folder) / "cache" / kind / f"{key}.json"


def failure_of(folder, key):
    return Path(folder) / "failed" / f"{key}.json"


def request_of(folder, key):
    return Path(folder) / "requests" / f"{key}.json"


def read_json(path):
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError):
        return None


def read(folder, kind, key):
    """The record, or None."""
    found = read_json(path_of(folder, kind, key))
    if not isinstance(found, dict) or found.get("version") != VERSION or (found.get("kind"), found.get("key")) != (kind, key) \
            or not isinstance(found.get("result"), dict) or not isinstance(found.get("seconds"), (int, float)):
        return None
    return found


# Where the tools of a step work ---------------------------------------------------------------------------------------

OWNER = "owner"
AREA = Path(__file__).resolve().parents[2] / "build" / "area"  # in which scripts/area works in folders .NAME.PROCESS


def claim(work):
    """Makes the folder that a step works in, with a note of the process that does."""
    work.mkdir(parents=True)
    (work / OWNER).write_text(f"{socket.gethostname()} {os.getpid()}")


def runs(process):
    """Whether a process of this machine has not ended; one that is only waited for has."""
    try:
        return Path("/proc", process, "stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False


def sweep(folder, own=None):
    """Removes what processes of this machine that are gone have left half done, and what `own`, a process, is about to leave."""
    for note in (folder / "work").glob(f"*/{OWNER}"):
        try:
            host, process = note.read_text().split()
        except (OSError, ValueError):
            continue
        if host != socket.gethostname() or (process != str(own) and runs(process)):
            continue
        for left in AREA.glob(f"*/.*.{process}"):
            shutil.rmtree(left, ignore_errors=True)
        shutil.rmtree(note.parent, ignore_errors=True)
