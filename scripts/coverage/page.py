"""The page that shows a coverage report, and the same figures as JSON. See coverage.py."""

import json
import sys
from collections import defaultdict
from pathlib import Path

from data import FLOORS, KINDS, NEEDED, TOGGLE_FLOOR, Tally

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "page"))
from document import document  # noqa: E402
from markup import cell, esc, navigation, plural, problems, table, tag, verdict  # noqa: E402


def short(count):
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= 10 * size:
            return f"{count // size}{letter}"
    return str(count)


def code(text):
    return tag("code", esc(text))


def tally_cells(tally):
    return [tally.shown(), f"{tally.hit} / {tally.all - tally.constant}",
            cell(tally.open() or "", "n bad" if tally.open() else "n", tally.open())]


def summary(report):
    rows = []
    for kind in KINDS:
        tally = report.total(kind)
        rows.append([f"{kind}s", *tally_cells(tally), str(tally.waived or ""), str(tally.constant or "")])
    return table("Coverage", ["", ">covered", ">", ">holes", ">explained holes", ">constant, left out"], rows)


def unit_table(report):
    heads = ["unit", *(text for kind in KINDS for text in (f">{kind}s", ">", ">holes"))]
    rows = [[cell(code(unit), "name"), *(one for kind in KINDS for one in tally_cells(tallies[kind]))]
            for unit, tallies in report.units.items()]
    return table("Units", heads, rows, sortable=True, name="units")


def module_table(report):
    modules = defaultdict(lambda: {"line": [0, 0], "toggle": [0, 0]})
    for places in report.counts.values():
        for (place, _), count in places.items():
            pair = modules[place.file][place.kind]
            pair[0] += count >= NEEDED[place.kind]
            pair[1] += 1
    for hole in report.holes.values():
        if hole.waiver is not None and hole.waiver.kind != "toggle":
            modules[hole.place.file][hole.place.kind][1] -= len(hole.where)
    rows = []
    for file, kinds in sorted(modules.items()):
        rows.append([cell(f'<a href="#{esc(file)}">{code(file)}</a>', "name"),
                     *(text for hit, all_ in kinds.values()
                       for text in ((Tally(all_, hit).shown(), f"{hit} / {all_}") if all_ else ("", "")))])
    return table("Files", ["file", ">lines", ">", ">toggles", ">"], rows, sortable=True)


def points_tables(report):
    """A group is a matrix, its last two axes across where it has more than three; a cell is the least of all units."""
    least = {}
    for counts in report.points.values():
        for point, count in counts.items():
            least[point] = min(count, least.get(point, count))
    html = ""
    for group, names, kinds in report.crosses:
        split = len(names) - (2 if len(names) > 3 else 1 if len(names) > 1 else 0)
        rows = combinations(report.axes, names[:split])
        columns = combinations(report.axes, names[split:])
        total = len(rows) * len(columns)
        hit = sum(least.get(" ".join((group, *row, *column)), 0) > 0 for row in rows for column in columns)
        title = f"{group}: {' &times; '.join(names)}" + (f", {' and '.join(kinds)} units only" if kinds else "")
        head = "<tr>" + "".join(f"<th>{name}</th>" for name in names[:split]) + "".join(
            f'<th class="n">{"<br>".join(column) or "seen"}</th>' for column in columns) + "</tr>"
        body = ""
        for row in rows:
            body += "<tr>" + "".join(cell(esc(value)) for value in row)
            for column in columns:
                count = least.get(" ".join((group, *row, *column)), 0)
                body += cell(short(count), "n" if count else "n zero")
            body += "</tr>"
        html += (f"<details{'' if total > 100 else ' open'}><summary>{title} &mdash; {hit} of {total} points"
                 f'</summary><div class="scroll"><table class="matrix">{head}{body}</table></div></details>')
    return html


def combinations(axes, names):
    rows = [()]
    for name in names:
        rows = [(*row, value) for row in rows for value in axes[name]]
    return rows


def waiver_table(report):
    rows = [[code(f"{waiver.kind} {waiver.module} {waiver.pattern}")
             + (f"<br>in {esc(' '.join(waiver.units))}" if len(waiver.units) < len(report.units) else ""),
             cell(waiver.holes or "none", "n" if waiver.holes else "n bad", waiver.holes), esc(waiver.reason)]
            for waiver in report.waivers]
    return table("Holes explained", ["hole", ">times", "why nothing can cover it"], rows, sortable=True, name="explained")


