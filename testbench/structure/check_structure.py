#!/usr/bin/env python3
"""Checks how the tree is built: which folder includes which, how large files, functions and folders are, the READMEs.

usage: testbench/structure/check_structure.py [ROOT]

README.md beside this file lists the rules. Every violation is one line that names the file. The checks are then tested
themselves: each must report a violation that is planted in a copy of the tree (planted_violations.py).
Exit codes: 0 no violation, and every planted one is reported; 1 not; 2 usage.
"""

import ast
import os
import re
import sys
from pathlib import Path

TOPS = ("rtl", "sim", "model", "testbench", "scripts")
SOURCES = {".cpp", ".hpp", ".cu", ".cuh", ".sv", ".py", ".sh"}
# What is written by hand and has a limit of lines, beside the sources: pages, makefiles, lists.
PAGES = {".md", ".mk", ".txt", ".f", ".vlt"}
DATA = "testbench/data"  # what others made, or what is too large to read
MOST_FILES = 25
MOST_LINES = 400
MOST_LINES_OF_FUNCTION = 80
EXCEPTIONS = "testbench/structure/exceptions.txt"
INCLUDES = re.compile(r"^May include: (.*)$", re.M)


def files_of(root, kinds):
    """Paths relative to root, of everything below the five folders."""
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in kinds and path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def folders_of(root):
    """Every folder that holds a file."""
    found = {path.parent for top in TOPS for path in (root / top).rglob("*")
             if path.is_file() and "__pycache__" not in path.parts}
    return sorted(folder.relative_to(root) for folder in found)


def check_folders(root):
    """A folder has at most 25 source files, and a README."""
    for folder in folders_of(root):
        names = [path for path in (root / folder).iterdir() if path.suffix in SOURCES]
        if len(names) > MOST_FILES:
            yield f"{folder}: {len(names)} source files, more than {MOST_FILES}: what is it two of?"
        if not (root / folder / "README.md").is_file():
            yield f"{folder}: no README.md says what belongs there"


# --- Includes ---


def includes_of(root):
    """(file, line, folder that it includes from) of every C++ file and every list of RTL files."""
    for path in files_of(root, {".cpp", ".hpp", ".cu", ".cuh", ".f"}):
        # A list names files relative to its own folder.
        folder, pattern = ("", r'\s*#\s*include\s*"([^"]+)"') if path.suffix != ".f" else (path.parent, r"(\S+\.sv)")
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            match = re.match(pattern, line)
            if match:
                yield path, number, os.path.normpath(os.path.join(folder, match[1]))


def permissions(root):
    """For each folder with includes the folders that its README lets it include, and what is wrong with the READMEs."""
    allowed, wrong = {}, []
    folders = [str(folder) for folder in folders_of(root)]
    for folder in sorted({str(path.parent) for path in files_of(root, {".cpp", ".hpp", ".cu", ".cuh", ".f"})}):
        place = f"{folder}/README.md"
        readme = root / place
        lines = INCLUDES.findall(readme.read_text()) if readme.is_file() else []
        names = re.findall(r"`([^`]+)`", " ".join(lines))
        if len(lines) != 1:
            wrong.append(f"{place}: {len(lines)} lines begin with 'May include: ', not one")
        elif not names and not lines[0].startswith("nothing"):
            wrong.append(f"{place}: 'May include:' names neither folders in backquotes nor 'nothing'")
        allowed[folder] = set()
        for name in names:
            # A folder around this one stands for itself: what lies beside this one is another matter.
            around = folder.startswith(name + "/")
            beneath = [other for other in folders if other == name or not around and other.startswith(name + "/")]
            if not beneath:
                wrong.append(f"{place}: there is no folder {name}")
            if name.split("/")[0] == "testbench" and not folder.startswith("testbench/"):
                wrong.append(f"{place}: only the testbench may include {name}")
            allowed[folder].update(beneath)
        allowed[folder].discard(folder)
    return allowed, wrong


def cycle_in(allowed):
    """Folders that may include each other in a circle, or nothing."""
    done = set()

    def visit(folder, trail):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        if folder in done:
            return None
        for other in sorted(allowed.get(folder, ())):
            found = visit(other, trail + [folder])
            if found:
                return found
        done.add(folder)
        return None

    return next(filter(None, (visit(folder, []) for folder in sorted(allowed))), None)


