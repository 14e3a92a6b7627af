"""The page about a run, index.html: fronts, table, layers, roofline, two points side by side. One file that loads nothing."""

import json
import sys
from pathlib import Path

from axes import ROOT, text_of
from best import shown, varying
from metrics import BY_NAME, METRICS, MORE
from results import CHANCE, LIMITS, counts

sys.path[:0] = [str(ROOT / "scripts" / "page"), str(ROOT / "scripts" / "area")]
from document import document  # noqa: E402
from markup import cell, command, esc, facts, plural, problems, table, tag, tiles  # noqa: E402
from tools import generator, save, versions  # noqa: E402

HERE = Path(__file__).resolve().parent
# Of a layer, in this order: what the page knows of it beside its name.
LAYER = ("m", "n", "k", "runs", "macs", "cycles")
# Where cycles went: a word, and what a reader is told.
PARTS = (("useful", "products that are needed"), ("edge", "unused rows, columns and lanes at the edges of tiles"),
         ("drain", "the last results leave"), ("results", "a beat waits for the results of the tile before"),
         ("activations", "waiting for activations"), ("weights", "waiting for weights"), ("output", "waiting for room for results"),
         ("banks", "waiting for banks of the buffers"))
COUNTS = ("fill_drain_cycles", "interval_cycles", "activation_wait_cycles", "weight_wait_cycles", "output_wait_cycles", "bank_cycles")
IN_TABLE = ("items_per_second", "area_mm2", "clock_mhz", "gmacs", "gmacs_per_mm2", "utilization", "waiting_share", "pj_per_mac",
            "uj_per_item", "sqnr_db", "cosine_distance", "int_share")
MOST_PROBLEMS = 20


def layers_of(result, products):
    """A row for each layer: LAYER, the bytes of its DRAM, and the cycles of PARTS. `products`: of the array in a clock."""
    rows = []
    for layer in result["layers"]:
        useful = layer["macs"] / products
        rows.append([*(layer[name] for name in LAYER),
                     sum(layer[name] for name in ("dram_activation_bytes", "dram_weight_bytes", "dram_output_bytes")),
                     round(useful, 2), round(layer["beat_cycles"] - useful, 2), *(layer[name] for name in COUNTS)])
    return rows


def data(scheduler):
    """What the page's script reads. Points share what they have in common: cycles by key, names of layers by network."""
    spec, cycles, names = scheduler.spec, {}, {}
    points = []
    for point in spec.points:
        key = point.keys.get("cycles")
        result = scheduler.results.get(key)
        if result and key not in cycles:
            cycles[key] = layers_of(result, point.axes["rows"] * point.axes["columns"] * point.axes["lanes"])
            names.setdefault(point.axes["network"], [layer["name"] for layer in result["layers"]])
        points.append({"name": point.name, "status": point.status, "reason": point.reason, "axes": list(point.axes.values()),
                       "values": [point.values.get(metric.name) for metric in METRICS], "cycles": key if result else None,
                       "commands": scheduler.commands(point)})
    return {"axes": list(spec.axes), "varying": varying(spec), "points": points, "cycles": cycles, "layers": names,
            "parts": PARTS, "items": {name: network["item"] for name, network in spec.networks.items()},
            "repeat": f"make explore-point SPEC={spec.path} POINT=", "chance": CHANCE,
            "metrics": [{"name": one.name, "title": one.title, "unit": one.unit, "better": one.better, "text": one.text, "assumed": one.assumed}
                        for one in METRICS]}


def heading(metric):
    return metric.title.replace("{item}", "item") + (f", {metric.unit}" if metric.unit else "")


def head(scheduler):
    spec = scheduler.spec
    done = sum(point.status == "done" for point in spec.points)
    failed = sum(point.status == "failed" for point in spec.points)
    rest = len(spec.points) - done - failed
    figures = [(str(done), "points with all results", "good" if done else "bad"), (str(failed), "failed", "bad" if failed else "")]
    if rest:
        figures.append((str(rest), "excluded, or not run", "warn"))
    figures += [(str(len(spec.axes[axis])), axis, "") for axis in varying(spec)]
    reasons = {}
    for point in spec.points:
        if point.status == "failed":
            reasons.setdefault(point.reason, []).append(point.name)
    lines = [f"{plural(len(some), 'point')} failed, as {some[0]}: {reason}" for reason, some in reasons.items()]
    return ("<header><h1>Design space of IF4</h1>" + tiles(figures) + problems(lines, MOST_PROBLEMS)
            + "".join(tag("p", esc(note), "quiet") for note in spec.notes)
            + facts([("points", esc(counts(spec.points))), ("made by", esc(generator())), ("again", command(f"make explore SPEC={spec.path}"))])
            + "</header>")


