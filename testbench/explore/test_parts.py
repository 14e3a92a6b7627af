#!/usr/bin/env python3
"""What a wrong number of `make explore` would come from without a word: an axis that a step does not hear of, a file that is
not in its key, a front of what is worse, a unit. Nothing is synthesized, and nothing runs but the options of the program.
"""

import contextlib
import io
import itertools
import re
import unittest
from types import SimpleNamespace
from unittest import mock

import explore_testing as testing  # first: it says where the others are
import best
import fronts
import metrics
import spec as specs
import steps

CONTEXT = steps.Context(testing.PROGRAM)
# The program that counts transitions need not be there: nothing counts any.
steps.COUNTER = testing.ROOT / "testbench" / "energy" / "activity.cpp"
ALL = {"synthesis", "energy", "cycles", "accuracy", "network"}
NETLIST, CYCLES, ENCODER = {"synthesis", "energy"}, {"cycles"}, {"network"}

# Another value of each axis than that of the spec, and the steps that must hear of it. What a step gives for all values at once
# is no matter of its key: formats and the search in `if4 compare`, the size of an array in the energy of its parts.
OTHER = {
    "format": ("nvfp4", NETLIST | CYCLES | ENCODER), "lanes": (32, NETLIST | CYCLES), "acc_width": (70, NETLIST | CYCLES),
    "shared_output": (True, {"synthesis"} | CYCLES), "depth": (1, NETLIST | CYCLES), "rows": (2, {"synthesis"} | CYCLES),
    "columns": (2, {"synthesis"} | CYCLES), "liberty": ("osu035", NETLIST), "network": ("bert_base_512", CYCLES),
    "rule": ("mae", {"accuracy"} | ENCODER), "search": (True, ENCODER), "rht": (True, {"accuracy"} | ENCODER),
    "scales_2d": (True, {"accuracy"} | ENCODER), "acts_buffer": ("2M", CYCLES), "weights_buffer": ("2M", CYCLES),
    "output_buffer": ("128K", CYCLES), "acts_banks": (2, CYCLES), "weights_banks": (2, CYCLES), "dram_gbytes": (51.2, CYCLES),
    "dram_latency": (50, CYCLES), "dram_burst": (32, CYCLES), "ideal_memory": (True, CYCLES), "order": ("nm", CYCLES),
    "snake": (True, CYCLES), "overlap": (False, CYCLES)}


class Parts(testing.ExploreTest):
    def point_of(self, text):
        """(spec, its first point)"""
        path = self.folder / "spec.toml"
        path.write_text(text)
        spec = specs.read(path, CONTEXT.axes)
        return spec, spec.points[0]

    def steps_of(self, text):
        """{kind: step} of the first point of a spec, at a clock of 100 MHz."""
        return self.steps_at(*self.point_of(text))

    def steps_at(self, spec, point):
        made = [CONTEXT.synthesis(spec, point), CONTEXT.energy(spec, point), CONTEXT.cycles(spec, point, 100.0),
                CONTEXT.accuracy(spec, point), CONTEXT.network(spec, point)]
        return {step.kind: step for step in made if step}

    def text(self, more="", **changes):
        one = {"format": "if4", "rows": 4, "network": "vit_b_16", **changes}
        return testing.spec_text(more="\n".join((testing.network_text(), more)), **one)


