"""The process and the tools: where Debian's packages put them, which versions they are, and one step of the flow."""

import hashlib
import json
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from synthesis import produce
from tools import ROOT, ToolError, remove, versions

# Command, Debian's package.
TOOLS = {"graywolf": "graywolf", "qrouter": "qrouter", "magic": "magic", "netgen-lvs": "netgen-lvs", "tclsh": "tcl"}
SCRIPTS = ("blif2cel.tcl", "place2def.tcl", "addspacers.tcl", "arrangepins.tcl")
LAYOUTS = ROOT / "build" / "layout"
FILL = "FILL"           # the cell that closes gaps in rows
STRIPES = ("2.0", "50.0")  # width and distance of the supplies' stripes across the rows, um
LAYERS = 6              # of metal
FULL_BYTES = 100_000    # a disk with less is full


class Process:
    """Files of osu018. Raises ToolError, in one line, where something is not installed."""

    def __init__(self, tech=Path("/usr/share/qflow/tech/osu018"), folders=("/usr/lib/qflow", "/usr/share/qflow")):
        missing = [package for command, package in TOOLS.items() if not shutil.which(command)]
        self.scripts = next((Path(folder) / "scripts" for folder in folders if (Path(folder) / "scripts").is_dir()), None)
        self.lef, self.spice = tech / "osu018_stdcells.lef", tech / "osu018_stdcells.sp"
        self.placement, self.magicrc, self.lvs = tech / "osu018.par", tech / "osu018.magicrc", tech / "osu018_setup.tcl"
        if not self.scripts or any(not (self.scripts / name).is_file() for name in SCRIPTS):
            missing.append("qflow")
        if any(not path.is_file() for path in (self.lef, self.spice, self.placement, self.magicrc, self.lvs)):
            missing.append("qflow-tech-osu018")
        if missing:
            raise ToolError(f"not installed: Debian's {', '.join(sorted(missing))}")

    def script(self, name, *arguments):
        return ["tclsh", str(self.scripts / name), *map(str, arguments)]

    @lru_cache(maxsize=None)
    def digest(self):
        """A hash of the files of the process, of qflow's scripts and of the tools."""
        digest = hashlib.sha256(" ".join([*versions(), *named_versions()]).encode())
        files = [self.lef, self.spice, self.placement, self.magicrc, self.lvs, *(self.scripts / name for name in SCRIPTS)]
        for path in [*files, *(Path(shutil.which(command)).resolve() for command in TOOLS)]:
            digest.update(path.read_bytes())
        return digest.hexdigest()


@lru_cache(maxsize=None)
def named_versions():
    """What those tools that say it say they are; graywolf does not."""
    found = []
    for command, pattern in ((["qrouter", "-v", "0", "-h"], r"^([0-9.]+)"), (["magic", "--version"], r"^([0-9.]+)"),
                             (["netgen-lvs", "-batch", "quit"], r"^Netgen ([0-9.]+)")):
        try:
            said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        except OSError as error:
            raise ToolError(f"cannot run {command[0]}: {error.strerror}") from None
        version = re.search(pattern, said, re.MULTILINE)
        found.append(command[0] + (f" {version.group(1).rstrip('.')}" if version else ""))
    return found


def source_digest(*names):
    """A hash of files of this room, and of the constants above."""
    digest = hashlib.sha256(repr((FILL, STRIPES, LAYERS)).encode())
    for name in names:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def key_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)} ".encode() + (part if isinstance(part, bytes) else part.encode()))
    return digest.hexdigest()


def kept(folder, key):
    """The result of a step in its folder, if it is there and of `key`; else None."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None
    return result if result.get("key") == key else None


def step(folder, key, library, function):
    """What `function(work)` gives as a dictionary, done in a folder that appears as a whole as `folder`; not done again
    where a result of the same key is there. Whether it was done, and the result."""
    result = kept(folder, key)
    if result:
        return False, result
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return True, produce(folder, library, lambda work: {"key": key, **function(work)})
    except ToolError:
        # What a tool says when it cannot write is seldom that, and what it left takes the last room.
        if shutil.disk_usage(folder.parent).free < FULL_BYTES:
            remove(folder.with_name(f"{folder.name}.failed"))
            raise ToolError(f"{folder.relative_to(ROOT)}: no space left on the disk") from None
        raise
    except OSError as error:
        result = kept(folder, key)  # of another run that was faster
        if result:
            return False, result
        raise ToolError(f"{folder.relative_to(ROOT)}: {error.strerror or error}") from None
