"""One self-contained page about a run, report.html: no file beside it is needed, and nothing is loaded from anywhere."""

from pathlib import Path

import failures
from document import document
from markup import (cell, command, esc, facts, file_link, listing, navigation, number, outcome, plural, problems, table, tag,
                    tiles, verdict, when)
from plain import duration, excerpt, rate
from summary import again

HERE = Path(__file__).resolve().parent
PLAN = HERE.parents[1] / "testbench" / "kit" / "testplan"
MOST_SUITES = 100
MOST_RUNS_SHOWN = 20
COLOURS = {"passed": "good", "failed": "bad", "nothing checked": "bad"}


def head(summary):
    run, outcomes = summary.run, summary.outcomes
    figures = [(number(outcomes["passed"]), "passed", "good" if outcomes["passed"] else ""),
               (number(summary.failed), "failed", "bad" if summary.failed else "")]
    if summary.left:
        figures.append((number(summary.left), "left, not run", "warn"))
    figures += [(number(summary.checks), "checks", ""),
                (rate(summary.checks / summary.took) if summary.took else "-", "checks a second", ""),
                (duration(summary.took), "from start to end", ""), (duration(summary.busy), "of running, all cases", "")]
    about = [("started", when(summary.began)), ("commit", esc(run.get("commit", "unknown"))),
             ("base of seeds", esc(run.get("base", "unknown")))]
    hosts = sorted({record.host for record in summary.records})
    about.append(("machines", esc(", ".join(hosts[:6]) + (f" and {len(hosts) - 6} more" if len(hosts) > 6 else "")) or "none"))
    about.append(("the same again", command(again(run))))
    word = summary.verdict
    return (f'<header><h1>{verdict(word, COLOURS.get(word, "warn"))} Regression of IF4</h1>'
            + tiles(figures) + problems(summary.problems()) + facts(about) + "</header>")


def took(seconds):
    return cell(duration(seconds), "n", seconds)


def suites(summary):
    rows = []
    for suite in list(summary.suites.values())[:MOST_SUITES]:
        bad = [f"{number(count)} {word}" for word, count in sorted(suite.outcomes.items()) if word != "passed" and count]
        rows.append([f'<td class="name">{esc(suite.name)}</td>', number(suite.outcomes["passed"]),
                     tag("span", ", ".join(bad), "bad") if bad else "0",
                     (number(suite.left) if suite.planned is not None else "-"), number(suite.checks)])
    return ('<section><h2 id="suites">Suites</h2>'
            + table("Suites", ["suite", ">passed", ">failed", ">left", ">checks"], rows, sortable=True) + "</section>")


def times(summary):
    rows = []
    for suite in list(summary.suites.values())[:MOST_SUITES]:
        running, waiting = suite.running, suite.waiting
        if suite.done:
            rows.append([f'<td class="name">{esc(suite.name)}</td>', *map(took, (
                running.at(0.5), running.at(0.95), running.at(1), running.total(), waiting.at(0.5), waiting.at(1)))])
    if not rows:
        return ""
    slow = [[f'<td class="name">{esc(record.name)}</td>', took(record.ended - record.started),
             took(max(0, record.started - record.queued)), outcome(record.outcome), number(record.checks),
             file_link(record.log, "log")] for record in summary.slowest()]
    at_once = f", {summary.busy / summary.took:.1f} at a time on average" if summary.took else ""
    return ('<section><h2 id="time">Time</h2>'
            f"<p>Cases ran for {duration(summary.busy)} together{at_once}. Waiting is the time from being handed to a queue to the "
            "start, and is no part of running.</p>"
            + table("Running and waiting by suite", ["suite", ">running: median", ">95 % within", ">longest", ">together",
                                                     ">waiting: median", ">longest"], rows, sortable=True)
            + "<h3>The slowest cases</h3>"
            + table("Slowest cases", ["case", ">running", ">waiting", "outcome", ">checks", ""], slow, sortable=True) + "</section>")