class AxesTest(Parts):
    def test_every_axis_is_known_here(self):
        self.assertEqual(set(OTHER), {*CONTEXT.axes.names, "dram_gbytes"} - {"dram_bandwidth"})

    def test_each_step_hears_of_its_axes_and_of_no_other(self):
        spec, point = self.point_of(self.text(liberty=["osu018", "osu035"], network=["vit_b_16", "bert_base_512"]))
        first = self.steps_at(spec, point)
        self.assertEqual(set(first), ALL)
        for axis, (value, wanted) in OTHER.items():
            with self.subTest(axis=axis):
                self.assertNotEqual(point.axes[axis], value)
                other = self.steps_at(spec, specs.Point({**point.axes, axis: value}, "other"))
                changed = {kind for kind in ALL if kind not in other or other[kind].key != first[kind].key}
                self.assertEqual(changed, wanted)
                for kind in wanted & other.keys():  # and not its key alone
                    self.assertNotEqual(other[kind].parameters, first[kind].parameters, kind)

    def test_a_format_is_that_of_the_point(self):
        """Not of the first point, nor of another one."""
        spec, _ = self.point_of(self.text(format=["if4", "mixfp4", "nvfp4", "nvint4"]))
        self.assertEqual(len(spec.points), 4)
        for point in spec.points:
            name = point.axes["format"]
            words = CONTEXT.network(spec, point).parameters["words"]
            self.assertEqual(words[words.index("--format") + 1], name)
            for step in CONTEXT.synthesis(spec, point), CONTEXT.energy(spec, point):
                self.assertRegex(steps.command(step), rf"\b{name} \d+x\d+ ")
            entries = [{"format": one, "search": search, "product": {"sqnr_db": 100 * search + place, "relative_mse": place},
                        "sqnr_db": place, "int_share": place / 10} for place, one in enumerate(spec.axes["format"]) for search in (False, True)]
            place = spec.axes["format"].index(name)
            for search in (False, True):
                found = metrics.of_accuracy({"formats": entries}, {**point.axes, "search": search})
                self.assertEqual(found, {"sqnr_db": 100 * search + place, "relative_mse": place, "tensor_sqnr_db": place,
                                         "int_share": 100 * (place / 10)})


class ReadTest(Parts):
    """A record is taken for one of the same step: all that the step reads must be in its key."""

    def test_each_file_that_a_step_reads_is_in_its_key(self):
        real, (spec, point) = steps.hash_of, self.point_of(self.text())
        first = self.steps_at(spec, point)
        for path in sorted({str(path) for step in first.values() for path in step.reads}):
            with mock.patch.object(steps, "hash_of", lambda one, path=path: "changed" if str(one) == path else real(one)):
                other = self.steps_at(spec, point)
            for kind, step in first.items():
                with self.subTest(kind=kind, path=path):
                    self.assertEqual(other[kind].key != step.key, path in map(str, step.reads) or path == steps.__file__)

    def test_what_a_step_reads(self):
        found = {kind: {steps.short(str(path)) for path in step.reads} for kind, step in self.steps_of(self.text()).items()}
        library = {name for name in found["synthesis"] if name.endswith("/osu018_stdcells.lib")}
        program, counter = steps.short(str(testing.PROGRAM)), steps.short(str(steps.COUNTER))
        self.assertEqual(len(library), 1)
        netlist = {"rtl/if4_pkg.sv", "rtl/array/if4_array.sv", "rtl/array/if4_array_cell.sv", "scripts/area/arrays.py", *library}
        sentences = {f"{testing.CUT}/network.json", f"{testing.CUT}/sentences.safetensors", f"{testing.CUT}/tokenizer.json"}
        for kind, wanted in (("synthesis", netlist), ("energy", netlist | {"scripts/energy/compose.py", counter}),
                             ("accuracy", {"testbench/data/use_lite_ffn.safetensors", program}), ("network", sentences | {program}),
                             ("cycles", {program})):
            self.assertLessEqual(wanted, found[kind], kind)
        self.assertTrue(any(name.endswith("vit_b_16.csv") for name in found["cycles"]), found["cycles"])

    def test_the_headers_of_a_model_are_in_its_key(self):
        """Of a model's files the headers are read, not the weights."""
        model = self.folder / "model"
        model.mkdir()
        (model / "config.json").write_text("{}")
        more = f'[network.own]\nmodel = "{model}"\nphase = "decode"\nbatch = 1\ncontext = 5'
        keys = []
        for header, weights in ((b'{"a":1}', b"1"), (b'{"a":1}', b"2"), (b'{"b":1}', b"1")):
            (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + weights)
            steps.header_hash.cache_clear()
            keys.append(self.steps_of(self.text(more, network="own"))["cycles"].key)
        self.assertEqual(keys[0], keys[1])
        self.assertNotEqual(keys[0], keys[2])
        steps.hash_of.cache_clear()
        (model / "config.json").write_text('{"layers": 2}')
        self.assertNotEqual(self.steps_of(self.text(more, network="own"))["cycles"].key, keys[2])


