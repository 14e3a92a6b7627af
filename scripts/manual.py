#!/usr/bin/env python3
"""Writes the manual page if4(1) from what the program says of itself.

usage: scripts/manual.py PROGRAM VERSION >if4.1

Commands, options and exit codes are those of PROGRAM --help and PROGRAM COMMAND --help, so that the page is never behind
the program. Exit codes: 0 written; 2 usage, or a help that does not look as expected.
"""

import re
import subprocess
import sys

INDENT = 30  # the column of the texts in a help


def help_of(program, *command):
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"{program} {' '.join(command)} --help ends with {done.returncode}")
    return done.stdout


def plain(text):
    """Text that roff shows as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("|", "|\\:")  # \: is where a line may break
    return "\\&" + text if text[:1] in (".", "'") else text


def parts_of(text):
    """The summary, a list of (name, text) for each section, and the notes below the sections."""
    summary, _, rest = text.partition("\nUsage: ")
    sections, notes, lines, current = {}, [], rest.split("\n")[1:], None
    at = 0
    while at < len(lines):
        line, following = lines[at], lines[at + 1] if at + 1 < len(lines) else ""
        if re.fullmatch(r"[A-Z]\w+:", line) and following.startswith("  "):
            current = sections.setdefault(line[:-1], [])
        elif current is not None and line.startswith("  "):
            if following.startswith(" " * INDENT):
                current.append((line.strip(), following.strip()))
                at += 1
            else:
                current.append((line[:INDENT].strip(), line[INDENT:].strip()))
        elif line:
            current = None
            notes.append(line)
        at += 1
    return summary.strip(), sections, " ".join(notes)


def entries(pairs):
    for name, text in pairs:
        yield f".TP\n.B {plain(name)}\n{plain(text)}"


def page(program, version):
    summary, sections, notes = parts_of(help_of(program))
    commands = sections.get("Subcommands", [])
    if not commands or "Exit code" not in notes:
        raise ValueError(f"{program} --help lists no commands or no exit codes")
    inputs, _, codes = notes.partition("Exit code ")
    yield f'.TH IF4 1 "" "if4 {plain(version)}" "User Commands"\n.ad l'
    yield f".SH NAME\nif4 \\- {plain(re.sub('^IF4: ', '', summary))}"
    yield ".SH SYNOPSIS\n.B if4\n.I COMMAND\n[\\fIOPTIONS\\fR] ...\n.br\n.B if4 \\-\\-help\n.br\n.B if4 \\-\\-version"
    yield f".SH DESCRIPTION\n{plain(inputs.strip())}"
    yield ".SH COMMANDS"
    for name, what in commands:
        _, sections, _ = parts_of(help_of(program, name))
        yield f".SS if4 {plain(name)}\n{plain(what)}"
        yield from entries(pair for title in ("Positionals", "Options") for pair in sections.get(title, [])
                           if not pair[0].startswith("-h,"))
    yield ".SH EXIT STATUS"
    yield from entries(re.findall(r"(\d+): ([^;.]*)", codes))
    yield (".SH FILES\nBelow the prefix that if4 was installed in:\n"
           ".TP\n.I share/if4/rtl\nthe RTL of the units, with lists of files for tools\n"
           ".TP\n.I share/if4/dpi\nthe SystemVerilog package of the golden model, and examples\n"
           ".TP\n.I share/if4/testbench/kit\nthe testbench that checks a MAC of one's own, by if4\\-verify\n"
           ".TP\n.IR lib/libif4.a \", \" include/if4\nthe model for C++; see pkg\\-config if4\n"
           ".TP\n.IR lib/libif4_dpi.so \", \" include/if4_dpi.h\nthe golden model for C, Python and DPI\\-C; see pkg\\-config if4_dpi")


def main():
    if len(sys.argv) != 3:
        print("usage: scripts/manual.py PROGRAM VERSION >if4.1", file=sys.stderr)
        return 2
    try:
        print("\n".join(page(sys.argv[1], sys.argv[2])))
    except (OSError, ValueError) as error:
        print(f"manual.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
