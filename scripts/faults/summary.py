"""What `make faults` says: counts, coverage by module, and what is left."""

from collections import Counter

STATUSES = ("detected", "untestable", "undetected")
KINDS = ("logic", "clock", "reset")
SHOWN = 40  # faults that are listed on the terminal; all are in the file


def percent(part, whole):
    return 100 * part / whole if whole else 0.0


def coverage(counts):
    """Detected of the testable, in per cent."""
    return percent(counts["detected"], counts["detected"] + counts["undetected"])


def result_of(name, listed, found, modules):
    """All that is known, as one dictionary. Counts are of classes; `all` counts every fault of each class."""
    entries = []
    for first, members in listed.groups.items():
        outcome = found[first]
        cell = listed.netlist.cells.get(first.pin.instance)
        entries.append({
            "pin": str(first.pin), "stuck_at": int(first.value), "cell": cell.name if cell else "port",
            "module": modules.module(first.pin), "signal": modules.signal(first.pin), "kind": listed.kind(first),
            "status": outcome.status, "detail": outcome.detail, "step": outcome.step,
            "equivalent": [f"{member.pin} {int(member.value)}" for member in members if member != first]})
    counts = Counter(entry["status"] for entry in entries)
    every = Counter()
    for entry in entries:
        every[entry["status"]] += 1 + len(entry["equivalent"])
    rows = []
    for module in sorted({entry["module"] for entry in entries}):
        rows.append({"module": module, **counted(entry for entry in entries if entry["module"] == module)})
    return {"config": name, "coverage": coverage(counts), "faults": len(listed.faults), "collapsed": len(entries),
            "counts": {status: counts[status] for status in STATUSES}, "all": {status: every[status] for status in STATUSES},
            "untestable": dict(Counter(e["detail"] for e in entries if e["status"] == "untestable")),
            "modules": rows,
            "kinds": [{"kind": kind, **counted(entry for entry in entries if entry["kind"] == kind)} for kind in KINDS],
            "list": entries}


def counted(entries):
    counts = Counter(entry["status"] for entry in entries)
    return {"collapsed": sum(counts.values()), **{status: counts[status] for status in STATUSES},
            "coverage": coverage(counts)}


def show(result):
    counts, every = result["counts"], result["all"]
    print(f"{result['config']}: {result['cells']} cells, {result['faults']} stuck-at faults, {result['collapsed']} after "
          f"equivalence; {result['steps']} steps of the plan, seed {result['seed']}")
    print(f"  {'':24}{'faults':>8}{'detected':>10}{'untestable':>12}{'undetected':>12}{'coverage':>12}")

    def line(what, row):
        print(f"  {what:24}{row['collapsed']:8}{row['detected']:10}{row['untestable']:12}{row['undetected']:12}"
              f"{row['coverage']:10.2f} %")

    for row in result["modules"]:
        line(row["module"], row)
    for row in result["kinds"]:
        line(f"kind: {row['kind']}", row)
    line("all, after equivalence", {"collapsed": result["collapsed"], **counts, "coverage": result["coverage"]})
    line("all, before", {"collapsed": result["faults"], **every, "coverage": coverage(every)})
    for reason, count in sorted(result["untestable"].items()):
        print(f"  untestable, {reason}: {count}")
    left = [entry for entry in result["list"] if entry["status"] == "undetected"]
    print(f"  undetected, nothing proven: {len(left)}" + (f", of which {SHOWN}:" if len(left) > SHOWN else ""))
    for entry in left[:SHOWN]:
        print(f"    {entry['module']:18} {entry['cell']} {entry['pin']} stuck at {entry['stuck_at']}"
              + (f", towards {entry['signal']}" if entry["signal"] else "")
              + (f" ({entry['detail']})" if entry["detail"] else ""))