class FrontTest(unittest.TestCase):
    def points(self, names, rows):
        return [SimpleNamespace(name=name, values=dict(zip(names, values)), axes={"format": "if4", "rows": 1, "columns": 1})
                for name, *values in rows]

    def test_fronts_by_hand(self):
        rows = [("a", 1, 10), ("b", 2, 20), ("c", 2, 15), ("d", 3, 20), ("e", 0.5, 5), ("f", 4, 4)]
        for names, front in ((("area_mm2", "items_per_second"), "abe"),  # little area, many items
                             (("sqnr_db", "pj_per_mac"), "f"),           # many dB, little energy
                             (("area_mm2", "ms_per_item"), "ef"),        # little of both
                             (("sqnr_db", "gmacs"), "df")):              # much of both
            points = self.points(names, rows)
            found = {point.name for point in fronts.front_of(points, names)}
            self.assertEqual(found, set(front), names)
            line = re.search(r'<polyline class="front" points="([^"]*)"', fronts.chart(points, names, "token", ["if4"], 0))[1]
            self.assertEqual(len(line.split()), len(found), names)

    def test_each_metric_of_a_front_is_better_in_its_direction(self):
        less = {"area_mm2", "pj_per_mac", "ms_per_item", "cosine_distance"}
        for name in set(itertools.chain(*fronts.CHARTS)):
            other = "area_mm2" if name != "area_mm2" else "gmacs"
            points = self.points((name, other), [("low", 1.0, 1.0), ("high", 2.0, 1.0)])
            best, = fronts.front_of(points, (name, other))
            self.assertEqual(best.name, "low" if name in less else "high", name)

    def test_equal_points_are_both_on_it(self):
        names = ("area_mm2", "gmacs")
        self.assertEqual(len(fronts.front_of(self.points(names, [("a", 1, 1), ("b", 1, 1)]), names)), 2)


class BestTest(unittest.TestCase):
    def answer(self, **question):
        """The name of the point that is the answer."""
        points = [SimpleNamespace(name=name, status=status, reason="", axes={"format": "if4", "rows": rows}, values={"gmacs": gmacs})
                  for name, status, rows, gmacs in (("low", "done", 1, 1.0), ("high", "done", 2, 2.0), ("none", "done", 3, None),
                                                    ("out", "excluded", 4, 3.0), ("zero", "left", 5, 0.5))]
        condition = SimpleNamespace(holds=lambda values: values["rows"] < 2)
        scheduler = SimpleNamespace(spec=SimpleNamespace(points=points, axes={"rows": [1, 2, 3, 4, 5]}, condition=lambda text: condition),
                                    commands=lambda point: {"command of": point.name})
        with contextlib.redirect_stdout(io.StringIO()) as said:
            best.answer(SimpleNamespace(**{"most": None, "least": None, "where": None, **question}), scheduler)
        return said.getvalue().split()[-1]

    def test_most_and_least(self):
        self.assertEqual(self.answer(most="gmacs"), "high")
        self.assertEqual(self.answer(least="gmacs"), "low")
        self.assertEqual(self.answer(most="gmacs", where="rows < 2"), "low")


