#!/usr/bin/env python3
"""Writes what package managers of hardware read of the RTL, rtl/if4.core (FuseSoC) and Bender.yml, from rtl/**/*.f.

usage: scripts/manifests.py [--check] [ROOT]

The lists of files stay the one place that says which files a unit has and in which order tools need them. A manifest has
all files of rtl/*.f and rtl/array/*.f in one set, each once, and those that only the lists of rtl/baseline have in another.
--check writes nothing, and names the manifests that are not what they would be.
Exit codes: 0 written, or all as they should be; 1 not; 2 usage, or lists that no one order agrees with.
"""

import os
import sys
from pathlib import Path

HEAD = "# Made by scripts/manifests.py from the lists of files rtl/**/*.f.\n"


def read_list(path, rtl):
    """The files that a list names, as paths relative to rtl."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    names = [line for line in lines if line and not line.startswith("//")]
    return [os.path.normpath(os.path.join(path.parent.relative_to(rtl), name)) for name in names]


def merged(lists):
    """All files of the lists, each once, such that every list is in order."""
    files = []
    for names in lists:
        at = 0
        for name in names:
            if name not in files:
                files.insert(at, name)
            elif files.index(name) < at:
                raise ValueError(f"the lists of files disagree about the order of {name}")
            at = files.index(name) + 1
    return files


def sets_of(rtl):
    """The files of the units, and what the baseline has beside them."""
    # The unit's list comes first: the others add to it.
    lists = sorted([*rtl.glob("*.f"), *rtl.glob("array/*.f")], key=lambda path: (path.name != "if4_mac.f", path.name))
    units = merged(read_list(path, rtl) for path in lists)
    baseline = merged(read_list(path, rtl) for path in sorted(rtl.glob("baseline/*.f")))
    return units, [name for name in baseline if name not in units]


def core(units, baseline, version):
    def fileset(name, files):
        lines = "".join(f"      - {file}\n" for file in files)
        return f"  {name}:\n    files:\n{lines}    file_type: systemVerilogSource\n"

    def target(name, filesets, toplevel):
        return f"  {name}:\n    filesets: [{filesets}]\n    toplevel: {toplevel}\n"

    return ("CAPI=2:\n" + HEAD + f"name: if4:ip:if4:{version}\n"
            "description: Exact multiply-accumulate unit for adaptive 4-bit blocks, and a systolic array of it\n"
            "filesets:\n" + fileset("rtl", units) + fileset("baseline", baseline) + "targets:\n"
            + target("default", "rtl", "if4_mac") + target("axis", "rtl", "if4_mac_axis")
            + target("array", "rtl", "if4_array")
            + target("baseline", "rtl, baseline", "lane_fp32_mac"))


def bender(units, baseline):
    def files(names, indent):
        return "".join(f"{indent}- rtl/{name}\n" for name in names)

    return (HEAD + "package:\n  name: if4\n"
            "  description: Exact multiply-accumulate unit for adaptive 4-bit blocks, and a systolic array of it\n"
            "sources:\n" + files(units, "  ") + "  - target: if4_baseline\n    files:\n" + files(baseline, "      "))


def version_of(root):
    lines = (root / "scripts" / "version.sh").read_text().splitlines()
    return next(line for line in lines if line.startswith("version=")).partition("=")[2]


def manifests(root):
    units, baseline = sets_of(root / "rtl")
    return {root / "rtl" / "if4.core": core(units, baseline, version_of(root)), root / "Bender.yml": bender(units, baseline)}


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    roots = [argument for argument in arguments if argument != "--check"]
    if len(roots) > 1 or (roots and not Path(roots[0], "rtl").is_dir()):
        print("manifests.py: give --check and the root of the project, or less", file=sys.stderr)
        return 2
    try:
        texts = manifests(Path(roots[0] if roots else Path(__file__).resolve().parents[1]))
    except ValueError as error:
        print(f"manifests.py: {error}", file=sys.stderr)
        return 2
    wrong = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    for path in wrong:
        if check:
            print(f"{path} does not say what the lists of files say: run scripts/manifests.py")
        else:
            path.write_text(texts[path])
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