def points_table(scheduler):
    spec = scheduler.spec
    axes = varying(spec)
    heads = ["point", "state", *axes, *(">" + heading(BY_NAME[name]) for name in IN_TABLE)]
    rows = []
    for point in spec.points:
        state = tag("span", esc(point.status), {"done": "good", "failed": "bad"}.get(point.status, "warn"))
        cells = [cell(f'<button type="button" class="point" data-point="{point.name}">{point.name}</button>'), cell(state)]
        cells += [cell(esc(text_of(point.axes[axis])), "", point.axes[axis] if type(point.axes[axis]) in (int, float) else None)
                  for axis in axes]
        cells += [cell(shown(point.values.get(name)), "n", point.values.get(name)) for name in IN_TABLE]
        rows.append(cells)
    return ('<section><h2 id="points">Points</h2><p>A click on a head sorts, one on a point shows it. '
            '<span id="shown" role="status"></span></p><div id="filters" class="chips"></div>'
            + table("Points", heads, rows, sortable=True, name="table") + "</section>")


def about(scheduler):
    spec = scheduler.spec
    rows = [[esc(one.title.replace("{item}", "item")), f"<code>{esc(one.name)}</code>", esc(one.unit), "more" if one.better == MORE else "less" if one.better else "",
             tag("span", "assumed", "warn") if one.assumed else "measured", esc(one.text)] for one in METRICS]
    one_value = [(esc(axis), esc(text_of(values[0]))) for axis, values in spec.axes.items() if len(values) == 1]
    memory = [(f"{section}, {esc(name)}", esc(text_of(value))) for section in ("buffer", "dram")
              for name, value in spec.memory[section].items()]
    return ('<section><h2 id="about">Assumptions and limits</h2><ul>' + "".join(tag("li", esc(line)) for line in LIMITS + spec.notes) + "</ul>"
            "<h3>Metrics</h3>" + table("Metrics", ["metric", "in conditions", "unit", "better", "", "is"], rows)
            + "<h3>Axes of one value</h3>" + facts(one_value) + f"<h3>Memories: {esc(Path(spec.memory['file']).name)}</h3>"
            + facts(memory) + f"<p class=quiet>{esc('; '.join(versions()))}</p></section>")


def body(scheduler):
    text = json.dumps(data(scheduler), separators=(",", ":")).replace("<", "\\u003c")
    return (head(scheduler)
            + '<nav aria-label="Sections"><a href="#question">Question</a><a href="#fronts">Fronts</a><a href="#pair">Point</a>'
              '<a href="#layers">Layers</a><a href="#points">Table</a><a href="#about">Limits</a></nav><main>'
              '<section><h2 id="question">Which design is best?</h2><div id="choice"></div><div id="answer" role="status"></div></section>'
              '<section><h2 id="fronts">Fronts</h2><p class="small">A line joins the points that no other one beats in both '
              'directions. A click shows a point; a click with Shift puts it beside.</p>'
              '<div id="legend" class="legend"></div><div id="charts" class="charts"></div></section>'
              '<section><h2 id="pair">Two points side by side</h2><div id="sides"></div></section>'
              '<section><h2 id="layers">Layers and roofline</h2><div id="bars"></div></section>'
            + points_table(scheduler) + about(scheduler)
            + f'</main><div id="tip" role="tooltip" hidden></div><script type="application/json" id="data">{text}</script>')


def text_of_page(scheduler, scripts=()):
    return document("Design space of IF4", body(scheduler), [HERE / "explore.css"],
                    [HERE / "explore.js", HERE / "charts.js", HERE / "sides.js", *scripts])


def write(folder, scheduler):
    save(folder / "index.html", text_of_page(scheduler))