def read_plan(path=PLAN):
    """[(testpoint, what it is for)]"""
    found = []
    for line in path.read_text().splitlines():
        key, _, text = line.strip().partition(" ")
        if key == "testpoint":
            found.append([text.strip(), ""])
        elif key == "what" and found:
            found[-1][1] = text.strip()
    return found


def plan(summary):
    points = summary.testpoints()
    known = read_plan()
    if not points:
        return ""
    rows = []
    for name, what in known + [[name, ""] for name in sorted(points.keys() - {name for name, _ in known})]:
        checks, failed = points.get(name, (0, 0))
        rows.append([f'<td class="name">{esc(name)}</td>', number(checks) if checks else cell(tag("span", "none", "warn"), "n", 0),
                     tag("span", number(failed), "bad") if failed else "0", f'<td class="wide small quiet">{esc(what)}</td>'])
    unchecked = [name for name, _ in known if not points.get(name, (0, 0))[0]]
    checked, wrong = len(known) - len(unchecked), any(failed for _, failed in points.values())
    missing = f"<p>Without a check: {esc(', '.join(unchecked))}.</p>" if unchecked else ""
    return (f'<section><h2 id="plan">Test plan: {checked} of {plural(len(known), "testpoint")} checked</h2>'
            "<p>Counts of all cases that name testpoints. Some are only for formats with two types, or for more lanes than 16."
            f"</p>{missing}<details{' open' if wrong else ''}><summary>All testpoints</summary>"
            + table("Testpoints", ["testpoint", ">checks", ">failures", "~what is tried"], rows, sortable=True, name="testpoints") + "</details></section>")


def percent(tally):
    """Cut, not rounded: 100.00 % is all of them."""
    possible = tally["all"] - tally["constant"]
    return f"{int(10000 * tally['covered'] / possible) / 100:.2f} %" if possible else "-"


def coverage(summary):
    found = summary.coverage
    if not found:
        return ""
    if found["refused"]:
        body = f"<p>{tag('span', 'Not judged', 'bad')}: {esc(found['refused'])}.</p>"
    else:
        rows = [[kind + "s", percent(tally), number(tally["covered"]), number(tally["all"] - tally["constant"]),
                 number(tally["explained"]), f"{tally['floor']:g} %"] for kind, tally in found["kinds"].items()]
        lowest = [[f'<td class="name">{esc(unit)}</td>', *(percent(tally) for tally in kinds.values())]
                  for unit, kinds in found["units"].items()]
        word = tag("span", "All floors are held", "good") if found["passed"] else tag("span", "Too little is covered", "bad")
        body = (f"<p>{word}, by what {plural(found['cases'], 'case')} covered together. "
                f"{file_link(found.get('page'), 'Every line, bit and point')}.</p>"
                + table("Coverage", ["", ">covered", ">", ">of", ">explained", ">least"], rows)
                + listing(found["failures"], 20)
                + "<details><summary>By unit</summary>"
                + table("Coverage by unit", ["unit", *(f">{kind}s" for kind in found["kinds"])], lowest, sortable=True) + "</details>")
    return f'<section><h2 id="coverage">Coverage</h2>{body}</section>'


def mark(run, x, y, title):
    """A dot for a run that passed, a square for failures, a triangle for one that is not complete."""
    shape = {"good": "passed", "bad": "failed"}.get(COLOURS.get(run["verdict"]), "other")
    drawn = {"passed": f'<circle class="passed" cx="{x:.1f}" cy="{y:.1f}" r="4">',
             "failed": f'<rect class="failed" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8">',
             "other": f'<polygon class="other" points="{x - 5:.1f},{y + 4:.1f} {x + 5:.1f},{y + 4:.1f} {x:.1f},{y - 5:.1f}">'}
    end = {"passed": "</circle>", "failed": "</rect>", "other": "</polygon>"}
    return f"{drawn[shape]}<title>{esc(title)}</title>{end[shape]}"


