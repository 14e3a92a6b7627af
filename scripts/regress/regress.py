#!/usr/bin/env python3
"""Runs suites with many seeds, in parallel: `make regress`. README.md beside this file is its page.

usage: scripts/regress/regress.py [--seeds N | --budget T | --case SUITE-INDEX | --failed 1] [--suites "NAME..."]
           [--jobs N] [--base N] [--folder DIR] [--engine local|slurm] [--options WORDS] [--coverage 1] [--table FILE] [--bin DIR]
           [--needs]

Exit codes: 0 every case passed, and there were checks in each suite; 1 not; 2 bad input; 128 + a signal.
"""

import math
import os
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import options
import report
from live import Live
from plan import Plan
from run import Run, suites_of_failed
from scheduler import Scheduler
from stopping import Stopped, raise_stopped, set_signals


def engine_of(args, folder, say):
    if args.engine == "slurm":
        from slurm import SlurmEngine
        engine = SlurmEngine(folder, args.jobs, args.options, say)
    else:
        from local import LocalEngine
        engine = LocalEngine(folder, args.jobs or len(os.sched_getaffinity(0)))
    args.jobs = engine.jobs
    return engine


def go(run, live):
    """Runs what has no record. Whether all is as it should be."""
    engine = engine_of(run.args, run.folder, live.say)  # before anything is cleared, which it may refuse to follow
    found, bad = run.start(report.write)
    for line in bad:
        live.say(line)
    final = [record for record in found if record.final]
    lost = {record.name: record.attempt for record in found if not record.final}
    plan = Plan(run.suites, run.wanted, {record.name for record in final}, lost, run.order)
    until = math.inf
    if run.values["budget"] is not None:
        until = time.time() + max(0, run.values["budget"] - run.spent())
    scheduler = Scheduler(run, plan, engine, live, until)
    for record in final:
        scheduler.take_note(record)
    first = f"goes on, {len(final)} cases have their record" if run.resumed else f"{', '.join(run.suites)}"
    live.say(f"regress: base {run.base}, commit {run.values['commit']}, in {run.folder}: {first}")
    try:
        scheduler.work()
    except Stopped as stopped:
        scheduler.stop()
        set_signals(signal.SIG_DFL)  # Who asks twice need not wait for the report.
        run.write()
        report.write(run.folder)
        live.say(f"regress: ended by {signal.Signals(stopped.number).name} after {scheduler.text()}")
        live.say(f"regress: the same command goes on: {run.command()}")
        os._exit(128 + stopped.number)
    except BaseException:
        scheduler.stop()
        raise
    if run.programs_changed():
        raise ValueError("the programs have changed while they ran: the results are of no one program; run it again")
    run.write(finished=True)
    return scheduler.summary(report.write(run.folder).problems())


def needs(args):
    """The programs that make builds first."""
    names = args.names or options.names_by_default(args)
    if args.case:
        names = [args.case[0]]
    if args.failed:
        names = [name for name in suites_of_failed(args.folder) if name in args.suites_by_name]
    return sorted({need for name in names for need in args.suites_by_name[name].needs})


def main():
    args = options.parse(sys.argv[1:])
    if args.needs:
        print("\n".join(needs(args)))
        return 0
    set_signals(raise_stopped)
    return 0 if go(Run(args), Live(sys.stdout)) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        print(f"regress: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"regress: {error.filename or 'an operation'}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        sys.exit(128 + stopped.number)