def source_table(report, root, file):
    """Every source line with its least count, and of the signals it declares how many bits were seen to toggle."""
    counts = defaultdict(list)
    bits = defaultdict(lambda: [0, 0])
    states = {}
    notes = defaultdict(list)
    for places in report.counts.values():
        for (place, _), count in places.items():
            if place.file != file:
                continue
            if place.kind == "line":
                counts[place.line].append(count)
            else:
                bits[place.line][0] += count >= NEEDED[place.kind]
                bits[place.line][1] += 1
    for hole in report.holes.values():
        place = hole.place
        if place.file == file:
            states[place.line] = "open" if hole.waiver is None or states.get(place.line) == "open" else "waived"
            notes[place.line].append(f"{place.kind} {place.name}")
    rows = ""
    for number, text in enumerate((root / file).read_text().splitlines(), 1):
        state = states.get(number, "hit" if number in counts or number in bits else "")
        seen, all_ = bits.get(number, (0, 0))
        title = f' title="not covered: {esc(", ".join(sorted(notes[number])))}"' if number in notes else ""
        rows += (f'<tr class="{state}"{title}>{cell(number, "n")}'
                 + cell(short(min(counts[number])) if number in counts else "", "n")
                 + cell(f"{seen}/{all_}" if all_ else "", "n") + f'<td class="code">{esc(text)}</td></tr>')
    return (f'<details id="{esc(file)}"{" open" if "open" in states.values() else ""}>'
            f'<summary>{esc(file)}</summary><div class="scroll"><table class="source"><tr><th class="n">line</th>'
            f'<th class="n">runs</th><th class="n">bits</th><th></th></tr>{rows}</table></div></details>')


def figures_of(tally):
    return {"all": tally.all, "covered": tally.hit, "explained": tally.waived, "constant": tally.constant}


def write(report, part, root, folder):
    folder.mkdir(parents=True, exist_ok=True)
    failures = report.failures()
    files = sorted({place.file for places in report.counts.values() for place, _ in places})
    word = verdict("failed", "bad") if failures else verdict("passed", "good")
    says = "" if failures else "<p>Every hole is explained, and every explanation is of a hole.</p>"
    total = report.total("toggle")
    runs = "one run of the tests" if len(part.runs) == 1 else f"{len(part.runs)} runs of the tests together"
    body = f"""<header><h1>{word} Coverage of the MAC unit</h1>
<p>{plural(len(report.units), "build")} of <code>rtl/if4_mac.sv</code>, each judged by itself, in {runs}.
Made by <code>make coverage</code> or <code>make regress COVERAGE=1</code>.</p>
{says}{problems(failures, 200)}
{summary(report)}
<p>A <b>line</b> is a place where Verilator counts execution: a block of statements, or one side of a branch. A
<b>toggle</b> is one bit of one signal in one instance; it is covered when it was seen to rise and to fall, from one
clock edge to the next, signals of generate blocks included. Bits that the design ties to one value are left out, each named
below with the reason; of the others at least {TOGGLE_FLOOR:g} % must toggle in every unit. With those bits, the toggles
are {total.hit} of {total.all}, {100 * total.hit / max(total.all, 1):.2f} %. A <b>point</b> is a line of
<code>testbench/coverage/points.txt</code>, observed at the ports of the unit.</p></header>
"""
    sections = [
        f"""<section><h2 id="units">Units</h2>{unit_table(report)}</section>""",
        f"""<section><h2 id="files">Files</h2>{module_table(report)}</section>""",
        f"""<section><h2 id="points">Points</h2><p>A cell is how often the point was seen in the unit that saw it least.</p>
{points_tables(report)}</section>""",
        f"""<section><h2 id="holes">Holes explained</h2><p>From <code>testbench/coverage/waivers*.txt</code>. Times: bits or lines,
of all instances in all units.</p>{waiver_table(report)}</section>""",
        f"""<section><h2 id="sources">Sources</h2><p>Runs: of the point of the line that ran least, in the unit where it did. Bits:
toggled and all, of every instance in every unit. <span class="key hit">Covered</span>,
<span class="key waived">a hole explained</span>, <span class="key open">a hole</span> (which: hold the pointer over the
line).</p>{''.join(source_table(report, root, file) for file in files)}</section>"""]
    (folder / "index.html").write_text(document("Coverage of the MAC unit", f"{body}{navigation(sections)}<main>{''.join(sections)}</main>",
                                                [HERE / "coverage.css"]))
    figures = {
        "passed": not failures,
        "failures": failures,
        "build": part.build,
        "runs": len(part.runs),
        "kinds": {kind: {**figures_of(report.total(kind)), "floor": FLOORS[kind]} for kind in KINDS},
        "units": {unit: {kind: figures_of(tally) for kind, tally in tallies.items()}
                  for unit, tallies in report.units.items()},
    }
    (folder / "coverage.json").write_text(json.dumps(figures, indent=1) + "\n")
