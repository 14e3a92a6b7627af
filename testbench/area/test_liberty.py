#!/usr/bin/env python3
"""Tests of what `make area` reads: Liberty files as users have them, good and bad ones, each made of tiny.lib."""

import gzip
import re
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "area"))
sys.dont_write_bytecode = True

import functions  # noqa: E402
from liberty import LibertyError  # noqa: E402
from tables import read_library  # noqa: E402

TINY = (ROOT / "testbench/data/liberty/tiny.lib").read_text()


def cell_text(name):
    return re.search(rf"^  cell \({name}\).*?^  }}\n", TINY, re.MULTILINE | re.DOTALL).group()


def changed(old, new, count=-1):
    assert old in TINY, old
    return TINY.replace(old, new, count)


def line_of(text, what):
    return text[:text.index(what)].count("\n") + 1


class LibraryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def put(self, content, name="cells.lib"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, content=TINY, name="cells.lib"):
        return read_library(self.put(content, name))

    def assert_refused(self, files, message, line=None):
        """`files`: a text, or what LIBERTY= is."""
        liberty = self.put(files) if isinstance(files, bytes) or "\n" in files or not files else files
        with self.assertRaisesRegex(LibertyError, message) as caught:
            read_library(liberty)
        text = str(caught.exception)
        self.assertNotIn("\n", text)
        self.assertIn(str(self.folder), text)
        if line:
            self.assertIn(f":{line}: ", text)


class Forms(LibraryTest):
    def assert_same(self, content, name="cells.lib"):
        self.assertEqual(self.read(content, name).text, self.read().text)

    def test_the_same_in_other_forms(self):
        self.assert_same(TINY.replace("\n", "\r\n"))
        self.assert_same("\ufeff// { a comment\n/* library (no) { */" + TINY)
        self.assert_same(re.sub(r"\b(cell|pin) \((\w+)\)", r'\1 ("\2")', TINY))
        self.assert_same(re.sub(r"(area : \S+);", r"\1", TINY))                           # no ';' at the end of a line
        self.assert_same(re.sub(r"(index_1 \([^)]*\));", r"\1", TINY))                    # none after a list
        self.assert_same(re.sub(r"capacitance : ([\d.]+); }", r"capacitance : \1 }", TINY))  # none before a '}'
        self.assert_same(TINY.replace("}\n", "};\n").replace(";", ";;"))
        self.assert_same(re.sub(r'values \("([^"]*)", "([^"]*)"\)', r'values ( \\ \n "\1", \\\n"\2" )', TINY))
        self.assert_same(TINY.replace("    }\n", "    }\n    leakage_power () { value : x; }\n").replace(
            "  cell (INV) {", "  cell (INV)\n  {"))

    def test_functions_without_quotes(self):
        self.assert_same(TINY.replace('"!RN"', "!RN ").replace('"!(A*B)"', "!(A * B)"))
        self.assert_same(TINY.replace('"!(A+B)"', "!( A +\n B )"))

    def test_gzip_by_its_content(self):
        for name in ("cells.lib", "cells.lib.gz", "cells"):
            self.assert_same(gzip.compress(TINY.encode()), name)

    def test_damaged_gzip(self):
        packed = gzip.compress(TINY.encode())
        for damaged in (packed[:-20], packed[:40], packed[:100] + b"\0\0\0\0" + packed[104:], packed[:3]):
            self.assert_refused(damaged, "damaged gzip")

    def test_include(self):
        self.put(cell_text("XOR2"), "xor.lib")
        self.assert_same(changed(cell_text("XOR2"), 'include_file ("xor.lib");\n'))
        self.put('include_file ("cells.lib");\n', "xor.lib")
        self.assert_refused(changed(cell_text("XOR2"), 'include_file ("xor.lib");\n'), "includes itself")
        self.assert_refused(changed(cell_text("XOR2"), 'include_file ("none.lib");\n'), "none.lib: cannot read")

    def test_other_forms_of_functions(self):
        table = {(a, b): not (a and b) for a in (False, True) for b in (False, True)}
        for function in ("(A B)'", "(!A)|(!B)", "!(A & B)", "A'+B'", "1 ^ (A*B)", "!((A)(B))", "(A ^ B) | (A' B')"):
            tree = functions.parse(function)
            for form in (tree, functions.parse(functions.to_liberty(tree))):
                self.assertEqual({(a, b): functions.evaluate(form, {"A": a, "B": b}) for a, b in table}, table,
                                 function)
            self.assertEqual(self.read(changed("!(A*B)", function)).nand2().name, "NAND2")

    def test_functions(self):
        for function, expected in (("A B+C", "((A & B) | C)"), ("!(A*B')", "(~(A & (~B)))"),
                                   ("A^B C", "((A ^ B) & C)"), ("((S A) + (!S B))", "((S & A) | ((~S) & B))")):
            self.assertEqual(functions.to_verilog(functions.parse(function)), expected)
        for function in ("", "A+", "(A", "A)", "A $ B", "(" * 5000 + "A", "!" * 5000 + "A"):
            with self.assertRaises(ValueError):
                functions.parse(function)


