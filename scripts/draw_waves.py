#!/usr/bin/env python3
"""Draws rtl/waves/*.svg: what the ports and stages of the unit show in a few clocks, from a simulation of the RTL.

    scripts/draw_waves.py            writes the pictures
    scripts/draw_waves.py --check    exits 1 if a committed picture is not what the RTL does

Each picture is a scenario below: beats, the clocks in which they are offered and in which results are taken. Icarus Verilog
runs it and dumps its signals; every value, every mark and every number of clocks in the picture is read from that dump.
The pictures are generated and in git all the same, because README.md shows them where nobody runs anything: on the web.
"""

import argparse
import re
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from draw_unit import DARK, STYLE, Drawing

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "rtl" / "waves"

# --- Operands of IF4, as numbers ---

ONE = 0x38  # the scale 1
INT = 0x80  # bit 7 of a scale: the codes are INT4
NAN = 0x7F
FP4 = (0, Fraction(1, 2), 1, Fraction(3, 2), 2, 3, 4, 6)


def scale_text(byte):
    """Type and magnitude of a scale byte."""
    field, mantissa = byte >> 3 & 15, byte & 7
    if byte & 0x7F == NAN:
        return "NaN"
    value = ((8 if field else 0) + mantissa) * 2.0 ** (max(field, 1) - 10)
    return f"{'INT4' if byte & INT else 'FP4'} · {value:g}"


def codes_text(codes, scale):
    """16 elements that are alike, by their value before the scale."""
    assert codes == codes % 16 * 0x1111111111111111
    code = codes % 16
    value = Fraction((code ^ 8) - 8) * Fraction(6, 7) if scale & INT else FP4[code % 8] * (-1 if code & 8 else 1)
    return f"16 × {float(value):g}"


def fp32_text(bits):
    return f"{struct.unpack('<f', bits.to_bytes(4, 'little'))[0]:g}".replace("nan", "NaN")


def beat(a_scale, a_code, w_scale, w_code, last):
    """The operands of a beat with 16 equal codes a side: a bit for last_i, then the ports from w_scale_i to a_codes_i."""
    alike = 0x1111111111111111
    return f"{{1'b{int(last)}, 8'h{w_scale:02x}, 64'h{alike * w_code:016x}, 8'h{a_scale:02x}, 64'h{alike * a_code:016x}}}"


# --- The simulation ---

UNIT = """if4_mac dut (
    .clk_i(clk), .rst_ni(rst_n), .valid_i(offered), .ready_o(ready), .last_i(operands[144]),
    .w_scale_i(operands[143:136]), .w_codes_i(operands[135:72]), .a_scale_i(operands[71:64]),
    .a_codes_i(operands[63:0]), .valid_o(), .ready_i(take), .result_o(), .nan_o(), .overflow_o()
  );"""
AXIS = """if4_mac_axis dut (
    .clk_i(clk), .rst_ni(rst_n), .s_axis_tvalid(offered), .s_axis_tready(ready), .s_axis_tlast(operands[144]),
    .s_axis_tdata(operands[143:0]), .s_axis_tkeep({18{1'b1}}), .m_axis_tvalid(), .m_axis_tready(take), .m_axis_tdata(),
    .m_axis_tlast(), .m_axis_tuser()
  );"""
# A beat stays until it is taken, and the ports are unknown while none is offered. Inputs change with the clock's edge.
BENCH = """module bench;
  logic clk = 0, rst_n = 0, ready, offered = 0, take = 0;
  logic [144:0] operands = 'x, beats [0:{count}-1];
  int next = 0, clock = 0;
  wire [{clocks}-1:0] offers = {clocks}'b{offers}, takes = {clocks}'b{takes};  // the first clock on the right
  {unit}
  always #5 clk = ~clk;
  always @(posedge clk) if (rst_n) begin
    if (~offered | ready) begin
      offered  <= next < {count} && offers[clock];
      operands <= next < {count} && offers[clock] ? beats[next] : 'x;
      next     <= next + int'(next < {count} && offers[clock]);
    end
    take  <= takes[clock];
    clock <= clock + 1;
    if (clock == {clocks}) $finish;
  end
  initial begin
    {fill}
    $dumpfile("{dump}");
    $dumpvars(0, dut);
    #12 rst_n = 1;
  end
endmodule
"""


