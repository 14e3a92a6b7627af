"""The command line of regress.py, checked before anything is built or removed."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from live import budget_seconds
from planted import Parser
from suites import ROOT, TABLE, read_suites

ENGINES = ("local", "slurm")
# What make calls an option, for messages and for the command that goes on.
MAKE_NAMES = {"seeds": "SEEDS", "budget": "BUDGET", "suites": "SUITES", "jobs": "JOBS", "base": "BASE", "failed": "FAILED",
              "case": "CASE", "coverage": "COVERAGE", "engine": "ENGINE", "folder": "REGRESS_DIR", "options": "SLURM_OPTIONS"}
# Pairs that say two different things about which cases run.
CONTRADICTIONS = (("seeds", "budget"), ("case", "seeds"), ("case", "budget"), ("case", "failed"), ("failed", "seeds"),
                  ("failed", "budget"), ("failed", "suites"), ("failed", "base"))


def _number(name, text, least, most):
    if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= most:
        raise ValueError(f"{name}={text} is not a whole number from {least} to {most}")
    return int(text)


def _switch(name, text):
    if text not in ("", "0", "1"):
        raise ValueError(f"{name}={text} is neither 0 nor 1")
    return text == "1"


def _names(text, suites, table):
    names = list(dict.fromkeys(text.replace(",", " ").split()))
    unknown = [name for name in names if name not in suites]
    if unknown:
        raise ValueError(f"SUITES: there is no suite '{unknown[0]}' in {table}; there are {', '.join(suites)}")
    return names


def _case(text, names, suites):
    """(suite, index) of "unit-17", or of "17" where one suite is named."""
    match = re.fullmatch(r"(?:([a-z0-9_]+)-)?(\d{1,9})", text)
    suite = match and (match[1] or (names[0] if len(names) == 1 else None))
    if not suite:
        raise ValueError(f"CASE={text} is no case such as unit-17")
    if suite not in suites:
        raise ValueError(f"CASE={text}: there is no suite '{suite}'; there are {', '.join(suites)}")
    if names and names != [suite]:
        raise ValueError(f"CASE={text} is no case of SUITES={' '.join(names)}")
    return suite, int(match[2])


def parse(words):
    """The options, with `given`: what a user would write behind make, and `table`: the suites."""
    parser = Parser(description="Runs suites with many seeds; scripts/regress/README.md is its page.")
    for name in ("seeds", "budget", "suites", "jobs", "base", "case", "failed", "coverage", "engine", "options"):
        parser.add_argument(f"--{name}", default="", metavar=MAKE_NAMES[name])
    parser.add_argument("--folder", default="", metavar="REGRESS_DIR")
    parser.add_argument("--table", type=Path, default=TABLE, metavar="FILE", help="the suites")
    parser.add_argument("--bin", default="build", metavar="DIR", help="the programs")
    parser.add_argument("--needs", action="store_true", help="print which programs the run needs, and stop")
    args = parser.parse_args(words)

    said = {name: getattr(args, name) for name in MAKE_NAMES if getattr(args, name).strip()}
    said = {name: text for name, text in said.items() if not (name in ("failed", "coverage") and text == "0")}
    for one, other in CONTRADICTIONS:
        if one in said and other in said:
            raise ValueError(f"{MAKE_NAMES[one]}={said[one]} and {MAKE_NAMES[other]}={said[other]} contradict each other")
    args.given = said
    args.suites_by_name = read_suites(args.table)
    args.table = args.table.resolve()
    args.names = _names(args.suites, args.suites_by_name, args.table.name)
    for name, least, most in (("seeds", 1, 10 ** 7), ("jobs", 1, 1024), ("base", 0, 2 ** 31)):
        text = getattr(args, name).strip()
        setattr(args, name, _number(MAKE_NAMES[name], text, least, most) if text else None)
    args.budget = budget_seconds(args.budget.strip()) if args.budget.strip() else None
    args.failed, args.coverage = _switch("FAILED", args.failed.strip()), _switch("COVERAGE", args.coverage.strip())
    args.case = _case(args.case.strip(), args.names, args.suites_by_name) if args.case.strip() else None
    asked = args.names + ([args.case[0]] if args.case else [])
    blind = [name for name in asked if args.coverage and not args.suites_by_name[name].covers]
    if blind:
        raise ValueError(f"COVERAGE=1: the suite {blind[0]} leaves no coverage")
    args.engine = args.engine.strip() or "local"
    if args.engine not in ENGINES:
        raise ValueError(f"ENGINE={args.engine} is none of {', '.join(ENGINES)}")
    if args.engine == "slurm":
        from slurm import options_of
        options_of(args.options)
    elif args.options.strip():
        raise ValueError(f"SLURM_OPTIONS={args.options} without ENGINE=slurm")
    args.folder = Path(args.folder).resolve() if args.folder.strip() else ROOT / "build" / "regress"
    return args


def names_by_default(args):
    """The suites that run where SUITES names none."""
    return [name for name, suite in args.suites_by_name.items() if (suite.covers if args.coverage else suite.default)]
