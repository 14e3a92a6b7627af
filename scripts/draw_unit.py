#!/usr/bin/env python3
"""Draws rtl/if4_mac.svg: the datapath of the MAC unit for IF4, with the widths that the RTL has.

    scripts/draw_unit.py            writes the picture
    scripts/draw_unit.py --check    exits 1 if the committed picture is not what the RTL says

Every number in the picture comes from elaborating the unit in Icarus Verilog; the layout below has none of them.
The picture is generated and in git all the same, because README.md shows it where nobody runs anything: on the web.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "rtl" / "if4_mac.svg"

# What the picture shows: constant expressions over if4_pkg, and what only an elaborated unit knows.
CONSTANTS = {
    "lanes": "if4_pkg::BlockSize",
    "operand": "if4_pkg::sig_width(Format)",
    "product": "if4_pkg::product_width(Format)",
    "dot": "if4_pkg::dot_width(Format)",
    "scale_product": "if4_pkg::ScaleProductWidth",
    "shift": "if4_pkg::ScaleShiftWidth",
    "shift_max": "if4_pkg::ScaleShiftMax",
    "scaled": "if4_pkg::scaled_width(Format)",
    "block": "if4_pkg::block_width(Format)",
    "beat": "if4_pkg::beat_width(Format, if4_pkg::BlockSize)",
    "k_float": "if4_pkg::float_weight(Format) * if4_pkg::float_weight(Format)",
    "k_mixed": "if4_pkg::float_weight(Format) * if4_pkg::int_weight(Format)",
    "k_int": "if4_pkg::int_weight(Format) * if4_pkg::int_weight(Format)",
    "unit_exponent": "if4_pkg::sum_exponent(Format)",
}
ELABORATED = {
    "codes": "$bits(u_mac.a_codes_i)",
    "scale": "$bits(u_mac.a_scale_i)",
    "accumulator": "$bits(u_mac.sum)",
    "window": "$bits(u_mac.gen_pipelined.u_fp32.window_q)",
    "quotient": "u_mac.gen_pipelined.u_fp32.QuotientWidth",
    "result": "$bits(u_mac.result_o)",
}


def measured_widths():
    """The values of CONSTANTS and ELABORATED, by their names."""
    constants = [f"localparam int C_{name} = {expression};" for name, expression in CONSTANTS.items()]
    shown = {**{name: f"C_{name}" for name in CONSTANTS}, **ELABORATED}
    shows = [f'initial $display("{name}=%0d", {expression});' for name, expression in shown.items()]
    unit = ["localparam int Format = if4_pkg::FormatIF4;", "if4_mac #(.Format(Format)) u_mac ();"]
    with tempfile.TemporaryDirectory() as folder:
        probe, program = Path(folder) / "probe.sv", Path(folder) / "probe.vvp"
        probe.write_text("\n".join(["module probe;", *unit, *constants, *shows, "endmodule", ""]))
        command = ["iverilog", "-g2012", "-s", "probe", "-Y.sv", "-yrtl", "rtl/if4_pkg.sv", "-o", str(program), str(probe)]
        subprocess.run(command, cwd=ROOT, check=True)
        output = subprocess.run(["vvp", "-n", str(program)], check=True, capture_output=True, text=True).stdout
    values = {name: int(value) for name, value in re.findall(r"^(\w+)=(-?\d+)$", output, re.MULTILINE)}
    missing = [name for name in shown if name not in values]
    if missing:
        raise ValueError(f"Icarus Verilog gives no number for: {', '.join(missing)}")
    return values


# The card has a ground of its own, so that the picture is readable on any page; the browser chooses the colours.
STYLE = """
    text { font-family: -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; font-size: 14px; }
    .small { font-size: 12.5px; }
    .head { font-size: 13px; font-weight: 600; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    .wire { fill: none; stroke-width: 1.5; }
    .box, .exact, .round { stroke-width: 1.25; }
    .card { fill: #ffffff; stroke: #d0d7de; }
    .ink { fill: #1f2328; }
    .soft { fill: #59636e; }
    .wire { stroke: #59636e; }
    .tip { fill: #59636e; }
    .register { fill: #59636e; }
    .box { fill: #f6f8fa; stroke: #818b98; }
    .exact { fill: #ddf4ff; stroke: #218bff; }
    .round { fill: #fff3c4; stroke: #bf8700; }"""
DARK = """
    .card { fill: #0d1117; stroke: #3d444d; }
    .ink { fill: #f0f6fc; }
    .soft { fill: #9aa4af; }
    .wire { stroke: #9aa4af; }
    .tip { fill: #9aa4af; }
    .register { fill: #9aa4af; }
    .box { fill: #1c232c; stroke: #7d8590; }
    .exact { fill: #0c2d52; stroke: #4493f8; }
    .round { fill: #3b2e06; stroke: #d29922; }"""


class Drawing:
    """Shapes of the picture, one SVG element each. Coordinates are pixels; a box is given by its centre."""

    def __init__(self, width, height, title, maker="scripts/draw_unit.py", style=STYLE, dark=DARK):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{escape(title)}">',
            f"  <!-- Made by {maker} from the RTL. Do not edit. -->",
            f"  <title>{escape(title)}</title>",
            f"  <style>{style}\n    @media (prefers-color-scheme: dark) {{{dark}\n    }}\n  </style>",
            f'  <rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        ]

    def text(self, x, y, words, style="ink middle"):
        self.parts.append(f'  <text class="{style}" x="{x:g}" y="{y:g}">{escape(str(words))}</text>')

    def rectangle(self, x, y, width, height, radius, kind):
        self.parts.append(
            f'  <rect class="{kind}" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" '
            f'height="{height:g}" rx="{radius}"/>'
        )

    def box(self, x, y, width, height, *lines, kind="exact"):
        """A step of the computation: the first line says what, the others are smaller."""
        self.rectangle(x, y, width, height, 5, kind)
        top = y - 8 * (len(lines) - 1) + 5
        for i, line in enumerate(lines):
            self.text(x, top + 16 * i, line, "ink middle" if i == 0 else "soft small middle")

    def register(self, x, y, width, height):
        """A bar across the wires at the end of a stage."""
        self.rectangle(x, y, width, height, 2, "register")

    def wire(self, *points):
        """A line through the points, level or upright, with an arrow at its end."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(f'  <polyline class="wire" points="{path}"/>')
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        corners = [(x, y), (x - 7 * dx - 4 * dy, y - 7 * dy - 4 * dx), (x - 7 * dx + 4 * dy, y - 7 * dy + 4 * dx)]
        self.parts.append('  <polygon class="tip" points="%s"/>' % " ".join(f"{a:g},{b:g}" for a, b in corners))

    def bits(self, x, y, count, upright=False):
        """The slash across a wire, and how many bits the wire has."""
        self.parts.append(f'  <path class="wire" d="M{x - 4:g} {y + 5:g} l8 -10"/>')
        if upright:
            self.text(x + 10, y + 4, count, "ink small")
        else:
            self.text(x, y - 9, count, "ink small middle")

    def svg(self):
        return "\n".join(self.parts + ["</svg>", ""])


# Heights of what is in line: codes of a, codes of w, the sum of products, the scales of a and of w.
A, W, SUM, A_SCALE, W_SCALE = 96, 172, 134, 256, 322
STAGE_ENDS = (450, 608, 764)  # x of the registers of stages 1 to 3
OUTPUT = 824  # x of the output stage, which runs down


def draw_stage_1(d, w):
    """Codes and scales to D, the product of the scales' significands, and the shift."""
    for y, entry, operand in ((A, SUM - 12, "a"), (W, SUM + 12, "w")):
        d.text(12, y + 5, f"{operand}_codes_i", "ink")
        d.wire((86, y), (114, y))
        d.bits(98, y, w["codes"])
        d.box(149, y, 70, 44, "decode", f"{w['lanes']} codes")
        d.wire((184, y), (234, y), (234, entry), (256, entry))
        d.bits(210, y, f"{w['lanes']} × {w['operand'] + 1}")
    d.box(298, SUM, 84, 62, "multiply", f"{w['lanes']} pairs of", f"{w['operand']} bits, sign")
    d.wire((340, SUM), (386, SUM))
    d.bits(362, SUM, f"{w['lanes']} × {w['product'] + 1}")
    d.box(410, SUM, 48, 44, "add", f"all {w['lanes']}")

    for y, operand in ((A_SCALE, "a"), (W_SCALE, "w")):
        d.text(12, y + 5, f"{operand}_scale_i", "ink")
        d.wire((86, y), (114, y))
        d.bits(98, y, w["scale"])
        d.box(149, y, 70, 44, "E4M3", "type, m, x")
        d.wire((184, y), (270, y))
    d.wire((214, A_SCALE), (214, W_SCALE - 10), (270, W_SCALE - 10))
    d.wire((236, W_SCALE), (236, A_SCALE + 10), (270, A_SCALE + 10))
    d.box(328, A_SCALE, 116, 40, "m_a · m_w")
    d.box(328, W_SCALE, 116, 40, "x_a + x_w − 2")


def draw_stages_2_and_3(d, w):
    """The block's factor, the shift, and the accumulator."""
    d.wire((434, SUM), (484, SUM))
    d.bits(468, SUM, w["dot"])
    d.box(504, SUM, 40, 44, "×")
    d.wire((386, A_SCALE), (504, A_SCALE), (504, SUM + 22))
    d.bits(416, A_SCALE, w["scale_product"])
    d.wire((524, SUM), (554, SUM))
    d.bits(537, SUM, w["scaled"])
    d.box(574, SUM, 40, 44, "× k")

    d.wire((594, SUM), (640, SUM))
    d.bits(624, SUM, w["block"])
    d.box(666, SUM, 52, 44, "<<", f"0..{w['shift_max']}")
    d.wire((386, W_SCALE), (666, W_SCALE), (666, SUM + 22))
    d.bits(416, W_SCALE, w["shift"])
    d.wire((692, SUM), (720, SUM))
    d.bits(704, SUM, w["beat"])
    d.box(736, SUM, 32, 44, "+")
    d.wire((752, SUM), (OUTPUT, SUM), (OUTPUT, 222))
    d.bits(788, SUM, w["accumulator"])
    d.wire((778, SUM), (778, 186), (736, 186), (736, SUM + 22))
    d.text(741, 203, "accumulator", "soft small middle")


def draw_output_stage(d, w):
    """Stages 4 to 6 and the rounding: the only part that drops bits."""
    steps = (("normalise, cut",), (f"÷ {w['k_float']}", "upper digits"), (f"÷ {w['k_float']}", "lower digits"))
    y = 242
    for stage, lines in enumerate(steps, 4):
        d.text(OUTPUT - 70, y + 5, f"stage {stage}", "soft head end")
        d.box(OUTPUT, y, 116, 40, *lines, kind="round")
        d.wire((OUTPUT, y + 20), (OUTPUT, y + 60))
        d.register(OUTPUT, y + 30, 116, 6)
        y += 80
    d.bits(OUTPUT, 286, w["window"], upright=True)
    d.bits(OUTPUT, 446, w["quotient"], upright=True)
    d.box(OUTPUT, y, 116, 40, "round", kind="round")
    d.wire((OUTPUT - 58, y), (OUTPUT - 112, y))
    d.bits(OUTPUT - 82, y, w["result"])
    d.text(OUTPUT - 120, y + 5, "result_o", "ink end")


def draw_legend(d, w):
    """What the colours, k and the exact integers are; lower left, where no wire is."""
    unit = "2" + str(w["unit_exponent"]).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    d.rectangle(30, 404, 24, 18, 4, "exact")
    d.text(54, 409, f"exact: the accumulator counts units of {unit} / {w['k_float']}", "ink")
    factors = f"k: {w['k_float']} (FP4 × FP4), {w['k_mixed']} (mixed) or {w['k_int']} (INT4 × INT4)"
    d.text(54, 429, f"bit 7 of the scale bytes says how to decode, and {factors}", "soft small")
    d.rectangle(30, 454, 24, 18, 4, "round")
    d.text(54, 459, "once for each dot product: the one rounding, to nearest even, to FP32", "ink")
    d.register(30, 484, 24, 6)
    d.text(54, 489, "register at the end of a stage; a slash across a wire counts its bits", "ink")


def picture(w):
    """The SVG, from the widths."""
    d = Drawing(900, 512, f"Datapath of if4_mac for IF4: {w['lanes']} lanes, pipelined output stage")
    draw_stage_1(d, w)
    draw_stages_2_and_3(d, w)
    draw_output_stage(d, w)
    draw_legend(d, w)
    left = 114
    for stage, (x, bottom) in enumerate(zip(STAGE_ENDS, (350, 350, 172)), 1):
        d.text((left + x) / 2, 34, f"stage {stage}", "soft head middle")
        d.register(x, (60 + bottom) / 2, 6, bottom - 60)
        left = x
    return d.svg()


def main():
    parser = argparse.ArgumentParser(description="draw rtl/if4_mac.svg from the widths of the RTL")
    parser.add_argument("--check", action="store_true", help="compare the committed picture, write nothing")
    arguments = parser.parse_args()
    try:
        drawn = picture(measured_widths())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"draw_unit.py: {error}", file=sys.stderr)
        return 2
    if not arguments.check:
        PICTURE.write_text(drawn)
    elif not PICTURE.exists() or PICTURE.read_text() != drawn:
        print("rtl/if4_mac.svg is not what the RTL says; scripts/draw_unit.py draws it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
