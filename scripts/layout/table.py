"""The table of `make layout`."""

import csv
import io
import json

from osu018 import named_versions
from tools import ROOT, generator, save as save_file, versions

NOT = """**What the numbers are not.** One corner; no clock tree: clock and reset are one net each, and the clock is ideal. The
netlist is that of `make area`, which knew of no wires: no cell was resized for them. Wires have the resistance and the
capacitance to ground that the LEF file gives, without coupling, and vias have none. Cells are outlines: Debian's osu018 has
no layouts of them, so that DRC sees wires, pins and what cells keep free, LVS compares what connects the cells, and nothing
is to be made of the GDS file."""
HEADINGS = ("unit", "cells", "cells, um2", "/ NVFP4", "die, um", "die, um2", "/ NVFP4", "wires, mm", "path without wires, ns",
            "/ NVFP4", "path with wires, ns", "/ NVFP4", "unrouted nets", "DRC errors", "LVS")


def die_area(result):
    x0, y0, x1, y1 = result["die"]
    return (x1 - x0) * (y1 - y0)


def over(result, other, figure):
    return f"{figure(result) / figure(other):.3f}" if other else "-"


def row(result, other):
    x0, y0, x1, y1 = result["die"]
    return [result["name"], f"{result['cells']:,}", f"{result['cell_area']:,.0f}", over(result, other, lambda one: one["cell_area"]),
            f"{x1 - x0:.0f} x {y1 - y0:.0f}", f"{die_area(result):,.0f}", over(result, other, die_area),
            f"{result['wire_um'] / 1000:.1f}", f"{result['path_without_ns']:.2f}",
            over(result, other, lambda one: one["path_without_ns"]), f"{result['path_ns']:.2f}",
            over(result, other, lambda one: one["path_ns"]), str(result["unrouted"]), str(result["drc"]),
            "equal" if result["lvs_nets"] else "-"]


def markdown(rows):
    lines = ["| " + " | ".join(line) + " |" for line in [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)], *rows]]
    return "\n".join([NOT, "", *lines, ""])


def save(folder, name, results, nvfp4, library):
    """Prints the table and saves it as FOLDER/NAME.json, .csv and .md. `nvfp4`: {name: of what to compare with}."""
    ordered = list(results.values())
    rows = [row(result, results.get(nvfp4.get(result["name"]))) for result in ordered]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADINGS, *rows])
    save_file(folder / f"{name}.json", json.dumps({
        "generator": generator(), "library": library.name, "tools": [*versions(), *named_versions()],
        "layouts": ordered}, indent=1) + "\n")
    save_file(folder / f"{name}.csv", text.getvalue())
    save_file(folder / f"{name}.md", markdown(rows))
    print(markdown(rows), end="")
    for result in ordered:
        print(f"path of {result['name']:18} {result['from']} -> {result['to']}")
        if result["buffers_added"]:
            print(f"{result['name']}: {result['buffers_added']} buffers added, for outputs that are on the net of another port or "
                  "on a supply; the areas of cells are without them")
    print(f"saved: {folder.relative_to(ROOT)}/{name}.json, .csv, .md; in a folder for each: GDS, DEF, SPEF, PNG, SVG")
