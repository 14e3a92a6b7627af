#!/usr/bin/env python3
"""Reads rtl/builds.txt, the table of builds, for whoever needs it, and generates what Make and C++ read of it.

usage: scripts/builds.py --make FILE     a makefile fragment that lists the builds, their parameters and uses
       scripts/builds.py --cpp FOLDER    table.cpp, the builds of the simulators; NAME.cpp for each of these, which adds
                                         its Verilated class to the simulators of a program that it is linked into; and
                                         all_MODULE.cpp, which does that for all builds of a module
       scripts/builds.py --list          the table as it was understood

A file that would not change is not written again. Exit codes: 0 done, 2 the table is wrong; a line on stderr says where.
"""

import os
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from planted import Parser, main_of

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "rtl" / "builds.txt"
FORMATS = ROOT / "model" / "core" / "format.hpp"
USES = ("run", "sim", "trace", "bits", "lint", "fpga", "area")
# What the C++ row of a simulated build has a member for, struct Build of sim/verilated/builds.hpp.
SIMULATED_PARAMETERS = {"Format", "Lanes", "AccWidth", "Iterative", "Rows", "Cols", "SharedOutput"}
# The header whose template simulates a Verilated class of that module, and the template. The tests use the classes of
# other modules by themselves.
SIMULATORS = {
    "if4_mac": ("sim/mac/verilated_unit.hpp", "VerilatedUnit"),
    "if4_array": ("sim/array/verilated_array.hpp", "VerilatedArray"),
    "if4_array_cell": ("sim/array/verilated_cell.hpp", "VerilatedCell"),
}


class TableError(ValueError):
    """The table is wrong; the text names file and line."""


@dataclass(frozen=True)
class Build:
    """A row of the table."""
    name: str
    module: str
    files: str                # the module's file list
    parameters: dict = field(default_factory=dict, hash=False)  # values as integers
    uses: tuple = ()
    area: str = None          # the name in `make area`

    @property
    def simulated(self):
        """Whether a C++ class of the simulators stands for it."""
        return "sim" in self.uses and self.module in SIMULATORS

    @property
    def format(self):
        return format_names()[self.parameters.get("Format", 0)]


@lru_cache(maxsize=None)
def format_names():
    """The names of the formats, by number, from the rows of kFormatTraits."""
    names = re.findall(r'^    \{"(\w+)", \d', FORMATS.read_text(), re.MULTILINE)
    if not names:
        raise TableError(f"{FORMATS}: no row of kFormatTraits was found")
    return names


def mac_format_names():
    """The names of those that the RTL has, which come first."""
    found = re.search(r"kMacFormatCount = (\d+);", FORMATS.read_text())
    if not found:
        raise TableError(f"{FORMATS}: kMacFormatCount was not found")
    return format_names()[:int(found.group(1))]


def parameter_value(place, name, value):
    if name == "Format":
        if value not in format_names():
            raise TableError(f"{place}: no format is called '{value}'")
        return format_names().index(value)
    if not value.isdecimal():
        raise TableError(f"{place}: the value of {name} is not a whole number: '{value}'")
    return int(value)


def read_row(place, text, files):
    left, bar, right = text.partition("|")
    words = left.split()
    if not bar or len(words) < 3:
        raise TableError(f"{place}: a row is NAME MODULE PARAMETERS | USES")
    name, module, *settings = words
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise TableError(f"{place}: '{name}' is not a name of a-z, 0-9 and _")
    if module not in files:
        raise TableError(f"{place}: no line 'files {module} LIST' comes before")
    parameters = {}
    for setting in settings if settings != ["-"] else []:
        key, equals, value = setting.partition("=")
        if not equals or key in parameters:
            raise TableError(f"{place}: not a new NAME=VALUE: '{setting}'")
        parameters[key] = parameter_value(place, key, value)
    uses, area = [], None
    for word in right.split():
        use, equals, value = word.partition("=")
        if use not in USES or use in uses or bool(equals) != (use == "area"):
            raise TableError(f"{place}: not a new use: '{word}'; uses are run, sim, trace, bits, lint, fpga and area=NAME")
        uses.append(use)
        area = value if use == "area" else area
    if not uses:
        raise TableError(f"{place}: the build {name} is of no use")
    if {"run", "trace", "bits"} & set(uses) and "sim" not in uses:
        raise TableError(f"{place}: run, trace and bits need sim")
    if "bits" in uses and module != "if4_mac":
        raise TableError(f"{place}: bits is a use of if4_mac alone")
    if "fpga" in uses and (module != "if4_mac" or not area):
        raise TableError(f"{place}: fpga is a use of if4_mac alone, under its name for area")
    build = Build(name, module, files[module], parameters, tuple(uses), area)
    unknown = parameters.keys() - SIMULATED_PARAMETERS if build.simulated else ()
    if unknown:
        raise TableError(f"{place}: the simulators have no parameter {min(unknown)}")
    return build


