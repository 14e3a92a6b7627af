"""Pictures of a layout, SVG and PNG: cells as the outlines that they are, wires by the layer of metal."""

import struct
import zlib

from osu018 import FILL
from tools import ROOT, obey

BACKGROUND, DIE, CELL, FLIP_FLOP = (250, 250, 248), (120, 120, 120), (222, 224, 228), (246, 214, 150)
METALS = {"metal1": (70, 110, 200), "metal2": (200, 70, 70), "metal3": (60, 150, 80), "metal4": (150, 80, 170),
          "metal5": (40, 150, 170), "metal6": (110, 110, 110)}
OPACITY = 0.55
PIXELS = 1200           # of the longer side of the PNG
STRIPE_OPACITY = 0.25


def drawn(placed, lef, flip_flops):
    """[(kind or layer, x0, y0, x1, y1)] from the bottom up, um from the lower left corner of the die."""
    left, low = placed.die[:2]
    boxes = []
    for kind, x, y, _ in placed.cells.values():
        if kind != FILL:
            macro = lef.macros[kind]
            boxes.append(("flip_flop" if kind in flip_flops else "cell", x - left, y - low, x - left + macro.width,
                          y - low + macro.height))
    for layer in METALS:
        for net in [*placed.nets.values(), *placed.supplies.values()]:
            for on, x0, y0, x1, y1, width in net.wires:
                if on == layer:
                    half = (width or lef.layers[layer].width) / 2
                    boxes.append((layer, min(x0, x1) - half - left, min(y0, y1) - half - low, max(x0, x1) + half - left,
                                  max(y0, y1) + half - low))
    return boxes


def svg(placed, boxes, title):
    """A path for each kind of box, in tenths of um; wires are strokes, which are half as long to write."""
    width, height = placed.die[2] - placed.die[0], placed.die[3] - placed.die[1]
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * 10:.0f} {height * 10:.0f}" '
             f'width="{PIXELS}" role="img"><title>{title}</title>',
             f'<rect width="100%" height="100%" fill="{colour(BACKGROUND)}" stroke="{colour(DIE)}" stroke-width="10"/>']
    paths = {}
    for kind, x0, y0, x1, y1 in boxes:
        x, y, dx, dy = (round(part * 10) for part in (x0, height - y1, x1 - x0, y1 - y0))
        if kind in METALS:
            thick = min(dx, dy)
            line = f"M{x} {y + dy // 2}h{dx}" if dx > dy else f"M{x + dx // 2} {y}v{dy}"
            paths.setdefault((kind, thick), []).append(line)
        else:
            paths.setdefault((kind, 0), []).append(f"M{x} {y}h{dx}v{dy}h{-dx}z")
    for (kind, thick), parts in paths.items():
        opacity = OPACITY if kind != "metal6" else STRIPE_OPACITY
        style = (f'fill="none" stroke="{colour(METALS[kind])}" stroke-width="{thick}" stroke-opacity="{opacity}"' if thick else
                 f'fill="{colour(FLIP_FLOP if kind == "flip_flop" else CELL)}" stroke="{colour(BACKGROUND)}" stroke-width="3"')
        lines.append(f'<path {style} d="{"".join(parts)}"/>')
    return "\n".join([*lines, "</svg>", ""])


def colour(rgb):
    return "#" + "".join(f"{part:02x}" for part in rgb)


def png(placed, boxes):
    """The same as a PNG of three bytes a pixel; a wire is at least a pixel wide."""
    width, height = placed.die[2] - placed.die[0], placed.die[3] - placed.die[1]
    scale = PIXELS / max(width, height)
    columns, rows = round(width * scale), round(height * scale)
    pixels = bytearray(bytes(BACKGROUND) * (columns * rows))

    def fill(box, rgb, opacity):
        x0, y0, x1, y1 = box
        first, last = max(int(x0 * scale), 0), min(max(int(x1 * scale), int(x0 * scale) + 1), columns)
        upper = int((height - y1) * scale)
        top, bottom = max(upper, 0), min(max(int((height - y0) * scale), upper + 1), rows)
        for row in range(top, bottom):
            at = (row * columns + first) * 3
            end = (row * columns + last) * 3
            for part in range(3):
                added = rgb[part] * opacity
                pixels[at + part:end:3] = bytes(int(old * (1 - opacity) + added) for old in pixels[at + part:end:3])

    for kind, *box in boxes:
        obey()
        if kind in METALS:
            fill(box, METALS[kind], STRIPE_OPACITY if kind == "metal6" else OPACITY)
        else:
            x0, y0, x1, y1 = box
            fill((x0 + 0.2, y0 + 0.2, x1 - 0.2, y1 - 0.2), FLIP_FLOP if kind == "flip_flop" else CELL, 1.0)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    lines = b"".join(b"\0" + pixels[row * columns * 3:(row + 1) * columns * 3] for row in range(rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def draw(name, placed, lef, flip_flops, work):
    boxes = drawn(placed, lef, flip_flops)
    title = f"{name}: placed and routed in osu018; cells are outlines, flip-flops yellow, wires by layer"
    (ROOT / work / f"{name}.svg").write_text(svg(placed, boxes, title))
    (ROOT / work / f"{name}.png").write_bytes(png(placed, boxes))
