"""The tables of scripts/area/area.py: rows, text, Markdown, and what the numbers are not."""

import fnmatch

from synthesis import ABC_DELAY_PS, LOAD_FF
from tools import versions

# With the breaks of the printed table, whose rows fit 120 columns.
BROKEN_HEADINGS = ["configuration", "area", "NAND2", "flip-\nflops", "path\n ns", "MHz", "latency", "beats/\nclk",
                   "clk/\nresult", "area/\nNVFP4", "same\n acc", "path/\nNVFP4", "area/\nlane", "path/\nlane", "pJ/\nMAC"]
HEADINGS = [heading.replace("\n", "") for heading in BROKEN_HEADINGS]
MODULE_HEADINGS = ["module", "of", "copies", "area", "share", "flip-flops", "of its area"]


def notes(library):
    nand2 = library.nand2()
    return [
        f"{library.name}: {f'NAND2 {nand2.name}, area {nand2.area:g}' if nand2 else 'no 2-input NAND to count in'}. "
        f"abc: -D {ABC_DELAY_PS}, inputs driven by {library.driving_cell().name}, {LOAD_FF} fF on each output.",
        *library.remarks,
        f"Tools: {'; '.join(versions())}.",
        "area: of the cells, flat netlist (arrays: each kind of cell, edge and output stage mapped once, for all its copies);",
        "in the library's unit, um2 in most. path: the longest of all from inputs and registers to registers and",
        "outputs, inputs arriving at the clock edge, with setup; MHz = 1000 / path.",
        "latency: clocks from the edge that takes the last beat to the one that takes the result, least-most; counted, as",
        "are beats a clock within a dot product and clocks a result of one-beat dot products with the smallest sum.",
        "NVFP4: area and path over those of NVFP4, same lanes and output stage, its own accumulator (same acc: IF4's).",
        "lane: over lane-FP32 of the same format, which gives a result a clock. pJ/MAC: what `make energy` has counted; - if not.",
        "These numbers are an estimate to compare designs by: no layout, no wires unless the library names a wire load as",
        "its default, no clock tree, no scan, no hold, no tie cells, one corner, no variation. Reset is not timed.",
    ]


def ratio(value, other, key):
    return None if value is None or other is None or value[key] is None else value[key] / other[key]


def ratios(config, results):
    own = results[config.name]
    nvfp4, same, lane = (results.get(name) for name in (config.nvfp4, config.nvfp4_same, config.lane))
    return {"area / nvfp4": ratio(own, nvfp4, "area"), "area / nvfp4 same acc": ratio(own, same, "area"),
            "path / nvfp4": ratio(own, nvfp4, "critical_path_ns"),
            "path / nvfp4 same acc": ratio(own, same, "critical_path_ns"),
            "area / lane": ratio(own, lane, "area"), "path / lane": ratio(own, lane, "critical_path_ns"),
            "area / small": ratio(own, results.get(config.small), "area")}


def reference(what, config):
    """The name of the configuration that a figure of a limit compares with, or None."""
    return {"nvfp4": config.nvfp4, "nvfp4 same acc": config.nvfp4_same, "lane": config.lane,
            "small": config.small}.get(what.partition(" / ")[2])


def figure(what, config, results):
    """A figure of a limit: None where the results that it needs are not there."""
    if config.name not in results:
        return None
    own = {"area": "area", "path": "critical_path_ns"}
    return results[config.name][own[what]] if what in own else ratios(config, results)[what]


