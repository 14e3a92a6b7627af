#!/usr/bin/env python3
"""Explores a design space: area, clock, energy, cycles and accuracy of each point of a spec. README.md is the page.

usage: scripts/explore/explore.py run  [--spec FILE] [--budget T] [--jobs N] [--engine local|slurm] [--options WORDS]
       scripts/explore/explore.py plan [--spec FILE]          what a run would do
       scripts/explore/explore.py best --most METRIC | --least METRIC [--where CONDITION] [--spec FILE]
       scripts/explore/explore.py point NAME [--spec FILE]    one point, with the commands that repeat its numbers
       scripts/explore/explore.py axes                        the axes and metrics that there are

Results are in build/explore. Exit codes: 0 done; 1 a point failed, or no point has its results; 2 bad input; 128 + a signal.
"""

import math
import os
import re
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "regress"), str(HERE.parent)]
import best  # noqa: E402
import records  # noqa: E402
import results  # noqa: E402
import spec as specs  # noqa: E402
import steps  # noqa: E402
from axes import ROOT, AxisError  # noqa: E402
from expressions import ExpressionError  # noqa: E402
from live import Live, budget_seconds, clock  # noqa: E402
from planted import Parser  # noqa: E402
from scheduler import Scheduler  # noqa: E402
from stopping import Stopped, raise_stopped, set_signals  # noqa: E402

MOST_REASONS = 10


def options(words):
    parser = Parser(description="Explores a design space; scripts/explore/README.md is its page.")
    parser.add_argument("command", choices=("run", "plan", "best", "point", "axes"))
    parser.add_argument("name", nargs="?", default="", help="of a point")
    parser.add_argument("--spec", default=str(HERE / "default.toml"), metavar="FILE", help="the design space, in TOML")
    parser.add_argument("--program", default=str(ROOT / "build" / "if4"), metavar="FILE", help="the program if4")
    parser.add_argument("--folder", default=str(ROOT / "build" / "explore"), metavar="DIR", help="results and cache")
    parser.add_argument("--budget", default="", metavar="T", help="how long steps are started: 90s, 10m, 1.5h")
    parser.add_argument("--jobs", default="", metavar="N", help="steps at a time (default: cores)")
    parser.add_argument("--engine", default="local", choices=("local", "slurm"))
    parser.add_argument("--options", default="", metavar="WORDS", help="of sbatch")
    parser.add_argument("--where", default="", metavar="CONDITION", help="which points count")
    parser.add_argument("--most", default="", metavar="METRIC", help="which point is best")
    parser.add_argument("--least", default="", metavar="METRIC", help="likewise")
    args = parser.parse_args(words)
    if args.jobs and not re.fullmatch(r"[1-9]\d{0,3}", args.jobs):
        raise ValueError(f"JOBS={args.jobs} is not a whole number from 1 on")
    args.jobs = int(args.jobs) if args.jobs else None
    args.until = time.time() + budget_seconds(args.budget) if args.budget else math.inf
    args.folder = Path(args.folder).resolve()
    if (args.command == "point") != bool(args.name):
        raise ValueError(f"{args.command}: " + ("give the name of a point" if args.command == "point" else f"'{args.name}' is not known"))
    if args.command == "best" and bool(args.most) == bool(args.least):
        raise ValueError("best: give one of --most METRIC and --least METRIC")
    if args.options and args.engine != "slurm":
        raise ValueError(f"SLURM_OPTIONS={args.options} without ENGINE=slurm")
    return args


def engine_of(args, say):
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.engine == "slurm":
        from slurm import SlurmEngine
        engine = SlurmEngine(args.folder, args.jobs, args.options, say)
        engine.fresh = [args.folder / "failed", *(args.folder / "cache" / kind for kind in records.KINDS)]
        return engine
    from local import LocalEngine
    return LocalEngine(args.folder, args.jobs or len(os.sched_getaffinity(0)))


def plan_of(args, live):
    """(scheduler, whether something is to be run), with the plan printed."""
    context = steps.Context(args.program)
    spec = specs.read(args.spec, context.axes)
    if args.command == "point":
        spec.points = [point for point in spec.points if point.name == args.name]
        if not spec.points:
            raise ValueError(f"{args.spec} has no point {args.name}")
    if args.command == "best":
        best.check(args, spec)
    scheduler = Scheduler(spec, context, args.folder)
    ready = scheduler.plan()
    lines, seconds = scheduler.plan_text(args.jobs or len(os.sched_getaffinity(0)))
    live.say(f"explore: {len(spec.points)} points of {steps.short(str(args.spec))}: {ready} have all their results")
    for note in spec.notes:
        live.say(f"explore: {note}")
    if scheduler.open:
        for line in lines:
            live.say(line)
        live.say(f"  estimated time {clock(seconds)}, {args.jobs or len(os.sched_getaffinity(0))} steps at a time")
    return scheduler


def go(args, live):
    """Runs what has no record. The scheduler, with all points at their end."""
    scheduler = plan_of(args, live)
    if args.command == "plan":
        return scheduler
    if scheduler.open:
        records.sweep(args.folder)
        engine = engine_of(args, live.say)
        try:
            scheduler.work(engine, live, args.until)
        except BaseException as error:
            scheduler.stop(engine)
            if isinstance(error, Stopped):
                live.clear()
                live.say(f"explore: ended by {signal.Signals(error.number).name} after {scheduler.text()}; the same command goes on")
            raise
    return scheduler


def finish(args, live, scheduler):
    """Writes the results, and says how the run ended. The exit code."""
    import page
    import fronts
    points, took = scheduler.spec.points, time.monotonic() - args.began
    results.write(args.folder, scheduler.spec, points, scheduler.commands)
    page.write(args.folder, scheduler)
    fronts.write(args.folder, scheduler.spec)
    failed = {}
    for point in points:
        if point.status == "failed":
            failed.setdefault(point.reason, []).append(point)
    for reason, some in list(failed.items())[:MOST_REASONS]:
        live.say(f"explore: {len(some)} points failed, as {some[0].name}: {reason}")
    if len(failed) > MOST_REASONS:
        live.say(f"explore: and {len(failed) - MOST_REASONS} other reasons, in results.csv")
    done = any(point.status == "done" for point in points)
    if not done:
        live.say("explore: no point has its results")
    ran = ", ".join(f"{kind.ran} {name}" for name, kind in scheduler.kinds.items() if kind.ran) or "none"
    live.say(f"explore: {results.counts(points)}; steps that ran: {ran}; {clock(took)}")
    live.say(f"saved: {steps.short(str(args.folder))}/index.html, results.json, results.csv, fronts_*.svg")
    return 0 if done and not failed else 1


def main():
    args = options(sys.argv[1:])
    args.began = time.monotonic()
    live = Live(sys.stdout)
    set_signals(raise_stopped)
    if args.command == "axes":
        return best.print_axes(steps.Context(args.program).axes)
    scheduler = go(args, live)
    if args.command == "plan":
        return 0
    if args.command == "point":
        return best.print_point(scheduler)
    if args.command == "best":
        return best.answer(args, scheduler)
    return finish(args, live, scheduler)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ValueError, AxisError, ExpressionError, specs.SpecError) as error:
        print(f"explore: {error}", file=sys.stderr)
        sys.exit(2)
    except steps.ToolError as error:
        print(f"explore: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"explore: {error.filename or 'an operation'}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