def check_includes(root):
    """Includes run from a higher floor to a lower one, as the READMEs say."""
    allowed, wrong = permissions(root)
    yield from wrong
    names_of_ours = {path.name for path in files_of(root, {".cpp", ".hpp", ".cuh"})}
    cycle = cycle_in(allowed)
    if cycle:
        yield "README.md files let folders include each other in a circle: " + " -> ".join(cycle)
    for path, number, name in includes_of(root):
        folder, target = str(path.parent), str(Path(name).parent)
        if target == ".":
            # What is generated, and headers of tools, have no folder.
            if name in names_of_ours:
                yield f"{path}:{number}: '{name}' is not written from the root of the project"
        elif target.split("/")[0] in TOPS and target != folder and target not in allowed.get(folder, ()):
            yield f"{path}:{number}: {folder} may not include {target}, see {folder}/README.md"


# --- Sizes ---


def spans_of_python(text):
    return [(node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def spans_of_cpp(text):
    """First and last lines of what a brace closes at the left edge or one level from it: functions and methods, as
    clang-format lays them out. Nothing between the two lines is as far to the left, but for labels and directives."""
    lines = text.splitlines()
    for end, line in enumerate(lines, 1):
        closing = re.fullmatch(r"( {0,2})\}", line)
        if closing:
            first = re.compile(closing[1] + r"[^\s#}/]")
            start = next((number for number in range(end - 1, 0, -1) if first.match(lines[number - 1])), end)
            yield start, end


def long_functions(path, text):
    """(line, lines) of the functions that are too long."""
    spans = spans_of_python(text) if path.suffix == ".py" else spans_of_cpp(text)
    return [(start, end - start + 1) for start, end in spans if end - start + 1 > MOST_LINES_OF_FUNCTION]


def check_sizes(root):
    """Functions have at most 80 lines, and files 400 but for those in the table of exceptions."""
    table = root / EXCEPTIONS
    exceptions = {}
    for number, line in enumerate(table.read_text().splitlines(), 1) if table.is_file() else []:
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            exceptions[name] = number
            if not reason.strip():
                yield f"{EXCEPTIONS}:{number}: no reason for {name}"
    for path in [*files_of(root, SOURCES | PAGES), Path("Makefile"), Path("README.md")]:
        if str(path.parent) == DATA or not (root / path).is_file():
            continue
        text = (root / path).read_text()
        count = len(text.splitlines())
        if count > MOST_LINES and exceptions.pop(str(path), None) is None:
            yield f"{path}: {count} lines, more than {MOST_LINES}: what is it two of?"
        for start, lines in long_functions(path, text) if path.suffix in {".cpp", ".hpp", ".cu", ".cuh", ".py"} else []:
            yield f"{path}:{start}: a function of {lines} lines, more than {MOST_LINES_OF_FUNCTION}"
    for name, number in exceptions.items():
        yield f"{EXCEPTIONS}:{number}: {name} is not too long"


# --- Planted bugs ---


def check_planted_bugs(root):
    """Every planted bug of the tests and of the proofs can still be planted."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
    import formal
    import mutants
    try:
        bugs = mutants.read_mutants(root / "testbench" / "mutants")
        bugs += [proof.planted for proof in formal.read_proofs(root / "testbench" / "formal" / "proofs.txt")]
    except ValueError as error:
        yield str(error)
        return
    for bug in bugs:
        try:
            bug.changed_text(root)
        except ValueError as error:
            yield str(error)


CHECKS = (check_folders, check_includes, check_sizes, check_planted_bugs)


def violations(root):
    return [text for check in CHECKS for text in check(root)]


def main():
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and not Path(sys.argv[1], "Makefile").is_file()):
        print("check_structure.py: give the root of the project, or nothing", file=sys.stderr)
        return 2
    root = Path(sys.argv[1] if len(sys.argv) == 2 else Path(__file__).resolve().parents[2])
    found = violations(root)
    for text in found:
        print(text)
    if found:
        print(f"structure: FAILED, {len(found)} violations")
        return 1
    import planted_violations
    missed = planted_violations.missed(root, violations)
    for text in missed:
        print(f"not reported: {text}")
    if missed:
        print("structure: FAILED, the checks miss planted violations")
        return 1
    print("structure: OK")
    return 0


if __name__ == "__main__":
    sys.exit(main())
