"""A picture of the fronts of each network and library, fronts_NETWORK_LIBRARY.svg, in the colours of the page."""

import math
import re

from axes import ROOT
from markup import esc
from metrics import BY_NAME
from tools import save

CHARTS = (("area_mm2", "items_per_second"), ("sqnr_db", "pj_per_mac"), ("area_mm2", "ms_per_item"), ("area_mm2", "cosine_distance"),
          ("pj_per_mac", "cosine_distance"))
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 300, 62, 14, 40, 44
SERIES = (1, 5, 6, 4, 7, 8, 2, 3)  # colours of the page, in its order of formats


def title(name, item):
    metric = BY_NAME[name]
    return metric.title.replace("{item}", item) + (f", {metric.unit}" if metric.unit else "")


def dominates(one, other, names):
    """Whether a point is as good as another one in both metrics, and better in one."""
    gains = [BY_NAME[name].better * (one.values[name] - other.values[name]) for name in names]
    return min(gains) >= 0 and max(gains) > 0


def front_of(points, names):
    return [point for point in points if not any(dominates(other, point, names) for other in points)]


class Scale:
    """From numbers to places: logarithmic where they are far apart, with round ticks."""

    def __init__(self, numbers, start, end):
        low, high = min(numbers), max(numbers)
        self.put = math.log10 if low > 0 and high / low > 12 else float
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        low, high = (low / 1.2, high * 1.2) if self.put is math.log10 else (max(0.0, low - room) if low >= 0 else low - room, high + room)
        self.start, self.end, self.low, self.high = start, end, low, high
        step = 10 ** math.floor(math.log10((high - low) / 5))
        step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= (high - low) / 5)
        even = [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
        powers = [factor * 10.0 ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
                  for factor in (1, 2, 5)] if self.put is math.log10 else even
        self.ticks = [tick for tick in powers if low <= tick <= high]

    def __call__(self, number):
        low, high = self.put(self.low), self.put(self.high)
        return self.start + (self.end - self.start) * (self.put(number) - low) / (high - low)


def chart(points, names, item, formats, left):
    x_name, y_name = names
    x = Scale([point.values[x_name] for point in points], left + LEFT, left + WIDTH - RIGHT)
    y = Scale([point.values[y_name] for point in points], HEIGHT - BOTTOM, TOP)
    parts = []
    for tick in x.ticks:
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
                     f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{tick:g}</text>')
    for tick in y.ticks:
        parts.append(f'<line class="grid" x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
                     f'<text x="{left + LEFT - 5}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    front = sorted((x(point.values[x_name]), y(point.values[y_name])) for point in front_of(points, names))
    parts.append('<polyline class="front" points="' + " ".join(f"{px:.1f},{py:.1f}" for px, py in front) + '"/>')
    for point in points:
        series = SERIES[formats.index(point.axes["format"]) % len(SERIES)]
        parts.append(f'<circle class="s{series}" cx="{x(point.values[x_name]):.1f}" cy="{y(point.values[y_name]):.1f}" r="4"><title>'
                     f'{point.name}: {esc(point.axes["format"])}, {point.axes["rows"]} x {point.axes["columns"]} cells</title></circle>')
    middle = left + (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{esc(title(x_name, item))}</text>'
                 f'<text x="{middle}" y="{TOP - 8}" text-anchor="middle">{esc(title(y_name, item))}</text>')
    return "".join(parts)


def style():
    """The colours of all pages, light and dark."""
    text = (ROOT / "scripts" / "page" / "page.css").read_text()
    light, dark = re.findall(r":root \{([^}]*)\}", text)[:2]
    rules = "".join(f".s{number}{{fill:var(--series-{number})}}" for number in range(1, 9))
    return (f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}.back{{fill:var(--back)}}text{{fill:var(--text);"
            f"font:11px system-ui,sans-serif}}.grid{{stroke:var(--line);stroke-width:.6}}.front{{fill:none;stroke:var(--quiet)}}{rules}")


def picture(points, item, name):
    """The SVG of points of one network and one library, or None where there is nothing to be drawn."""
    formats = list(dict.fromkeys(point.axes["format"] for point in points))
    drawn, left = [], 0
    for names in CHARTS:
        some = [point for point in points if all(point.values.get(one) is not None for one in names)]
        if some:
            drawn.append(chart(some, names, item, formats, left))
            left += WIDTH
    if not drawn:
        return None
    legend = "".join(f'<circle class="s{SERIES[place % len(SERIES)]}" cx="{20 + 90 * place}" cy="14" r="4"/>'
                     f'<text x="{28 + 90 * place}" y="18">{esc(one)}</text>' for place, one in enumerate(formats))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left} {HEIGHT}" role="img"><title>{esc(name)}</title>'
            f'<style>{style()}</style><rect class="back" width="{left}" height="{HEIGHT}"/>{legend}{"".join(drawn)}</svg>\n')


def write(folder, spec):
    """Writes all pictures, and removes those of earlier runs."""
    made = {}
    for network in spec.axes["network"]:
        for liberty in spec.axes["liberty"]:
            points = [point for point in spec.points if point.status == "done"
                      and (point.axes["network"], point.axes["liberty"]) == (network, liberty)]
            name = f"fronts_{network}_{liberty}"
            if text := points and picture(points, spec.networks[network]["item"], f"{network}, {liberty}"):
                made[re.sub(r"[^A-Za-z0-9_.-]", "_", name) + ".svg"] = text
    for old in folder.glob("fronts_*.svg"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        save(folder / name, text)
