"""The page that shows a coverage report, and the same figures as JSON. See coverage.py."""

import json
from collections import defaultdict
from html import escape

from data import FLOORS, KINDS, NEEDED, TOGGLE_FLOOR, Tally

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .15em .7em; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #888; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr:nth-child(even) td { background: #f6f6f6; }
.ok { color: #17692b; font-weight: 600; } .bad { color: #b00020; font-weight: 600; }
table.source { width: 100%; font: 13px/1.35 ui-monospace, monospace; }
table.source td { background: none; padding: 0 .6em; }
table.source td.code { white-space: pre; width: 100%; } table.source td.n { color: #666; }
table.source tr.hit td.code { background: #e9f6ec; } table.source tr.waived td.code { background: #fdf3d8; }
table.source tr.open td.code { background: #fbdfe1; }
table.matrix { font-size: 12px; } table.matrix td, table.matrix th { padding: .05em .4em; }
table.matrix td.n { background: #e9f6ec; } table.matrix td.zero { background: #fbdfe1; font-weight: 600; }
summary { cursor: pointer; font-weight: 600; } details { margin: .5em 0; } code { font-size: 13px; }
"""


def short(count):
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= 10 * size:
            return f"{count // size}{letter}"
    return str(count)


def cell(text, kind="n"):
    return f'<td class="{kind}">{text}</td>'


def tally_cells(tally):
    return (cell(tally.shown()) + cell(f"{tally.hit} / {tally.all - tally.constant}")
            + cell(tally.open() or "", "n bad" if tally.open() else "n"))


def summary(report):
    rows = ""
    for kind in KINDS:
        tally = report.total(kind)
        rows += (f"<tr><td>{kind}s</td>{tally_cells(tally)}{cell(tally.waived or '')}"
                 f"{cell(tally.constant or '')}</tr>")
    head = "".join(f"<th class=n>{text}</th>"
                   for text in ("covered", "", "holes", "explained holes", "constant bits, left out"))
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def unit_table(report):
    head = "<tr><th>unit</th>" + "".join(f"<th class=n>{kind}s</th><th class=n></th><th class=n>holes</th>"
                                         for kind in KINDS) + "</tr>"
    rows = "".join(f"<tr><td><code>{escape(unit)}</code></td>"
                   + "".join(tally_cells(tallies[kind]) for kind in KINDS) + "</tr>"
                   for unit, tallies in report.units.items())
    return f"<table>{head}{rows}</table>"


def module_table(report):
    modules = defaultdict(lambda: {"line": [0, 0], "toggle": [0, 0]})
    for places in report.counts.values():
        for (place, _), count in places.items():
            pair = modules[place.file][place.kind]
            pair[0] += count >= NEEDED[place.kind]
            pair[1] += 1
    for hole in report.holes.values():
        if hole.waiver is not None and hole.waiver.kind == "constant":
            modules[hole.place.file]["toggle"][1] -= len(hole.where)
    rows = ""
    for file, kinds in sorted(modules.items()):
        rows += f'<tr><td><a href="#{escape(file)}"><code>{escape(file)}</code></a></td>'
        for hit, all_ in kinds.values():
            rows += cell(Tally(all_, hit).shown() if all_ else "") + cell(f"{hit} / {all_}" if all_ else "")
        rows += "</tr>"
    return ("<table><tr><th>file</th><th class=n>lines</th><th></th><th class=n>toggles</th><th></th></tr>"
            f"{rows}</table>")


def points_tables(report):
    """A group is a matrix, its last two axes across where it has more than three; a cell is the least of all units."""
    least = {}
    for counts in report.points.values():
        for point, count in counts.items():
            least[point] = min(count, least.get(point, count))
    html = ""
    for group, names, kind in report.crosses:
        split = len(names) - (2 if len(names) > 3 else 1 if len(names) > 1 else 0)
        rows = combinations(report.axes, names[:split])
        columns = combinations(report.axes, names[split:])
        total = len(rows) * len(columns)
        hit = sum(least.get(" ".join((group, *row, *column)), 0) > 0 for row in rows for column in columns)
        title = f"{group}: {' &times; '.join(names)}{f', {kind} units only' if kind else ''}"
        head = "<tr>" + "".join(f"<th>{name}</th>" for name in names[:split]) + "".join(
            f"<th class=n>{'<br>'.join(column) or 'seen'}</th>" for column in columns) + "</tr>"
        body = ""
        for row in rows:
            body += "<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row)
            for column in columns:
                count = least.get(" ".join((group, *row, *column)), 0)
                body += cell(short(count), "n" if count else "n zero")
            body += "</tr>"
        html += (f"<details{'' if total > 100 else ' open'}><summary>{title} &mdash; {hit} of {total} points"
                 f"</summary><table class=matrix>{head}{body}</table></details>")
    return html


def combinations(axes, names):
    rows = [()]
    for name in names:
        rows = [(*row, value) for row in rows for value in axes[name]]
    return rows


def waiver_table(report):
    rows = "".join(f"<tr><td><code>{escape(f'{waiver.kind} {waiver.module} {waiver.pattern}')}</code>"
                   f"{'<br>in ' + escape(' '.join(waiver.units)) if len(waiver.units) < len(report.units) else ''}</td>"
                   + cell(waiver.holes or "none", "n" if waiver.holes else "n bad")
                   + f"<td>{escape(waiver.reason)}</td></tr>" for waiver in report.waivers)
    return f"<table><tr><th>hole</th><th class=n>times</th><th>why nothing can cover it</th></tr>{rows}</table>"


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
        title = f' title="not covered: {escape(", ".join(sorted(notes[number])))}"' if number in notes else ""
        rows += (f'<tr class="{state}"{title}>{cell(number)}'
                 + cell(short(min(counts[number])) if number in counts else "")
                 + cell(f"{seen}/{all_}" if all_ else "") + f'<td class="code">{escape(text)}</td></tr>')
    return (f'<details id="{escape(file)}"{" open" if "open" in states.values() else ""}>'
            f'<summary>{escape(file)}</summary><table class=source><tr><th class=n>line</th><th class=n>runs</th>'
            f"<th class=n>bits</th><th></th></tr>{rows}</table></details>")


def figures_of(tally):
    return {"all": tally.all, "covered": tally.hit, "explained": tally.waived, "constant": tally.constant}


def write(report, part, root, folder):
    folder.mkdir(parents=True, exist_ok=True)
    failures = report.failures()
    files = sorted({place.file for places in report.counts.values() for place, _ in places})
    verdict = ('<p class="ok">Passed: every hole is explained, and every explanation is of a hole.</p>' if not failures
               else '<p class="bad">Failed:</p><ul>' + "".join(f"<li>{escape(text)}</li>" for text in failures[:200])
               + "</ul>")
    total = report.total("toggle")
    runs = "one run of the tests" if len(part.runs) == 1 else f"{len(part.runs)} runs of the tests together"
    page = f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Coverage of the MAC unit</title><style>{STYLE}</style>
<h1>Coverage of the MAC unit</h1>
<p>{len(report.units)} builds of <code>rtl/if4_mac.sv</code>, each judged by itself, in {runs}.
Made by <code>make coverage</code> or <code>make regress COVERAGE=1</code>.</p>
{verdict}
{summary(report)}
<p>A <b>line</b> is a place where Verilator counts execution: a block of statements, or one side of a branch. A
<b>toggle</b> is one bit of one signal in one instance; it is covered when it was seen to rise and to fall, from one
clock edge to the next, signals of generate blocks included. Bits that the design ties to one value are left out, each named
below with the reason; of the others at least {TOGGLE_FLOOR:g} % must toggle in every unit. With those bits, the toggles
are {total.hit} of {total.all}, {100 * total.hit / max(total.all, 1):.2f} %. A <b>point</b> is a line of
<code>testbench/coverage/points.txt</code>, observed at the ports of the unit.</p>
<h2>Units</h2>{unit_table(report)}
<h2>Files</h2>{module_table(report)}
<h2>Points</h2><p>A cell is how often the point was seen in the unit that saw it least.</p>{points_tables(report)}
<h2>Holes explained</h2><p>From <code>testbench/coverage/waivers.txt</code>. Times: bits or lines, of all instances in
all units.</p>{waiver_table(report)}
<h2>Sources</h2><p>Runs: of the point of the line that ran least, in the unit where it did. Bits: toggled and all, of
every instance in every unit. <span style="background:#e9f6ec">Covered</span>,
<span style="background:#fdf3d8">a hole explained</span>, <span style="background:#fbdfe1">a hole</span> (which: hold
the pointer over the line).</p>{''.join(source_table(report, root, file) for file in files)}
</html>
"""
    (folder / "index.html").write_text(page)
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