def simulated(unit, beats, offers, takes):
    """What each signal of the unit, by its name from there, is in the first clocks; bits as text, x where unknown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = BENCH.format(unit=unit, count=len(beats), clocks=len(offers), offers=offers[::-1], takes=takes[::-1],
                             fill=" ".join(f"beats[{i}] = {text};" for i, text in enumerate(beats)),
                             dump=folder / "dump.vcd")
        (folder / "bench.sv").write_text(bench)
        command = ["iverilog", "-g2012", "-s", "bench", "-Y.sv", "-yrtl", "-o", str(folder / "bench.vvp"),
                   "rtl/if4_pkg.sv", str(folder / "bench.sv")]
        subprocess.run(command, cwd=ROOT, check=True)
        subprocess.run(["vvp", "-n", str(folder / "bench.vvp")], check=True, capture_output=True)
        values = read_vcd((folder / "dump.vcd").read_text())
        return {signal: clocks[:len(offers)] for signal, clocks in values.items()}


def read_vcd(text):
    """The values in each clock, up to the edge that ends it. The clock in reset is left out."""
    names, scope, widths = {}, [], {}
    head, _, body = text.partition("$enddefinitions $end")
    for words in re.findall(r"\$(scope|upscope|var)\s+(.*?)\s*\$end", head, re.S):
        fields = words[1].split()
        if words[0] == "scope":
            scope.append(fields[1])
        elif words[0] == "upscope":
            scope.pop()
        else:
            names[".".join([*scope[2:], fields[3]])] = fields[2]
            widths[fields[2]] = int(fields[1])
    now, clocks = {}, {name: [] for name in names}
    before = dict(now)
    for line in body.split("\n"):
        if line.startswith("#"):
            before = dict(now)
            continue
        change = re.fullmatch(r"b([01xz]+) (\S+)|([01xz])(\S+)", line)
        if not change:
            continue
        value, code = (change[1], change[2]) if change[1] else (change[3], change[4])
        now[code] = value.rjust(widths[code], value[0] if value[0] in "xz" else "0")
        if code == names["clk_i"] and value == "1" and before.get(names["rst_ni"]) == "1":
            for name, short in names.items():
                clocks[name].append(before.get(short, "x" * widths[short]))
    return clocks


# --- The picture ---

LEFT, CELL, ROW, HIGH, TOP = 110, 58, 29, 19, 44
WAVE_STYLE = STYLE + """
    .value { font-size: 11.5px; text-anchor: middle; }
    .edge { stroke-width: 1; stroke-dasharray: 2 3; }
    .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
    .taken, .waits, .inside, .none { stroke-width: 1.25; }
    .edge { stroke: #d0d7de; }
    .line { stroke: #1f2328; }
    .taken { fill: #ddf4ff; stroke: #218bff; }
    .waits { fill: #fff3c4; stroke: #bf8700; }
    .inside { fill: #f6f8fa; stroke: #818b98; }
    .none { fill: #e6e9ec; stroke: #b1bac4; }"""
WAVE_DARK = DARK + """
    .edge { stroke: #3d444d; }
    .line { stroke: #f0f6fc; }
    .taken { fill: #0c2d52; stroke: #4493f8; }
    .waits { fill: #3b2e06; stroke: #d29922; }
    .inside { fill: #1c232c; stroke: #7d8590; }
    .none { fill: #21262d; stroke: #484f58; }"""


@dataclass
class Row:
    """A line of the picture: a signal, and for a bus how its value reads. `handshake`: the valid and ready beside it."""
    label: str
    signal: str = ""
    text: object = None    # from the clock's values to a text; None for a single bit
    handshake: tuple = ()  # names of valid and ready; without ready the value is one inside the unit


class Waves(Drawing):
    """Rows of waves below each other, and the clocks beside each other."""

    def __init__(self, title, clocks, rows):
        self.clocks, self.height = clocks, TOP + rows * ROW
        super().__init__(LEFT + clocks * CELL + 16, self.height + 62, title, "scripts/draw_waves.py", WAVE_STYLE, WAVE_DARK)
        for clock in range(clocks + 1):
            x = LEFT + clock * CELL
            self.parts.append(f'  <path class="edge" d="M{x} {TOP - 6} V{self.height}"/>')
            if clock < clocks:
                self.text(x + CELL / 2, TOP - 14, clock, "soft small middle")

    def name(self, y, words):
        self.text(LEFT - 10, y + HIGH - 4, words, "ink small end")

    def bit(self, y, values):
        """A single bit, as a line that is up or down; a box where it is unknown."""
        path, before = [], None
        self.bus(y, [None if value in "01" else ("none", "") for value in values])
        for clock, value in enumerate(values):
            x = LEFT + clock * CELL
            if value in "01":
                level = y + (1 if value == "1" else HIGH - 1)
                path.append(f"M{x} {level}" if before not in ("0", "1") else f"L{x + 3} {level}" if before != value else "")
                path.append(f"H{x + CELL}")
            before = value
        self.parts.append(f'  <path class="line" d="{" ".join(filter(None, path))}"/>')

    def clock(self, y):
        path = "".join(f"M{LEFT + clock * CELL} {y + HIGH - 1} V{y + 1} h{CELL / 2:g} V{y + HIGH - 1} h{CELL / 2:g} "
                       for clock in range(self.clocks))
        self.parts.append(f'  <path class="line" d="{path.strip()}"/>')

    def cell(self, y, clock, count, kind, words):
        """A value of a bus, for so many clocks."""
        x0, x1, middle = LEFT + clock * CELL, LEFT + (clock + count) * CELL, y + HIGH / 2
        self.parts.append(f'  <path class="{kind}" d="M{x0} {middle:g} L{x0 + 4} {y} H{x1 - 4} L{x1} {middle:g} '
                          f'L{x1 - 4} {y + HIGH} H{x0 + 4} Z"/>')
        if words:
            self.text((x0 + x1) / 2, y + HIGH - 5, words.replace("-", "\N{MINUS SIGN}"), "ink value")

    def bus(self, y, cells):
        """Cells (kind, text), one a clock, or None; equal neighbours that wait or stay become one."""
        clock = 0
        while clock < len(cells):
            count = 1
            if cells[clock]:
                while cells[clock][0] != "taken" and cells[clock:clock + count + 1].count(cells[clock]) == count + 1:
                    count += 1
                self.cell(y, clock, count, *cells[clock])
            clock += count

    def span(self, y, first, last, words):
        """An arrow from one edge of the clock to another."""
        x0, x1 = LEFT + first * CELL, LEFT + last * CELL
        self.parts.append(f'  <path class="wire" d="M{x0} {y - 4} v8 M{x0} {y} H{x1 - 7} M{x1} {y - 4} v8"/>')
        self.parts.append(f'  <polygon class="tip" points="{x1},{y} {x1 - 7},{y - 4} {x1 - 7},{y + 4}"/>')
        self.text((x0 + x1) / 2, y - 5, words, "soft small middle")

    def legend(self, kinds):
        x, y = LEFT, self.height + 34
        for kind, words in kinds:
            self.parts.append(f'  <rect class="{kind}" x="{x}" y="{y}" width="22" height="14" rx="3"/>')
            self.text(x + 28, y + 11.5, words, "soft small")
            x += 50 + 6.6 * len(words)


LEGEND = (("taken", "moves at the edge that ends the clock"), ("waits", "offered, and waits"), ("inside", "inside the unit"),
          ("none", "anything: not valid"))


def cells_of(row, values):
    """What a bus shows in each clock: its kind, and its value as a text."""
    valid, *ready = row.handshake
    cells = []
    for clock in range(len(values[valid])):
        if values[valid][clock] != "1":
            cells.append(("none", ""))
            continue
        kind = "inside" if not ready else "taken" if values[ready[0]][clock] == "1" else "waits"
        bits = {name: int(all_clocks[clock], 2) for name, all_clocks in values.items() if set(all_clocks[clock]) <= {"0", "1"}}
        cells.append((kind, row.text(bits)))
    return cells


def signed(value, width):
    return value - (1 << width) if value >> (width - 1) else value


def accumulated(bits):
    """The sum as a number: the accumulator counts units of 2^-20 / 49. It says nothing after a NaN scale."""
    return "NaN" if bits["sum_nan"] else f"{float(Fraction(signed(bits['sum'], 64), 49 << 20)):g}"


def operand_rows(valid="valid_i", ready="ready_o"):
    shake = (valid, ready)
    return [Row("a_scale_i", text=lambda v: scale_text(v["a_scale_i"]), handshake=shake),
            Row("a_codes_i", text=lambda v: codes_text(v["a_codes_i"], v["a_scale_i"]), handshake=shake),
            Row("w_scale_i", text=lambda v: scale_text(v["w_scale_i"]), handshake=shake),
            Row("w_codes_i", text=lambda v: codes_text(v["w_codes_i"], v["w_scale_i"]), handshake=shake)]


def bit_rows(*names, handshake=()):
    return [Row(name, name, handshake=handshake) for name in names]


RESULT = Row("result_o", text=lambda v: fp32_text(v["result_o"]), handshake=("valid_o", "ready_i"))
FLAGS = bit_rows("nan_o", "overflow_o", handshake=("valid_o", "ready_i"))
ACCUMULATOR = Row("accumulator", text=accumulated, handshake=("holds a sum",))
STAGES = [Row("stage 1", "gen_stage[0].gen_handshake.u_stage.valid_o"),
          Row("stage 2", "gen_stage[1].gen_handshake.u_stage.valid_o"), Row("stage 3", "done"),
          Row("stage 4", "gen_pipelined.u_fp32.gen_stage[0].u_stage.valid_o"),
          Row("stage 5", "gen_pipelined.u_fp32.gen_stage[1].u_stage.valid_o")]


@dataclass
class Scenario:
    """A picture: its file, its title, what is simulated, and what is shown of it."""
    name: str
    title: str
    beats: list
    offers: str         # "1" for a clock in which the next beat, or the one that waits, may be offered
    takes: str          # "1" for a clock in which a result would be taken
    rows: list
    unit: str = UNIT
    operands: tuple = ("valid_i", "ready_o", "last_i")
    results: tuple = ("valid_o", "ready_i")


def scenarios():
    one_beat = [beat(ONE, code, ONE, 2, True) for code in range(1, 8)]
    stream = ("s_axis_tvalid", "s_axis_tready", "s_axis_tlast")
    stream_out = ("m_axis_tvalid", "m_axis_tready")
    return [
        Scenario("dot", "A dot product of three beats, and its result",
                 [beat(ONE, 7, ONE - 8, 3, False), beat(INT | ONE, 7, ONE + 4, 2, False), beat(INT | ONE + 8, 9, INT | ONE, 7, True)],
                 "111" + "0" * 8, "1" * 11,
                 [*bit_rows("valid_i", "ready_o", "last_i"), *operand_rows(), ACCUMULATOR, *bit_rows("valid_o", "ready_i"),
                  RESULT, *FLAGS]),
        Scenario("stall", "Results are not taken: the unit fills, waits, and goes on",
                 one_beat, "1" * 16, "0" * 8 + "1" * 8,
                 [*bit_rows("valid_i", "ready_o"), operand_rows()[1], *STAGES, *bit_rows("valid_o", "ready_i"), RESULT]),
        Scenario("nan", "A NaN scale: the flag goes with its own dot product, and no further",
                 [beat(ONE, 2, ONE, 4, False), beat(ONE, 2, NAN, 4, True), beat(ONE, 4, ONE, 4, False),
                  beat(ONE, 2, ONE, 12, True)],
                 "1111" + "0" * 8, "1" * 12,
                 [*bit_rows("valid_i", "last_i"), operand_rows()[1], operand_rows()[2], operand_rows()[3], ACCUMULATOR,
                  *bit_rows("valid_o", "ready_i"), RESULT, *FLAGS]),
        Scenario("axis", "AXI4-Stream: a dot product of two transfers, and a result that waits",
                 [beat(ONE, 7, ONE, 2, False), beat(ONE, 13, ONE, 2, True), beat(ONE, 2, ONE, 2, True)],
                 "111" + "0" * 12, "0" * 11 + "1" * 4,
                 [*bit_rows(*stream), Row("s_axis_tdata", text=transfer_text, handshake=stream[:2]),
                  *bit_rows("m_axis_tvalid", "m_axis_tready"),
                  Row("m_axis_tdata", text=lambda v: fp32_text(v["m_axis_tdata"]), handshake=stream_out),
                  Row("m_axis_tuser", text=lambda v: f"{v['m_axis_tuser']:02b}", handshake=stream_out),
                  *bit_rows("m_axis_tlast", handshake=stream_out)],
                 AXIS, stream, stream_out),
    ]


def transfer_text(bits):
    """A beat in TDATA whose scales are 1: the 16 products of its equal elements."""
    data = bits["s_axis_tdata"]
    sides = [codes_text(data >> low & (1 << 64) - 1, data >> low + 64 & 255) for low in (0, 72)]
    return "·".join(sides).replace("·16 × ", "·").replace(" × ", "·")


def drawn(scenario):
    """The SVG of a scenario."""
    values = simulated(scenario.unit, scenario.beats, scenario.offers, scenario.takes)
    if scenario.unit == UNIT:
        values["holds a sum"] = [str(int(first == "0" or done == "1"))
                                 for first, done in zip(values["gen_whole.u_acc.gen_gate.first_q"], values["done"])]
    picture = Waves(scenario.title, len(scenario.offers), len(scenario.rows) + 1)
    picture.name(TOP, "clk_i")
    picture.clock(TOP)
    kinds = set()
    for number, row in enumerate(scenario.rows, 1):
        y = TOP + number * ROW
        picture.name(y, row.label)
        if row.text is None:
            valid = values[row.handshake[0]] if row.handshake else "1" * picture.clocks
            picture.bit(y, [value if shown == "1" else "x" for value, shown in zip(values[row.signal], valid)])
        else:
            cells = cells_of(row, values)
            kinds.update(kind for kind, _ in cells)
            picture.bus(y, cells)
    valid, ready, last = (values[name] for name in scenario.operands)
    given, taken = (values[name] for name in scenario.results)
    taken_last = [clock for clock, bits in enumerate(zip(valid, ready, last)) if bits == ("1", "1", "1")]
    first_given = given.index("1")
    # From the edge that takes the first last beat to the first edge at which its result can be taken.
    picture.span(picture.height + 14, taken_last[0] + 1, first_given + 1, f"{first_given - taken_last[0]} clocks")
    picture.legend([entry for entry in LEGEND if entry[0] in kinds])
    return picture.svg()


def main():
    parser = argparse.ArgumentParser(description="draw rtl/waves/*.svg from simulations of the RTL")
    parser.add_argument("--check", action="store_true", help="compare the committed pictures, write nothing")
    arguments = parser.parse_args()
    status = 0
    for scenario in scenarios():
        path = FOLDER / f"{scenario.name}.svg"
        try:
            svg = drawn(scenario)
        except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
            print(f"draw_waves.py: {path.name}: {error}", file=sys.stderr)
            return 2
        if not arguments.check:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(svg)
        elif not path.exists() or path.read_text() != svg:
            print(f"rtl/waves/{path.name} is not what the RTL does; scripts/draw_waves.py draws it anew", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
