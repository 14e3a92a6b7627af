"""Made-up data for coverage.py, good and bad: `coverage.py --self-test` fails unless each is judged as it should be."""

import json
import tempfile
from pathlib import Path

import data
import parts

RTL = """\
module if4_mac (
  input  logic       clk_i,
  output logic [1:0] sum_o
);
  if (1) begin : gen_one
    logic carry;
    if4_part u_part (.a_i(80'(sum_o)));
  end
  logic [3:0] row0, row1;
  if4_part u_part (.a_i(sum_o));
endmodule
module if4_part (
  input logic [79:0] a_i
);
  always_ff @(posedge clk_i) begin
    if (a_i[0]) b_q <= 1'b1;
  end
endmodule
"""
POINTS = "axis a x y\naxis b one\ncross pair a b\ncross deep b @ iterative rigid\n"
TOGGLES = ["TOP.TOP sum_o 2 0 0", "TOP.if4_mac clk_i 1 0 0", "TOP.if4_mac sum_o 2 3 3",
           "TOP.if4_mac.gen_one carry 1 1 1", "TOP.if4_mac.u_part a_i 80 " + "F" * 20 + " " + "F" * 20]

# row0[0] and row1[2:1] change.
ROWS = ["TOP.if4_mac row0 4 1 1", "TOP.if4_mac row1 4 6 6", "TOP.if4_mac.u_part a_i 80 " + "F" * 20 + " " + "F" * 20]
# a_i[79] does not change in this instance.
PART = "TOP.if4_mac.gen_one[2].u_part a_i 80 7" + "F" * 19 + " 7" + "F" * 19


def line(count, name="if", number=16):
    keys = {"f": "rtl/if4_mac.sv", "l": number, "n": 5, "page": "v_branch/if4_part__W4", "o": name}
    return "C '" + "".join(f"\1{key}\2{value}" for key, value in keys.items()) + f"' {count}"


def case(name, expected, lines=(line(7),), toggles=TOGGLES, points=None, waivers="", files=True, kind="pipelined"):
    """`expected`: None to pass, else a part of what must be said."""
    return name, expected, lines, toggles, points or {"pair x one": 1, "pair y one": 2}, waivers, files, kind


def replaced(index, text):
    return [*TOGGLES[:index], text, *TOGGLES[index + 1:]]


