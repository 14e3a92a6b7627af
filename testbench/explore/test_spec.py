#!/usr/bin/env python3
"""What a spec may say: every axis is set, every value is one, and what is not is one line with file, line and key."""

import unittest
from pathlib import Path

import explore_testing as testing
from expressions import Condition, ExpressionError, Unknown

NAMES, WORDS = {"area_mm2", "rows", "format", "network", "snake"}, {"if4", "nvfp4", "vit_b_16"}


class ConditionTest(unittest.TestCase):
    def test_conditions(self):
        values = {"area_mm2": 4.5, "rows": 8, "format": "if4", "network": "vit_b_16", "snake": False}
        for text, holds in (("area_mm2 <= 5", True), ("area_mm2 < 4.5", False), ("format == if4 and rows >= 8", True),
                            ("format == 'nvfp4' or rows * 2 == 16", True), ("not format == if4", False), ("4 <= rows < 8", False),
                            ("format in (if4, nvfp4)", True), ("rows not in (8, 16)", False), ("snake == false", True),
                            ("-rows + 10 == 2", True), ("(format != if4) == (rows == 8)", False)):
            self.assertEqual(Condition(text, NAMES, WORDS).holds(values), holds, text)

    def test_what_is_none(self):
        for text, said in (("area_mm2 <=", "no condition"), ("area <= 5", "'area'"), ("rows", "compares nothing"), ("format == 'if5'", "'if5'"),
                           ("__import__('os')", "only comparisons"), ("rows if rows else 1", "only comparisons"), ("rows == [x for x in y]", "only"),
                           ("rows ** 9 > 1", "only comparisons"), ("area_mm2 <= 5; 1", "no condition"), ("(" * 500, "no condition")):
            with self.assertRaisesRegex(ExpressionError, said):
                Condition(text, NAMES, WORDS)
        for text, said in (("format < 5", "'if4' is no number"), ("rows / 0 > 1", "zero"), ("rows in 8", "parentheses")):
            with self.assertRaisesRegex(ExpressionError, said):
                Condition(text, NAMES, WORDS).holds({"format": "if4", "rows": 8})

    def test_a_metric_that_is_not_there_is_unknown(self):
        for values in ({}, {"area_mm2": None}):
            with self.assertRaises(Unknown):
                Condition("area_mm2 <= 5", NAMES, WORDS).holds(values)