def chart(runs):
    """Checks a second of each run, with a mark for its verdict."""
    width, height, margin = 720, 80, 10
    rates = [run["checks"] / run["took"] if run["took"] else 0 for run in runs]
    most = max(rates) or 1
    places = [(margin + index * (width - 2 * margin) / max(1, len(runs) - 1), height - margin - (height - 2 * margin) * value / most)
              for index, value in enumerate(rates)]
    marks = "".join(mark(run, x, y, f"{when(run['started'])}: {run['verdict']}, {rate(value)} checks a second")
                    for run, value, (x, y) in zip(runs, rates, places))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return (f'<figure><figcaption>Checks a second, at most {rate(most)}</figcaption><svg viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="Checks a second of {len(runs)} runs, at most {rate(most)}">'
            f'<line class="axis" x1="0" y1="{height - margin}" x2="{width}" y2="{height - margin}"/>'
            f'<polyline class="rate" points="{line}"/>{marks}</svg><div class="ends"><span>{when(runs[0]["started"])}</span>'
            f'<span>{when(runs[-1]["started"])}</span></div></figure>')


def runs_table(past, run):
    runs = past["runs"]
    if len(runs) < 2:
        return ""
    rows = []
    for other in list(reversed(runs))[:MOST_RUNS_SHOWN]:
        kinds = other["coverage"]
        covered = ", ".join(f"{percent({'covered': hit, 'all': all_, 'constant': 0})} {kind}s"
                            for kind, (hit, all_) in kinds.items()) or "-"
        word = tag("span", esc(other["verdict"]), COLOURS.get(other["verdict"], "warn"))
        if other["mode"] == "failed":
            word += '<br><span class="small quiet">failed ones again</span>'
        rows.append(("now" if other["id"] == run["id"] else "", [
            f'<td class="name">{when(other["started"])}</td>', f'<td class="name">{esc(other["commit"])}</td>', word, number(other["cases"]),
            number(other["failed"]), number(other["left"]), number(other["checks"]), duration(other["took"]), covered]))
    shown = f", of which the newest {MOST_RUNS_SHOWN} are in the table" if len(runs) > MOST_RUNS_SHOWN else ""
    return (f'<section><h2 id="history">History: {plural(len(runs), "run")}</h2>{chart(runs)}'
            f"<p>A dot is a run that passed, a square one that failed, a triangle one that was stopped or is not complete{shown}. "
            "The grey row is this run.</p>"
            + table("History", ["started", "commit", "verdict", ">cases", ">failed", ">left", ">checks", ">time", "~coverage"],
                    rows) + "</section>")


def trouble(summary):
    """Records that are none, and cases whose process was gone."""
    again, lost = summary.again(), [record for record in summary.records if record.outcome == "lost"]
    if not (summary.bad or again or lost):
        return ""
    parts = []
    if summary.bad:
        parts.append(f"<p>{plural(len(summary.bad), 'file')} of records cannot be trusted. Their cases count as not run, and run "
                     f"again when the run goes on.</p>{listing(summary.bad)}")
    if lost:
        parts.append(f"<p>{plural(len(lost), 'case')} lost: no process of theirs ever left a record.</p>"
                     + listing([f"{record.name} on {record.host}, attempt {record.attempt}: {excerpt(record.failure, 1)}"
                                for record in lost]))
    if again:
        parts.append(f"<p>{plural(len(again), 'case')} had to run again, since the process or the machine was gone.</p>"
                     + listing([f"{record.name}: {record.outcome} at attempt {record.attempt}, on {record.host}"
                                for record in again]))
    return f'<section><h2 id="lost">Lost and bad records</h2>{"".join(parts)}</section>'


def text_of(summary, past, run, notes=()):
    """The page. `past`, `run`: of history.keep(). `notes`: further lines for the reader."""
    sections = [failures.section(summary, past, run), suites(summary), trouble(summary), coverage(summary), plan(summary),
                times(summary), runs_table(past, run)]
    note = "".join(f'<p class="warn">{esc(line)}</p>' for line in notes)
    return document(f"{summary.verdict}: regression of IF4",
                    f"{head(summary)}{note}{navigation(sections)}<main>{''.join(sections)}</main>", [HERE / "report.css"])