def read(path=TABLE):
    """All rows, in order."""
    builds, files = [], {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path}:{number}"
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        if text.startswith("files "):
            words = text.split()
            if len(words) != 3:
                raise TableError(f"{place}: the line is 'files MODULE LIST'")
            files[words[1]] = words[2]
            continue
        build = read_row(place, text, files)
        for other in builds:
            if build.name == other.name or (build.area and build.area == other.area):
                raise TableError(f"{place}: the name {build.name} or its name for area is that of an earlier row")
            if (build.module, build.parameters) == (other.module, other.parameters):
                raise TableError(f"{place}: {build.name} has the module and the parameters of {other.name}")
        builds.append(build)
    if not builds:
        raise TableError(f"{path}: no builds")
    return builds


def listed(path, root=ROOT):
    """The files that a list (*.f) names, relative to `root`, as `path` is. In the list they are relative to its folder."""
    lines = (re.sub(r"//.*", "", line).strip() for line in (root / path).read_text().splitlines())
    return [os.path.normpath(Path(path).parent / line) for line in lines if line and line[0] not in "#+-"]


def with_use(use):
    """The rows with that use, for a script that cannot start without them: ends it where the table is wrong."""
    try:
        return [build for build in read() if use in build.uses]
    except (TableError, OSError) as error:
        print(f"builds.py: {error}", file=sys.stderr)
        sys.exit(2)


def makefile(builds):
    lines = ["# Generated from rtl/builds.txt by scripts/builds.py."]
    for build in builds:
        options = " ".join(f"-G{name}={value}" for name, value in build.parameters.items())
        lines += [f"MODULE_{build.name} := {build.module}", f"LIST_{build.name} := {build.files}",
                  f"PARAMETERS_{build.name} := {options}"]
    for use in USES:
        lines.append(f"BUILDS_{use} := " + " ".join(build.name for build in builds if use in build.uses))
    simulated = [build.name for build in builds if build.simulated]
    lines.append("BUILDS_simulated := " + " ".join(simulated))
    lines.append("MODULES_simulated := " + " ".join(SIMULATORS))
    lines.append("UNITS := " + " ".join(build.name for build in builds if build.simulated and build.module == "if4_mac"))
    return "\n".join(lines) + "\n"


def table_source(builds):
    def flag(value):
        return "true" if value else "false"

    rows = []
    for build in builds:
        get = build.parameters.get
        rows.append(f'      {{"{build.name}", "{build.module}", static_cast<Format>({get("Format", 0)}), '
                    f'{get("Lanes", 16)}, {get("AccWidth", 0)}, {flag(get("Iterative", 0))}, {get("Rows", 8)}, '
                    f'{get("Cols", 8)}, {flag(get("SharedOutput", 0))}, {flag("trace" in build.uses)}}},')
    return "\n".join(["// Generated from rtl/builds.txt by scripts/builds.py.", '#include "sim/verilated/builds.hpp"', "",
                      "namespace if4 {", "", "const std::vector<Build>& builds() {",
                      "  static const std::vector<Build> rows = {", *rows, "  };", "  return rows;", "}", "",
                      "}  // namespace if4", ""])


def build_source(build):
    header, template = SIMULATORS[build.module]
    traced = ", true" if "trace" in build.uses else ""
    return (f'// Generated from rtl/builds.txt by scripts/builds.py.\n#include "{header}"\n#include "V{build.name}.h"\n\n'
            f'namespace {{\n\nconst if4::{template}<V{build.name}{traced}>::Registration k_{build.name}("{build.name}");\n\n'
            '}  // namespace\n')


def module_source(module, builds):
    """All builds of a module in one source, which compiles in a third of the time."""
    names = [build.name for build in builds if build.module == module]
    return "// Generated from rtl/builds.txt by scripts/builds.py.\n" + "".join(f'#include "{name}.cpp"\n' for name in names)


def write(path, text):
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--make", type=Path, metavar="FILE", help="write the fragment for Make")
    parser.add_argument("--cpp", type=Path, metavar="FOLDER", help="write the C++ sources")
    parser.add_argument("--list", action="store_true", help="print the table")
    args = parser.parse_args()
    builds = read()
    if args.make:
        write(args.make, makefile(builds))
    if args.cpp:
        simulated = [build for build in builds if build.simulated]
        write(args.cpp / "table.cpp", table_source(simulated))
        for build in simulated:
            write(args.cpp / f"{build.name}.cpp", build_source(build))
        for module in SIMULATORS:
            write(args.cpp / f"all_{module}.cpp", module_source(module, simulated))
    if args.list:
        for build in builds:
            parameters = " ".join(f"{name}={value}" for name, value in build.parameters.items())
            print(f"{build.name:32} {build.module:15} {parameters:40} {' '.join(build.uses)}")
    return 0


if __name__ == "__main__":
    main_of("builds.py", main)