class SpecTest(testing.ExploreTest):
    def refused(self, text, said, environment=None):
        """The spec ends the program with 2 and one line, which says where."""
        path = self.folder / "spec.toml"
        path.write_text(text)
        code, out, error = self.explore("run", spec=path, environment=environment)
        self.assertEqual((code, error.count("\n")), (2, 1), error)
        self.assertIn(said, error)
        self.assertRegex(error, r"^explore: \S+\.toml")
        self.assertFalse(self.out.exists() and any(self.out.iterdir()))

    def line(self, text, key):
        return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(key))

    def test_values_and_axes(self):
        for changes, key, said in (
                ({"rows": [300]}, "rows", "axes.rows: '300' is not a whole number from 1 to 256"), ({"rows": None}, "[axes]", "not set: rows;"),
                ({"dram_gbytes": None}, "[axes]", "not set: dram_bandwidth (or dram_gbytes);"), ({"dram_bandwidth": 64}, "dram_gbytes", "contradicts dram_bandwidth"),
                ({"depth": [2]}, "depth", "'2' is not 0 or 1"), ({"width": [2]}, "width", "there is no such axis"), ({"format": ["if5"]}, "format", "'if5'"), ({"rows": []}, "rows", "has no value"),
                ({"rows": [8, 8]}, "rows", "has 8 twice"), ({"snake": 1}, "snake", "1 is not true or false"), ({"rows": True}, "rows", "true is no value"),
                ({"rule": "best"}, "rule", "best is none of mse"), ({"search": "true"}, "search", "none of false, true"), ({"dram_gbytes": -1}, "dram_gbytes", "no number of GB/s"),
                ({"lanes": [17]}, "lanes", "17"), ({"acts_buffer": "much"}, "acts_buffer", "much"), ({"clock": 100}, "clock", "there is no such axis"),
                ({"network": ["nothing"]}, "network", "no table [network.nothing]"), ({"liberty": ["nothing"]}, "liberty", "no table [liberty.nothing]")):
            text = testing.spec_text(**changes)
            self.refused(text, f"spec.toml:{self.line(text, key)}: axes")
            self.refused(text, said)

    def test_tables_and_files(self):
        here = self.folder / "none.csv"
        for more, said in (
                ('[network.own]\ntopology = "none.csv"\nitems = 1\nitem = "token"', "there is no "), ('[network.own]\ntopology = "none.csv"', "items is not set"),
                ('[network.own]\nmodel = "x"\nphase = "train"\nbatch = 1', "'train' is neither"), ('[network.own]\nmodel = "x"\nphase = "decode"\nbatch = 1', "context is not set"),
                ('[network.own]\nmodel = "x"\nphase = "decode"\nbatch = 0\ncontext = 5', "0 is not above 0"),
                (f'[network.own]\ntopology = "{here}"\nitems = 1\nitem = "token"\nsize = 3', "no such key")):
            here.write_text("a, 1, 1, 16\n")
            self.refused(testing.spec_text(network=["own"], more=more), said)
        for files, said in (("/nowhere/cells.lib", "there is no file /nowhere/cells.lib"), ("${NOWHERE_LIB}", "the environment has no NOWHERE_LIB")):
            self.refused(testing.spec_text(liberty=["own"], more=f'[liberty.own]\nfiles = "{files}"\num2 = 1.0\nfeature_nm = 180'), said)
        tables = []
        for name in "ab":
            (self.folder / name).mkdir()
            (self.folder / name / "cells.lib").write_text(f"library ({name}) {{\n}}\n")
            tables.append(f'[liberty.{name}]\nfiles = "{self.folder / name}/cells.lib"\num2 = 1.0\nfeature_nm = 180')
        self.refused(testing.spec_text(liberty=["a", "b"], more="\n".join(tables)), "have files of one name, cells.lib")
        self.refused(testing.spec_text(liberty=["own"], more='[liberty.own]\nfiles = "x"\nfeature_nm = 180'), "um2 is not set")

    def test_the_rest_of_the_file(self):
        text = testing.spec_text()
        self.refused(text.replace("[axes]", "[axes", 1), "spec.toml:3: ")
        self.refused(text.replace("memory = ", "memories = "), "spec.toml:1: memories: there is no such key")
        self.refused(text.replace("memory.toml", "none.toml"), "none.toml: No such file")
        self.refused(text.replace("require = []", "require = 5"), "require: is not set")
        self.refused(testing.spec_text(require=["rows <= sizes"]), "called 'sizes'")
        self.refused(testing.spec_text(require=["rows > 8"]), "leave no point")
        self.refused(text.split("[accuracy]")[0], "there is no table [accuracy]")
        self.refused(text.replace("testbench/data/use_lite_ffn.safetensors:embedding", "nowhere:x"), "accuracy.acts: there is no file")
        self.refused("", "there is no table [axes]")
        for more, said in (('network = "x"', "sentences is not set"), ('sentences = "x"', "network is not set"), ('network = 3\nsentences = "x"', "3 is no text"),
                           ('network = "x"\nsentences = "nowhere"', "accuracy.sentences: there is no file"), ('networks = "x"', "accuracy.networks: there is no such key")):
            self.refused(testing.spec_text(more=more), said)

    def test_the_specs_that_come_with_the_project(self):
        for name in ("default.toml", "ihp.toml"):
            path = testing.ROOT / "scripts" / "explore" / name
            code, out, error = self.explore("plan", spec=path, environment={"IHP_LIBERTY": str(Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib"))})
            self.assertEqual(code, 0, error)
            self.assertGreaterEqual(int(out.split()[1]), 100, name)


if __name__ == "__main__":
    unittest.main()