class Cells(LibraryTest):
    def unused(self, extra):
        """The reasons of those cells that the flow leaves alone."""
        library = self.read(TINY.rstrip().removesuffix("}") + extra + "}\n")
        self.assertEqual({cell.name for cell in library.used}, {"INV", "BUF", "NAND2", "NOR2", "XOR2", "DFF", "DFFR"})
        for cell in library.cells.values():
            self.assertEqual(f"cell ({cell.name})" in library.text, cell.unused is None)
        self.assertTrue(any("Not used" in remark for remark in library.remarks))
        return {cell.name: cell.unused for cell in library.cells.values() if cell.unused}

    def test_what_is_not_used(self):
        better = cell_text("NAND2").replace("NAND2", "BAD").replace("area : 1.5", "area : 0.01")
        for mark in ("true", '"true"', "TRUE"):
            self.assertEqual(self.unused(better.replace("area", f"dont_use : {mark}; area")), {"BAD": "dont_use"})
        flip_flop = cell_text("DFFR").replace("DFFR", "BAD").replace("area : 7", "area : 1")
        for old, new, reason in (
                ('"D"', '"(SE*SI)+(!SE*D)"', "scan"), ("ff (IQ, IQN)", "ff_bank (IQ, IQN, 2)", "bank of flip-flops"),
                ("ff (IQ, IQN) { next_state", "latch (IQ, IQN) { data_in", "latch"),
                ("IQ\"", "IQ*RN\"", "plain output")):
            text = flip_flop.replace(old, new)
            if "SE" in new:
                scan = "pin (SE) { direction : input; } pin (SI) { direction : input; }"
                text = text.replace("pin (RN)", f"{scan} pin (RN)")
            self.assertIn(reason, self.unused(text)["BAD"])
        for old, new, reason in (("area : 0.01;", "", "without an area"),
                                 ("function", "three_state : A; function", "can be off"),
                                 ("area : 0.01;", "area : 1; pad_cell : true;", "pads"),
                                 ("pin (B) {", "bus (B) {", "buses"),
                                 ("cell_rise", "no_rise", "without tables"), ('"B"', '"A"', "delays from each input")):
            text = better.replace(old, new)
            self.assertIn(reason, self.unused(text)["BAD"])

    def test_a_library_need_not_have(self):
        self.assertIsNone(self.read(changed(cell_text("NAND2"), "")).nand2())
        self.assertEqual(self.read(re.sub(r"max_capacitance : \S+", "", TINY)).driving_cell().name, "BUF")
        self.assertTrue(self.read(changed(cell_text("DFF"), "")).cells["DFFR"].resettable)

    def test_what_is_needed_is_named(self):
        for cells, message in ((["INV"], "no inverter"), (["BUF"], "no buffer"), (["NAND2", "NOR2"], "NAND or NOR"),
                               (["DFFR"], "no flip-flop with an asynchronous reset"),
                               (["DFF", "DFFR"], "no flip-flop")):
            text = TINY
            for name in cells:
                text = text.replace(cell_text(name), "")
            self.assert_refused(text, message, line_of(text, "library (tiny)"))
            text = TINY
            for name in cells:
                text = text.replace(cell_text(name), cell_text(name).replace("area : ", "was : "))
            self.assert_refused(text, f"{message}.*not used, cell without an area: {cells[0]}|no flip-flop.*DFF",
                                line_of(text, f"cell ({cells[0]})"))

    def test_setup_times_that_no_tool_reads_are_told(self):
        self.assertFalse([remark for remark in self.read().remarks if "setup" in remark])
        library = self.read(changed("constrained_pin_transition", "input_net_transition"))
        self.assertIn("No setup time that can be read: DFF, DFFR.", " ".join(library.remarks))


