"""The table of `make layout`."""

import csv
import io
import json

from osu018 import named_versions
from tools import ROOT, ToolError, generator, save as save_file, versions

NOT = """**What the numbers are not.** One corner; no clock tree: clock and reset are one net each, and the clock is ideal. The
netlist is that of `make area`, which knew of no wires: no cell was resized for them. Wires have the resistance and the
capacitance to ground that the LEF file gives, without coupling, and vias have none. Cells are outlines: Debian's osu018 has
no layouts of them, so that DRC sees wires, pins and what cells keep free, LVS compares what connects the cells, and nothing
is to be made of the GDS file."""
COLUMNS = (  # heading, figure, how it is written, whether the ratio to NVFP4 is of interest
    ("cells", lambda one: one["cells"], "{:,}", True),
    ("area of the cells, um2", lambda one: one["cell_area"], "{:,.0f}", True),
    ("die, um", lambda one: f"{side(one, 0):.0f} x {side(one, 1):.0f}", "{}", False),
    ("area of the die, um2", lambda one: side(one, 0) * side(one, 1), "{:,.0f}", True),
    ("length of the wires, mm", lambda one: one["wire_um"] / 1000, "{:.1f}", True),
    ("capacitance of the wires, pF", lambda one: one["wire_pf"], "{:.2f}", True),
    ("path without wires, ns", lambda one: one["path_without_ns"], "{:.2f}", True),
    ("path with wires, ns", lambda one: one["path_ns"], "{:.2f}", True),
    ("nets left unrouted", lambda one: one["unrouted"], "{} of {nets:,}", False),
    ("errors of design rules", lambda one: one["drc"], "{}", False),
    ("layout against netlist", lambda one: "equal" if one["lvs_nets"] else "-", "{}", False),
)
START, END = "<!-- make layout PUBLISH=1 -->", "<!-- end -->"


def side(result, axis):
    """Of the die, in um."""
    return result["die"][axis + 2] - result["die"][axis]


def written(column, result):
    _, figure, form, _ = column
    return form.format(figure(result), nets=result["nets"])


def over(column, result, other):
    _, figure, _, wanted = column
    return f"{figure(result) / figure(other):.3f}" if wanted and other else ""


def markdown(results, nvfp4):
    """A row for each figure, a column for each unit, and one for its ratio to NVFP4 where it has one."""
    heads, columns = [""], [[column[0] for column in COLUMNS]]
    for name, result in results.items():
        heads.append(f"`{name}`")
        columns.append([written(column, result) for column in COLUMNS])
        other = results.get(nvfp4.get(name))
        if other and other is not result:
            heads.append(f"over `{other['name']}`")
            columns.append([over(column, result, other) for column in COLUMNS])
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *zip(*columns)]
    return "\n".join([NOT, "", *("| " + " | ".join(line) + " |" for line in rows), ""])


def flat(results, nvfp4):
    """The same as rows of a CSV file: a line for each unit."""
    heads = ["unit", *(part for column in COLUMNS for part in [column[0], *(["over NVFP4"] if column[3] else [])])]
    rows = [heads]
    for name, result in results.items():
        other = results.get(nvfp4.get(name))
        rows.append([name, *(part for column in COLUMNS
                             for part in [written(column, result), *([over(column, result, other)] if column[3] else [])])])
    return rows


def publish(folder, text, results):
    """Puts the table into rtl/layout/README.md, between the lines that say so, and the pictures beside it."""
    page = ROOT / "rtl" / "layout" / "README.md"
    before, start, rest = page.read_text().partition(START + "\n")
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ToolError(f"{page.relative_to(ROOT)}: no lines {START} and {END}")
    for name in results:
        for suffix in ("png", "svg"):
            picture = (folder / name / "picture" / f"{name}.{suffix}").read_bytes()
            target = page.with_name(f"{name}.{suffix}")
            temporary = target.with_name(f".{target.name}")
            temporary.write_bytes(picture)
            temporary.replace(target)
    save_file(page, f"{before}{start}\n{text}\n{end}{after}")
    print("published: rtl/layout/README.md, *.png, *.svg")


def save(folder, name, results, nvfp4, library, published=False):
    """Prints the table and saves it as FOLDER/NAME.json, .csv and .md. `nvfp4`: {name: of what to compare with}."""
    ordered = list(results.values())
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(flat(results, nvfp4))
    save_file(folder / f"{name}.json", json.dumps({
        "generator": generator(), "library": library.name, "tools": [*versions(), *named_versions()],
        "layouts": ordered}, indent=1) + "\n")
    save_file(folder / f"{name}.csv", text.getvalue())
    save_file(folder / f"{name}.md", markdown(results, nvfp4))
    print(markdown(results, nvfp4), end="")
    for result in ordered:
        print(f"path of {result['name']:18} {result['from']} -> {result['to']}")
        if result["buffers_added"]:
            print(f"{result['name']}: {result['buffers_added']} buffers added, for outputs that are on the net of another port "
                  "or on a supply; the areas of cells are without them")
    print(f"saved: {folder.relative_to(ROOT)}/{name}.json, .csv, .md; in a folder for each: GDS, DEF, SPEF, PNG, SVG")
    if published:
        publish(folder, markdown(results, nvfp4), results)
