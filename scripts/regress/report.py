#!/usr/bin/env python3
"""Makes report.html and junit.xml of a run, from its run.json and its records alone, at any time.

usage: scripts/regress/report.py RUN                            the report of a run in its folder, also of a stopped one
       scripts/regress/report.py --merge RUN PART... [--expect SUITE...]
                                                                puts the records of several runs together in a new folder

Parts are runs of the same base and commit, with other cases each, such as those of several machines. A part that is of
another run, or has a case that an earlier part has, is refused, and nothing is written. With --expect, a suite that no part
has is a failure of the whole.
Exit codes: 0 all cases passed and there were checks; 1 not; 2 bad input.
"""

import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(folder) for folder in (HERE, HERE.parent, HERE.parent / "page")]
import covered
import history
import join
import junit
import page
import summary as summaries
from planted import Parser, main_of


def write_text(path, text):
    """Whole, or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def summarize(folder):
    summary = summaries.read(folder)
    summary.coverage = covered.judge(summary.folder, summary.run, summary.records)
    return summary


def write_junit(folder, summary=None):
    """RUN/junit.xml. Returns the summary it was made of."""
    summary = summary or summarize(folder)
    write_text(summary.folder / "junit.xml", junit.text_of(summary, timestamp))
    return summary


def write_page(folder, summary=None):
    """RUN/report.html, and the run in RUN/history.json. Returns the summary."""
    summary = summary or summarize(folder)
    past, run, problem = history.keep(summary.folder, summary)
    write_text(summary.folder / "report.html", page.text_of(summary, past, run, [problem] if problem else []))
    return summary


def write(folder):
    """All that there is to be read of a run. Returns the summary."""
    return write_page(folder, write_junit(folder))


def text(summary):
    """A few lines for the terminal."""
    lines = [*summary.problems()]
    for bucket in summary.buckets[:10]:
        first = bucket.records[0]
        says = " ".join(bucket.signature.split("\n"))[:100]
        lines.append(f"{len(bucket.records)} {bucket.outcome}: {says}\n    {first.repeat}")
    lines.append(f"{summary.verdict}: {summary.outcomes['passed']} passed, {summary.failed} failed"
                 + (f", {summary.left} left" if summary.left else "") + f", {summary.checks} checks; "
                 f"{summary.folder / 'report.html'}")
    return "\n".join(lines)


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    parser.add_argument("--merge", nargs="+", type=Path, metavar="PART", help="folders of runs whose records are put together")
    parser.add_argument("--expect", nargs="+", default=[], metavar="SUITE", help="suites that must be there")
    args = parser.parse_args()
    if args.merge:
        join.join(args.run, args.merge, args.expect)
    elif args.expect:
        parser.error("--expect goes with --merge")
    summary = write(args.run)
    print(text(summary))
    return 0 if summary.passed else 1


if __name__ == "__main__":
    main_of("report.py", main)