class UnitTest(unittest.TestCase):
    """Each in the unit of its row of METRICS, by hand."""

    def test_synthesis(self):
        # 4,000 of a library whose unit is 250 um2 are 1 mm2; 8 ns are 125 MHz, in which 4 * 2 * 32 lanes make 32 GMAC a second.
        found = metrics.of_synthesis({"area": 4000.0, "flip_flops": 7, "critical_path_ns": 8.0}, {"um2": 250.0},
                                     {"rows": 4, "columns": 2, "lanes": 32})
        self.assertEqual(found, {"area_mm2": 1.0, "flip_flops": 7, "critical_path_ns": 8.0, "clock_mhz": 125.0, "peak_gmacs": 32.0})

    def test_cycles(self):
        layer = {**dict.fromkeys((*metrics.WAITS, *metrics.DRAM), 0), "cycles": 1000, "macs": 4_000_000, "runs": 5,
                 "activation_wait_cycles": 100, "bank_cycles": 150, "dram_weight_bytes": 200_000}
        last = {**layer, "runs": 1, "bank_cycles": 1150, "cycles": 15_000, "macs": 0}
        # 20,000 cycles at 100 MHz are 0.2 ms; 20 million products in them are 100 GMAC a second; 8 tokens are 40,000 a second.
        found = metrics.of_cycles({"layers": [layer, last], "config": {"dram-bandwidth": 12.5}}, {"items": 8, "item": "token"},
                                  {"clock_mhz": 100.0, "peak_gmacs": 400.0, "area_mm2": 4.0})
        wanted = {"cycles": 20_000, "run_ms": 0.2, "items_per_second": 40_000.0, "tokens_per_second": 40_000.0, "ms_per_item": 0.025,
                  "gmacs": 100.0, "gmacs_per_mm2": 25.0, "utilization": 25.0, "waiting_share": 12.5, "dram_bytes_per_cycle": 12.5,
                  "dram_mbytes": 1.2}
        self.assertEqual(found.keys(), wanted.keys())
        for name, value in wanted.items():
            self.assertAlmostEqual(found[name], value, 9, name)

    def test_energy(self):
        parts = {"switching": 0.0, "internal": 0.0, "clock": 0.0, "leakage": 0.0}
        edge = {"first": parts, "skew": parts}
        made = {"cell": {**parts, "switching": 64.0, "clock": 16.0, "leakage": 0.5}, "edges": {"row": edge, "col": edge},
                "output": parts, "result": {**parts, "internal": 4.0}, "around": parts}
        layer = {"beat_cycles": 300, "tiles": 50, "runs": 2}
        # 600 clocks with a beat of 80 pJ, 400 without of 16 pJ, 100 results of 4 pJ: 54.8 nJ; 0.5 mW in 10 us are 5 nJ.
        found = metrics.of_energy(made, {"layers": [layer]}, {"items": 4},
                                  {"rows": 1, "columns": 1, "lanes": 16, "shared_output": False},
                                  {"clock_mhz": 100.0, "run_ms": 0.01, "cycles": 1000})
        self.assertAlmostEqual(found["uj_per_item"], 59.8e-3 / 4, 12)
        self.assertAlmostEqual(found["array_mw"], 5.98, 9)

    def test_memory(self):
        memory = {"buffer": {"bit_squares": 100, "cells_of_area": 0.5, "pj_per_byte_45nm": 2.0, "power_of_feature": 1.0},
                  "dram": {"pj_per_byte": 50.0}}
        config = {"acts-buffer": 100_000, "weights-buffer": 100_000, "output-buffer": 50_000}
        layer = {**dict.fromkeys((*metrics.DRAM, *metrics.BUFFERS), 10_000), "runs": 10}
        # At 90 nm a bit is 100 squares of 0.0081 um2: 2 million bits are 1.62 mm2, and 3.24 with what is no cell. 300 kB go to the
        # DRAM and as many to the array: 15 uJ, and 600 kB of 4 pJ, 2.4 uJ.
        found = metrics.of_memory(memory, {"feature_nm": 90}, {"config": config, "layers": [layer]}, {"items": 2})
        self.assertAlmostEqual(found["buffers_mm2"], 3.24, 9)
        self.assertAlmostEqual(found["dram_uj_per_item"], 7.5, 9)
        self.assertAlmostEqual(found["buffers_uj_per_item"], 1.2, 9)


if __name__ == "__main__":
    unittest.main()
