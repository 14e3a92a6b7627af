"""The part of the page about failures: alike ones together, since when each kind is there, and how to repeat it."""

import history
from markup import command, esc, file_link, number, outcome, plural, tag, when
from plain import duration, excerpt, tail
from summary import WORDS

MOST_BUCKETS = 60
MOST_SHOWN = 3       # cases of a bucket with their text
MOST_NAMED = 40      # further ones, by name
MOST_OPEN = 3        # buckets of which the first case is open
MOST_LINES = 40
MOST_LOG = 6 << 10   # bytes of a log, where the record has no text


def case(folder, record, is_open):
    text = excerpt(record.failure, MOST_LINES) if record.failure.strip() else None
    if text is None or record.outcome in ("hung", "crashed"):
        end = tail(folder / record.log, MOST_LOG)
        if end and end.strip():
            text = f"{text or ''}\n\nThe log ends with:\n{excerpt(end, MOST_LINES + 20)}".strip()
    code = f"exit code {record.exit}" if record.exit is not None else f"signal {record.signal}" if record.signal else ""
    links = [file_link(record.log, "log")] + ([file_link(record.wave, "waveform")] if record.wave else [])
    facts = [f"seed {record.seed}", duration(record.ended - record.started), f"on {record.host}", code,
             f"attempt {record.attempt}" if record.attempt > 1 else "",
             f"same stimuli as {record.twin}" if record.twin else ""]
    return (f"<details{' open' if is_open else ''}><summary><b>{esc(record.name)}</b> "
            f'<span class="quiet">{esc(", ".join(filter(None, facts)))}</span></summary>'
            f"{command(record.repeat)}<p>{' &middot; '.join(links)}</p>"
            f"{tag('pre', esc(text or 'It printed nothing.'))}</details>")


def since(past, run, key):
    if not history.earlier(past, run):
        return "there is no earlier run to compare with"
    seen = history.seen_before(past, run, key)
    if seen is None:
        return '<span class="bad">new</span>: in none of the earlier runs that are known'
    first, last, times = seen
    text = f"since the run of {when(first['started'])}, commit {esc(first['commit'])}"
    if times > 1 or last["started"] != first["started"]:
        text += f"; last in that of {when(last['started'])}, commit {esc(last['commit'])}"
    return f"{text} ({times} of {plural(len(history.earlier(past, run)), 'earlier run')} had it)"


def bucket(summary, one, past, run, is_open):
    found = one.records
    first, last = found[0], found[-1]
    suites = ", ".join(f"{count:,} of {name}" for name, count in one.suites().most_common(8))
    seen = f"{esc(first.name)}, {when(first.started)}"
    if last is not first:
        seen += f"; last {esc(last.name)}, {when(last.started)}"
    rest = found[MOST_SHOWN:]
    names = " ".join(record.name for record in rest[:MOST_NAMED])
    more = f" and {number(len(rest) - MOST_NAMED)} more" if len(rest) > MOST_NAMED else ""
    others = f'<p class="small quiet">Also {esc(names)}{more}.</p>' if rest else ""
    title = f"{plural(len(found), 'case')} {outcome(one.outcome)}"
    return (f'<article class="bucket" id="f-{one.key}"><h3>{title}</h3><p class="small quiet">{WORDS[one.outcome]}</p>'
            f'<p class="signature">{esc(excerpt(one.signature, MOST_LINES)) or "<i>without a text</i>"}</p>'
            f"<dl><dt>suites</dt><dd>{esc(suites)}</dd><dt>in this run</dt><dd>first {seen}</dd>"
            f"<dt>before</dt><dd>{since(past, run, one.key)}</dd></dl>"
            + "".join(case(summary.folder, record, is_open and not index)
                      for index, record in enumerate(found[:MOST_SHOWN])) + others + "</article>")


def section(summary, past, run):
    """New kinds of failures first, then the frequent ones."""
    if not summary.failed:
        return ""
    known = {one.key: history.seen_before(past, run, one.key) is not None for one in summary.buckets}
    order = sorted(summary.buckets, key=lambda one: (known[one.key], -len(one.records)))
    shown = "".join(bucket(summary, one, past, run, index < MOST_OPEN) for index, one in enumerate(order[:MOST_BUCKETS]))
    left = order[MOST_BUCKETS:]
    more = ""
    if left:
        more = (f"<p>{plural(len(left), 'more kind')} of failures with {plural(sum(len(one.records) for one in left), 'case')} "
                "have no place here; junit.xml and the folder records have them.</p>")
    kinds = plural(len(order), "kind")
    return (f'<section><h2 id="failures">Failures: {plural(summary.failed, "case")} of {kinds}</h2>'
            "<p>Alike are failures whose first lines differ in nothing but numbers, times, paths and names in quotes, for which "
            f"there are stars. The newest kinds come first.</p>{shown}{more}</section>")