class Units(LibraryTest):
    def test_units(self):
        for time in ("1ps", "10ps", "100ps", "1ns", "1 NS"):
            self.assertIn(f'time_unit : "{time.lower().replace(" ", "")}";',
                          self.read(changed('"1ns"', f'"{time}"')).text)
        for load, written in (("1, pf", "1000, ff"), ("1,ff", "1, ff"), ("1000, fF", "1000, ff"),
                              ("0.1,\"pf\"", "100, ff")):
            self.assertIn(f"capacitive_load_unit ({written});", self.read(changed("1, pf", load)).text)

    def test_no_units(self):
        library = self.read(re.sub(r".*(time|load)_unit.*\n", "", TINY))
        self.assertEqual(library.text, self.read().text)
        self.assertIn("time_unit 1ns, capacitive_load_unit (1, pf)", " ".join(library.remarks))

    def test_bad_units(self):
        for old, new in (('"1ns"', '"1s"'), ('"1ns"', '"3ps"'), ("1, pf", "0, pf"), ("1, pf", "pf"),
                         ("1, pf", "1, nf")):
            text = changed(old, new)
            self.assert_refused(text, "_unit is", line_of(text, new))

    def test_small_areas_are_told_apart(self):
        library = self.read(re.sub(r"area : (\S+);", lambda area: f"area : {float(area.group(1)) / 1000};", TINY))
        self.assertEqual(library.area_scale, 1000)
        self.assertEqual(library.nand2().area, 0.0015)
        self.assertEqual(library.text, self.read().text)


class Files(LibraryTest):
    def halves(self):
        logic = self.put(TINY.replace(cell_text("DFF"), "").replace(cell_text("DFFR"), ""), "logic.lib")
        flops = TINY
        for name in ("INV", "BUF", "NAND2", "NOR2", "XOR2"):
            flops = flops.replace(cell_text(name), "")
        return logic, flops.replace("library (tiny)", "library (flops)")

    def test_cells_in_several_files(self):
        logic, flops = self.halves()
        library = read_library(f"{logic} {self.put(gzip.compress(flops.encode()), 'flops.lib.gz')}")
        self.assertEqual(library.name, "tiny+flops")
        self.assertEqual([cell.name for cell in library.used], [cell.name for cell in self.read().used])
        body = re.compile(r"values.*")
        self.assertEqual(body.findall(library.text), body.findall(self.read().text))

    def test_a_template_of_each_file(self):
        logic, flops = self.halves()
        flops = flops.replace('index_1 ("0, 1"); index_2 ("0, 0.1")', 'index_1 ("0, 2"); index_2 ("0, 0.3")')
        text = read_library(f"{logic} {self.put(flops, 'flops.lib')}").text
        self.assertIn('index_1 ("0, 2"); index_2 ("0, 0.3");', text)
        self.assertIn('index_1 ("0, 1"); index_2 ("0, 0.1");', text)

    def test_a_name_with_blanks(self):
        self.assertEqual(read_library(self.put(TINY, "my cells.lib")).text, self.read().text)

    def test_files_that_do_not_agree(self):
        logic, flops = self.halves()
        for old, new, message in (('"1ns"', '"1ps"', "time_unit is 1ps, but 1ns at"), ("1, pf", "1, ff", "load_unit"),
                                  ("delay_model", "nom_voltage : 1.1; delay_model",
                                   "nom_voltage is 1.1, but not given"),
                                  ("DFFR", "INV", rf"cell INV is also at {re.escape(str(logic))}:\d+")):
            path = self.put(flops.replace(old, new), "flops.lib")
            self.assert_refused(f"{logic} {path}", message)
        self.assert_refused(f"{logic} {logic}", "is also at")
        self.assert_refused(" ".join([str(logic)] * 500), "is also at")
        self.assert_refused(f"{logic} {self.folder}/none.lib", "none.lib: cannot read: No such file")
        self.assert_refused(str(self.folder), "Is a directory")


