"""What a run leaves for people and programs: results.json and results.csv."""

import csv
import io
import json
import sys

from axes import ROOT, text_of
from metrics import METRICS

sys.path.insert(0, str(ROOT / "scripts" / "area"))
from tools import generator, save, versions  # noqa: E402

# For answers in a terminal too: they compare formats by figures that follow from the clock.
CHANCE = (
    "Clocks, and what follows from them, move by up to 17 % by chance, since abc's gates depend on names and spelling: the "
    "iterative IF4 unit had 6.41 and 7.50 ns in IHP's cells with the same sum of products written in two ways. Formats whose "
    "clocks differ by less are equally fast.")
NEAR = (
    "1 - cosine of a network moves by 1 to 2 % with the last bits of sums (testbench/network). Formats that differ by less than 3 % are "
    "equally accurate.")

# Why a number here is no number of a chip.
LIMITS = [
    "Area and paths are those of a netlist: no layout, no wires but the library's wire load, no clock tree, one corner. Use "
    "them to compare designs that went through the same flow, not to predict a chip.",
    "Cycles come from the fast model of the array with its memories, which the tests hold to the RTL clock by clock. Every "
    "product of the network counts as one of blocks; norms, softmax and look-ups are not in it.",
    "The clock is that of the critical path of the array, with no margin. Memories are taken to keep up with it.",
    CHANCE,
    "SQNR is that of the product of two real tensors, exact sums of quantized operands against FP64. 1 - cosine is that of what "
    "a whole network gives, every product of it quantized, against FP32. Neither is an accuracy of a task.",
    NEAR,
    "Accumulators are taken to hold every sum, whatever acc_width is: a sum that leaves one is flagged, and no result.",
    "Energy is counted with the tensors of `make run`, in operands of its own quantizer, without glitches: scripts/energy.",
    "Area and energy of buffers and DRAM are assumptions from a file, shown apart, and in no other metric.",
]


def document(spec, points, commands):
    """All of a run as JSON."""
    return {
        "generator": generator(), "spec": str(spec.path), "tools": versions(),
        "axes": spec.axes, "conditions": [condition.text for condition in spec.conditions],
        "liberties": spec.liberties, "networks": spec.networks, "memory": spec.memory, "limits": LIMITS, "notes": spec.notes,
        "metrics": [{"name": one.name, "title": one.title, "unit": one.unit, "better": one.better, "text": one.text, "assumed": one.assumed}
                    for one in METRICS],
        "points": [{"name": point.name, "status": point.status, "reason": point.reason, "axes": point.axes,
                    "values": point.values, "steps": point.keys, "commands": commands(point)} for point in points]}


def as_csv(spec, points):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [metric.name for metric in METRICS]
    writer.writerow(["point", "status", "reason", *spec.axes, *names])
    for point in points:
        values = [point.values.get(name) for name in names]
        writer.writerow([point.name, point.status, point.reason, *(text_of(point.axes[axis]) for axis in spec.axes),
                         *("" if value is None else repr(value) for value in values)])
    return text.getvalue()


def write(folder, spec, points, commands):
    save(folder / "results.json", json.dumps(document(spec, points, commands), separators=(",", ":")) + "\n")
    save(folder / "results.csv", as_csv(spec, points))


def counts(points):
    """'192 done, 3 failed'"""
    words = ("done", "failed", "excluded", "left")
    found = {word: sum(point.status == word for point in points) for word in words}
    return ", ".join(f"{count} {word}" for word, count in found.items() if count) or "none"