CASES = [
    case("all covered", None),
    case("a branch not taken", "line if4_part else", lines=(line(7), line(0, "else"))),
    case("a branch not taken, explained", None, lines=(line(7), line(0, "else")),
         waivers="line if4_part else all if (a_i[0]) b_q <= 1'b1;\n  why\n"),
    case("a branch not taken, explained for any index", None, lines=(line(7), line(0, "else")),
         waivers="line if4_part else all if (a_i[*]) b_q <= 1'b1;\n  why\n"),
    case("a branch of another unit explained", "line if4_part else", lines=(line(7), line(0, "else")),
         waivers="builds other if4_mac_*\nline if4_part else other if (a_i[0]) b_q <= 1'b1;\n  why\n"),
    case("a branch that is taken, explained", "says that it cannot", lines=(line(7), line(1, "else")),
         waivers="line if4_part else all if (a_i[0]) b_q <= 1'b1;\n  why\n"),
    case("another source line explained", "line if4_part else", lines=(line(7), line(0, "else")),
         waivers="line if4_part else all if (a_i[1]) b_q <= 1'b1;\n  why\n"),
    case("a bit that only rose", "toggle if4_mac sum_o", toggles=replaced(2, "TOP.if4_mac sum_o 2 3 1")),
    case("a bit that only fell", "toggle if4_mac sum_o", toggles=replaced(2, "TOP.if4_mac sum_o 2 2 3")),
    case("a bit in a generate block", "toggle if4_mac gen_one.carry",
         toggles=replaced(3, "TOP.if4_mac.gen_one carry 1 0 0")),
    case("a constant", None, toggles=replaced(2, "TOP.if4_mac sum_o 2 1 1"),
         waivers="constant if4_mac sum_o[1] all\n  why\n"),
    case("a constant of another unit", "toggle if4_mac sum_o", toggles=replaced(2, "TOP.if4_mac sum_o 2 1 1"),
         waivers="builds other if4_mac_*\nconstant if4_mac sum_o[1] other\n  why\n"),
    case("a constant that changes", "calls it constant", toggles=replaced(2, "TOP.if4_mac sum_o 2 3 1"),
         waivers="constant if4_mac sum_o[1] all\n  why\n"),
    case("a bit explained", None, toggles=replaced(4, "TOP.if4_mac.u_part a_i 80 " + "F" * 20 + " 7" + "F" * 19),
         waivers="toggle if4_part/u_part a_i[79] all\n  why\n"),
    case("too many bits explained", "less than 98 %",
         toggles=replaced(4, "TOP.if4_mac.u_part a_i 80 " + "F" * 20 + " 0" + "F" * 19),
         waivers="toggle if4_part a_i[79:76] all\n  why\n"),
    case("a bit by a value of its unit", None, toggles=replaced(2, "TOP.if4_mac sum_o 2 1 1"),
         waivers="value D 3 if4_mac*\nconstant if4_mac sum_o[31:D-2] all\n  why\n"),
    case("a bit below the value of its unit", "toggle if4_mac sum_o", toggles=replaced(2, "TOP.if4_mac sum_o 2 1 1"),
         waivers="value D 3 if4_mac*\nconstant if4_mac sum_o[31:D-1] all\n  why\n"),
    case("a value of other units", "toggle if4_mac sum_o", toggles=replaced(2, "TOP.if4_mac sum_o 2 1 1"),
         waivers="value D 3 if4_mac_*\nconstant if4_mac sum_o[31:D-2] all\n  why\n"),
    case("bits by the number in a signal's name", None, toggles=[*TOGGLES[:4], *ROWS],
         waivers="value D 1 if4_mac\nconstant if4_mac row{J=0..1}[31:D+2*J] all\n  why\n"
                 "constant if4_mac row{J=1..3}[2*J-2:0] all\n  why\n"),
    case("a number out of its range", "toggle if4_mac row1", toggles=[*TOGGLES[:4], *ROWS],
         waivers="constant if4_mac row{J=0..0}[31:1] all\n  why\n"),
    case("bits of one of two signals", None, toggles=[*TOGGLES[:4], *ROWS],
         waivers="constant if4_mac {row0|none}[3:1] all\n  why\nconstant if4_mac {none|row1}[0] all\n  why\n"
                 "constant if4_mac {row0|row1}[3] all\n  why\n"),
    case("bits of neither signal", "toggle if4_mac row0", toggles=[*TOGGLES[:4], *ROWS],
         waivers="constant if4_mac {row|row01}[3:1] all\n  why\nconstant if4_mac row1 all\n  why\n"),
    case("a bit of the instance at the end of a path", None, toggles=[*TOGGLES, PART],
         waivers="constant if4_part/gen_one[{P=1..2}].u_part a_i[79] all\n  why\n"),
    case("a bit of an instance with another index", "toggle if4_part a_i[79]", toggles=[*TOGGLES, PART],
         waivers="constant if4_part/gen_one[{P=1..1}].u_part a_i[79] all\n  why\n"),
    case("a constant of one instance that changes in it", "u_part a_i[78] changes", toggles=[*TOGGLES, PART],
         waivers="constant if4_part/gen_one[2].u_part a_i[79:78] all\n  why\n"),
    case("no such value", "no value is called E", waivers="constant if4_mac sum_o[E:0] all\n  why\n"),
    case("two values", "two values", waivers="value D 3 if4_mac\nvalue D 4 if4*\n"),
    case("no bit", "not the number of a bit", waivers="constant if4_mac sum_o[1+] all\n  why\n"),
    case("nothing left to explain", "no hole matches", waivers="toggle if4_part a_i[79] all\n  why\n"),
    case("a point not seen", "point never seen: pair y one", points={"pair x one": 1}),
    case("a point counted 0 times", "point never seen: pair y one", points={"pair x one": 1, "pair y one": 0}),
    case("a point not listed", "not listed", points={"pair x one": 1, "pair y one": 2, "deep one": 1}),
    case("a point of the second of two kinds, not seen", "point never seen: deep one", kind="rigid"),
    case("a point of two kinds", None, kind="rigid", points={"pair x one": 1, "pair y one": 2, "deep one": 1}),
    case("no kind of unit", "'flexible' is no kind of unit", kind="flexible"),
    case("no toggles", "not one toggle", toggles=TOGGLES[:2]),
    case("no lines", "not one line", lines=()),
    case("no files", "no counts", files=False),
    case("broken counts", "not a line of Verilator's counts", lines=("C 'x' 1",)),
    case("broken toggles", "not a line of toggles", toggles=["TOP.if4_mac sum_o 2 3"]),
    case("an unknown signal", "no declaration", toggles=[*TOGGLES, "TOP.if4_mac other 1 1 1"]),
    case("no reason", "without a reason", waivers="toggle if4_part a_i[79] all\n"),
    case("no waiver", "not a waiver", waivers="toggle if4_part\n  why\n"),
]


def judge(root, lines, toggles, points, waivers, files, kind):
    (root / "rtl").mkdir()
    (root / "data").mkdir()
    (root / "rtl/if4_mac.f").write_text("// files\nif4_mac.sv\n")
    (root / "rtl/if4_mac.sv").write_text(RTL)
    (root / "points.txt").write_text(POINTS)
    # Two files are as one: the first half of the lines names groups that the second half's waivers use.
    half = waivers.find("\nconstant") + 1
    (root / "waivers.txt").write_text(waivers[:half])
    (root / "more.txt").write_text(waivers[half:])
    if files:
        (root / "data/if4_mac.0.dat").write_text("# counts\n" + "".join(f"{text}\n" for text in lines))
        (root / "data/if4_mac.0.toggles").write_text("".join(f"{text}\n" for text in toggles))
        (root / "data/points.json").write_text(json.dumps({"if4_mac": {"kind": kind, "points": points}}))
        (root / "data/build.json").write_text(json.dumps({"build": "1", "run": "a", "files": 2}))
    try:
        waivers_paths = [root / "waivers.txt", root / "more.txt"]
        return data.judge(parts.read(root / "data"), root, root / "points.txt", waivers_paths).failures()
    except ValueError as error:
        return [str(error)]


def run():
    wrong = 0
    for name, expected, *data in CASES:
        with tempfile.TemporaryDirectory() as folder:
            said = judge(Path(folder), *data)
        if (said != []) if expected is None else not any(expected in text for text in said):
            wrong += 1
            print(f"coverage.py, self-test '{name}': expected {expected or 'nothing'}, got {said}")
    print(f"coverage.py, self-test: {len(CASES)} cases, {wrong} wrong")
    return 1 if wrong else 0