class BadFiles(LibraryTest):
    def test_what_is_no_library(self):
        for content, message in (("hello\n", "not a Liberty file"), ("module x;\n endmodule\n", "not a Liberty file"),
                                 ("", "empty"), (b"\n \n", "empty"), (b"PK\x03\x04zip", "zip archive"),
                                 (b"7z\xbc\xaf\x27\x1c", "7-Zip"), (TINY.encode("utf-16"), "16-bit"),
                                 (TINY * 2, "2 groups"),
                                 ("cell (a) {\n}\n", "no groups"), (bytes(range(256)), "not a Liberty file"),
                                 ("library (a) {\n}\n", "no inverter")):
            self.assert_refused(content, message)

    def test_cut_files(self):
        for size in range(1, len(TINY.rstrip()), 97):
            with self.assertRaises(LibertyError) as caught:
                self.read(TINY[:size])
            self.assertNotIn("\n", str(caught.exception))

    def test_bad_words(self):
        values = '"0.018, 0.054", "0.027, 0.072"'
        for old, new, message in (
                ("area : 1;", "area : 1um2;", "area is not a number: '1um2'"),
                ("area : 1;", "area : nan;", "not a number"),
                ("area : 1;", "area : -1;", "area of INV is -1"),
                ("capacitance : 0.004", "capacitance : x", "capacitance is not"),
                ('"!A"', '"!A+"', "function '!A\\+' of Y of INV cannot be read"),
                ('"!A"', '"!Z"', "names Z, which is no pin"),
                ('"!A"', '"!A" junk', "';' is missing after function"), ('"D"', '"Q9"', "names Q9"),
                ("area : 1;", "area : 1 footprint : x;", "';' is missing after area"),
                ("area : 1;", "area : ;", "no value"),
                ("area : 1;", "area 1;", "neither an attribute nor a group: 'area'"),
                ("cell (BUF)", "cell (BUF", "'\\)' is missing"),
                ("cell (INV) {", "cell {", "a group without a name"), ("cell (INV)", "cell ()", "a cell has no name"),
                (values, '"0.018, x", "1, 2"', "not a list of numbers"),
                (values, '"0.018, 0.054"', "has 2 values, not 4"),
                ("cell_rise (delay)", "cell_rise (no)", "uses a template no that"),
                ('"0, 1"', '"1, 0"', "does not rise"),
                ("total_output_net_capacitance", "moon", "depends on moon"),
                ('related_pin : "A"', 'related_pin : "Z"', "to Z"),
                ("capacitance : 0.002", "capacitance : 2", "input A of INV is 2, more than any cell may drive"),
                ("capacitance : 0.002", "capacitance : 0", "input A of INV is 0"),
                ("(IQ, IQN)", "(IQ, 5)", "not of two names"),
                (": rising_edge", ": rising_ledge", "timing_type is 'rising_ledge'"),
                ("table_lookup", "polynomial", "delay_model 'polynomial'"),
                ('clocked_on : "CK";', "", "has no clocked_on")):
            self.assert_refused(changed(old, new, 1), message)
            text = changed(old, new, 1)
            near = line_of(text, new) if new else line_of(text, "ff (IQ")
            with self.assertRaises(LibertyError) as caught:
                self.read(text)
            named = int(re.search(r"cells\.lib:(\d+)", str(caught.exception)).group(1))
            self.assertLessEqual(abs(named - near), 2, str(caught.exception))

    def test_brackets_and_quotes(self):
        for text, message in ((TINY + "}\n", "'}' too many"),
                              (TINY.rstrip()[:-1] + "\n", "ends within library\\(tiny\\)"),
                              (TINY.replace('"!A"', '"!A', 1), "."), (TINY + "/* no end\n", "comment without an end"),
                              ("".join(f"x{i} (y) {{\n" for i in range(3000)), "too many groups"),
                              (TINY.replace("    }\n  }\n", "    }\n", 1) + "}\n",
                               "a cell within a cell: a '}' is missing")):
            self.assert_refused(text, message)


if __name__ == "__main__":
    unittest.main()
