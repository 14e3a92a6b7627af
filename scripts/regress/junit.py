"""The results of a run as JUnit XML. What dashboards show is the text of a failure, so seed, command and commit are in it."""

from collections import defaultdict
from xml.sax.saxutils import escape

from plain import clean, duration, excerpt, tail
from summary import WORDS, again

MOST_LOGS = 200        # failed cases whose log is in the file; the others name theirs
MOST_LOG = 32 << 10    # bytes of it, its end
MOST_LINES = 60
ERRORS = ("crashed", "hung", "lost")  # it did not come to a result; `failed` and `empty` did


def attribute(text):
    """A value between double quotes. Line ends are written so that a parser leaves them what they are."""
    return escape(clean(text), {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def first_line(text):
    return next((line.strip() for line in clean(text).split("\n") if line.strip()), "")


def failure_text(record):
    how = f"exit code {record.exit}" if record.exit is not None else f"signal {record.signal}" if record.signal else "no exit code"
    return "\n".join([f"{record.outcome}: {WORDS[record.outcome]} ({how})",
                      f"seed    {record.seed} (base {record.base}, suite {record.suite}, index {record.index})",
                      f"again   {record.repeat}",
                      f"commit  {record.commit}",
                      f"ran     {duration(record.ended - record.started)} on {record.host}, attempt {record.attempt}",
                      f"log     {record.log}", *([f"wave    {record.wave}"] if record.wave else []),
                      "", excerpt(record.failure, MOST_LINES)])


def case_xml(folder, record, with_log):
    head = (f'  <testcase classname="{attribute(record.suite)}" name="{attribute(record.name)}" '
            f'time="{record.ended - record.started:.3f}" assertions="{record.checks}"')
    if record.passed:
        return f"{head}/>\n"
    kind = "error" if record.outcome in ERRORS else "failure"
    message = f"{record.outcome}: {first_line(record.failure) or WORDS[record.outcome]}"
    text = (f'{head}>\n    <{kind} type="{record.outcome}" message="{attribute(message[:300])}">'
            f"{escape(clean(failure_text(record)))}</{kind}>\n")
    log = tail(folder / record.log, MOST_LOG) if with_log else None
    if log is not None:
        text += f"    <system-out>{escape(log)}</system-out>\n"
    return f"{text}  </testcase>\n"


def suite_xml(folder, name, found, started, logs):
    """`logs`: how many logs may still be in the file, in a list of one number."""
    failures = errors = 0
    body = []
    for record in found:
        if not record.passed:
            errors += record.outcome in ERRORS
            failures += record.outcome not in ERRORS
            logs[0] -= 1
        body.append(case_xml(folder, record, logs[0] >= 0))
    seconds = sum(record.ended - record.started for record in found)
    return (f'<testsuite name="{attribute(name)}" tests="{len(found)}" failures="{failures}" errors="{errors}" skipped="0" '
            f'time="{seconds:.3f}" timestamp="{started}">\n{"".join(body)}</testsuite>\n'), failures, errors


def whole_run_xml(summary, problems):
    """A test case that is an error where the run as a whole has not passed: stopped, incomplete, nothing checked, coverage."""
    head = '<testsuite name="regress" tests="1" failures="0" errors="{}" skipped="0" time="0.000">\n'
    case = '  <testcase classname="regress" name="the whole run" time="0.000"'
    if not problems:
        return f"{head.format(0)}{case}/>\n</testsuite>\n", 0
    coverage = (summary.coverage or {}).get("failures", [])
    text = "\n".join([*problems, f"again   {again(summary.run)}",
                      f"commit  {summary.run.get('commit', '')}", f"base    {summary.run.get('base', '')}",
                      *summary.bad[:100], *coverage[:100]])
    return (f'{head.format(1)}{case}>\n    <error type="run" message="{attribute(problems[0])}">'
            f"{escape(clean(text))}</error>\n  </testcase>\n</testsuite>\n"), 1


def text_of(summary, timestamp):
    """`timestamp`: how a time is written."""
    by_suite = defaultdict(list)
    for record in summary.records:
        by_suite[record.suite].append(record)
    logs = [MOST_LOGS]
    bodies, failures, errors = [], 0, 0
    for name in summary.suites:
        found = by_suite.get(name, [])
        began = min((record.started for record in found), default=summary.began)
        body, failed, wrong = suite_xml(summary.folder, name, found, timestamp(began), logs)
        bodies.append(body)
        failures, errors = failures + failed, errors + wrong
    body, wrong = whole_run_xml(summary, summary.problems())
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="regress" tests="{summary.done + 1}" '
            f'failures="{failures}" errors="{errors + wrong}" time="{summary.took:.3f}">\n{"".join(bodies)}{body}</testsuites>\n')