def shown(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def significant(value):
    """With three digits, as a number below 1,000 has."""
    return shown(value, 0 if value is None or value >= 99.95 else 1 if value >= 9.995 else 2)


def rows(configs, results, energies=()):
    """`energies`: {name: pJ a product} of those that are known."""
    energies = dict(energies)
    table = []
    for config in configs:
        own, to = results[config.name], ratios(config, results)
        least, most = own.get("latency", [None, None])
        table.append([
            config.name, f"{own['area']:.0f}", shown(own["nand2"], 0), str(own["flip_flops"]),
            f"{own['critical_path_ns']:.2f}", f"{1000 / own['critical_path_ns']:.0f}",
            "-" if least is None else str(least) if least == most else f"{least}-{most}",
            shown(own.get("beats_a_clock"), 2), shown(own.get("clocks_a_result"), 0),
            shown(to["area / nvfp4"], 3), shown(to["area / nvfp4 same acc"], 3), shown(to["path / nvfp4"], 3),
            shown(to["area / lane"], 3), shown(to["path / lane"], 3), significant(energies.get(config.name))])
    return table


def text(headings, table, gap=2):
    """A table, with so many blanks between columns. A heading may have lines, of which the last stand on one line."""
    deepest = max(heading.count("\n") for heading in headings)
    columns = [[""] * (deepest - heading.count("\n")) + heading.split("\n") for heading in headings]
    table = [[line.strip() for line in row] for row in zip(*columns)] + table
    widths = [max(len(row[i]) for row in table) for i in range(len(headings))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append((gap * " ").join(cells).rstrip())
    return "\n".join(lines)


def paths(configs, results):
    """Where each critical path begins and ends, registers by their names in the RTL."""
    width = max(len(config.name) for config in configs)
    return [f"path of {config.name:{width}}  {results[config.name]['from']} -> {results[config.name]['to']}"
            for config in configs]


def markdown(table, notes_):
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([*lines, "", *notes_]) + "\n"


# By module -----------------------------------------------------------------------------------------------------------

def module_rows(parted):
    table = []
    for row in parted["modules"]:
        if row["area"] == 0 and row["path"] == "(not attributed)":
            continue
        depth = row["path"].count(".u_") + (1 if row["module"] and row["path"] else 0)
        table.append(["  " * depth + (row["path"] or "(top)"), row["module"], str(row["copies"]), f"{row['area']:.0f}",
                      f"{100 * row['area'] / parted['area']:.1f} %", str(row["flip_flops"]),
                      f"{row['flip_flop_area']:.0f}"])
    return table


def totals(name, flat, parted):
    if parted is flat:
        return f"{name}: area {flat['area']:.0f}. A module's area is that of all its copies; (top) is what lies between them."
    return (f"{name}: area {parted['area']:.0f} in parts, each mapped by abc alone; {flat['area']:.0f} flat "
            f"({100 * (parted['area'] / flat['area'] - 1):+.1f} % in parts). The area of a module is its own, of all its "
            "copies,\nwithout the modules in it.")


def published(groups, flat, parted):
    """Lane-FP32 IF4 against NVFP4, in the words of the architecture."""
    def area_of(rows_, patterns):
        return sum(row["area"] for row in rows_ for pattern in patterns
                   if (row["path"] == pattern if not pattern.endswith("*")
                       else fnmatch.fnmatchcase(row["path"], pattern.replace("[*]", "[[]*[]]"))))

    if4, nvfp4 = (parted[name]["modules"] for name in ("lane_fp32_if4", "lane_fp32_nvfp4"))
    all_if4, all_nvfp4 = (parted[name]["area"] for name in ("lane_fp32_if4", "lane_fp32_nvfp4"))
    table = []
    for name, patterns in groups:
        one, other = area_of(if4, patterns), area_of(nvfp4, patterns)
        table.append([name, f"{one:.0f}", f"{other:.0f}", f"{one - other:+.0f}",
                      f"{100 * (one - other) / all_nvfp4:+.1f} %"])
    grouped = sum(area_of(if4, patterns) for _, patterns in groups)
    if abs(grouped - all_if4) > 1:
        raise ValueError(f"the groups have {grouped:.0f} of {all_if4:.0f}")
    table.append(["all, in parts", f"{all_if4:.0f}", f"{all_nvfp4:.0f}", f"{all_if4 - all_nvfp4:+.0f}",
                  f"{100 * (all_if4 / all_nvfp4 - 1):+.1f} %"])
    one, other = (flat[name]["area"] for name in ("lane_fp32_if4", "lane_fp32_nvfp4"))
    table.append(["all, flat", f"{one:.0f}", f"{other:.0f}", f"{one - other:+.0f}", f"{100 * (one / other - 1):+.1f} %"])
    return text(["lane-FP32", "area of IF4", "of NVFP4", "difference", "of NVFP4's"], table)
