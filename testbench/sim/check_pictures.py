#!/usr/bin/env python3
"""Checks pictures that `if4 array --svg` and `if4 compare --svg` have written.

usage: testbench/sim/check_pictures.py PICTURE.svg [REPORT.csv]

A picture is well-formed XML, all of its numbers are numbers, and its colours are those of scripts/page/page.css. With the CSV
of the same run, every bar is as long as the time of all runs of its layer says, and each of its parts as its cycles say. Where
IF4_CHROMIUM names the program, no text runs out of the picture or over another one there.
Exit codes: 0 all well, 1 not.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
MOST_LAYERS = 60
BAR = 520            # pixels of the longest bar
ROUNDING = 0.03      # pixels: eight parts of three digits each
WAITS = ("fill_drain_cycles", "interval_cycles", "activation_wait_cycles", "weight_wait_cycles", "output_wait_cycles",
         "bank_cycles")
MEASURE = """
const out = [], svg = document.querySelector("svg"), box = svg.getBoundingClientRect();
const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect(),
  text.hasAttribute("transform")]);
for (const [text, at] of texts)
  if (at.left < box.left || at.right > box.right || at.top < box.top || at.bottom > box.bottom) out.push(`${text} runs out`);
texts.forEach(([text, at, turned], index) => {
  for (const [other, there, alsoTurned] of texts.slice(index + 1))
    if (!turned && !alsoTurned && Math.min(at.right, there.right) - Math.max(at.left, there.left) > 1 &&
        Math.min(at.bottom, there.bottom) - Math.max(at.top, there.top) > 4) out.push(`${text} lies on ${other}`);
});
document.getElementById("out").textContent = ["measured", ...out].join("\\n");
"""


def parts_of(row):
    """The cycles of a line of the report, divided as a bar is."""
    beats, useful = float(row["beat_cycles"]), float(row["useful_beat_cycles"])
    return [useful, beats - useful, *(float(row[name]) for name in WAITS)]


def check_bar(group, length, row):
    """Yields what is wrong with the bar of a group, which is to be so long."""
    cycles = float(row["cycles"])
    widths = [0.0] * 8
    for rect in group.iter(f"{SVG}rect"):
        widths[int(rect.get("class")[1:]) - 1] += float(rect.get("width"))
    if abs(sum(widths) - length) > ROUNDING:
        yield f"{group.get('data-name')}: the bar is {sum(widths):.3f} long, its time says {length:.3f}"
    for number, (width, part) in enumerate(zip(widths, parts_of(row)), 1):
        # The useful cycles of the report have two digits.
        if abs(width - length * part / cycles) > ROUNDING + length * 0.01 / cycles:
            yield f"{group.get('data-name')}: part {number} is {width:.3f} long, its cycles say {length * part / cycles:.3f}"


def check_bars(root, path):
    with open(path, newline="", encoding="utf-8") as file:
        *rows, total = csv.DictReader(file)
    groups = {}
    for group in root.iter(f"{SVG}g"):
        groups.setdefault(group.get("data-name"), []).append(group)
    if total["layer"] != "total" or total["m"]:
        yield f"{path}: the last line is not the total"
        return
    yield from check_bar(groups["total"][0], BAR, total)
    if len(rows) < 2:
        return
    times = [float(row["seconds_at_clock"]) * int(row["runs"]) for row in rows]
    longest, drawn = max(times), 0
    for row, time in zip(rows, times):
        for group in groups.get(row["layer"], [])[:1]:
            drawn += 1
            yield from check_bar(group, BAR * time / longest, row)
    if drawn != min(len(rows), MOST_LAYERS):
        yield f"{drawn} layers are drawn of {len(rows)}"
    if abs(sum(times) - float(total["seconds_at_clock"])) > 1e-6 * sum(times):
        yield f"{path}: the total is not that of the layers"


def check_colours(text):
    """The colours of the series are those of pages, in light and dark."""
    pages = (ROOT / "scripts" / "page" / "page.css").read_text()
    if re.findall(r"--series-\d: (#\w+)", pages) != re.findall(r"\.s\d\{fill:(#\w+)\}", text):
        yield "the colours of the series are not those of scripts/page/page.css"


def check_layout(text):
    program = os.environ.get("IF4_CHROMIUM")
    if not program or not shutil.which(program):
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        page.write_text(f'<!DOCTYPE html><meta charset="utf-8">{text}<pre id="out"></pre><script>{MEASURE}</script>', encoding="utf-8")
        done = subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
                              capture_output=True, text=True, timeout=120)
    found = re.search(r'<pre id="out">measured\n?(.*?)</pre>', done.stdout, re.S)
    yield from found[1].splitlines() if found else ["the browser measured nothing"]


def wrong(picture, report=None):
    text = Path(picture).read_text(encoding="utf-8")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        yield f"is no XML: {error}"
        return
    for element in root.iter():
        for name, value in element.attrib.items():
            if name not in ("data-name", "class", "aria-label") and re.search(r"nan|inf", value):
                yield f"{element.tag.removeprefix(SVG)} has {name}={value}"
            if name in ("width", "height", "r") and value != "100%" and not float(value) >= 0:
                yield f"{element.tag.removeprefix(SVG)} has {name}={value}"
    yield from check_colours(text)
    if report:
        yield from check_bars(root, report)
    yield from check_layout(text)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 1
    found = [f"{sys.argv[1]}: {text}" for text in wrong(*sys.argv[1:])]
    print("\n".join(found) or f"{sys.argv[1]}: OK")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
