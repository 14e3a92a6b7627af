#!/usr/bin/env python3
"""Runs of `make explore`: what is cached, what fails and leaves the rest alone, interrupts, budgets, and the best point."""

import csv
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import explore_testing as testing
import records

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
SEED = int(os.environ.get("IF4_SEED", random.randrange(2 ** 31)))


class Runs(testing.ExploreTest):
    def run_spec(self, text, *words, code=0, kinds=("synthesis", "energy"), **more):
        """{kind: steps that ran} of a run, whose exit code is known."""
        path = testing.prefill(text, self.folder, kinds)
        found, out, error = self.explore("run", *words, spec=path, **more)
        self.assertEqual(found, code, out + error)
        self.assertNotIn("Traceback", error)
        said = re.search(r"steps that ran: (.*);", out)[1]
        self.said = out
        return {} if said == "none" else {name: int(count) for count, name in (one.split() for one in said.split(", "))}

    def points(self):
        return json.loads((self.out / "results.json").read_text())["points"]


class RunTest(Runs):
    def test_only_what_is_new_runs(self):
        self.assertEqual(self.run_spec(testing.spec_text()), {"cycles": 8, "accuracy": 1})
        first = (self.out / "results.json").read_bytes()
        self.assertEqual(self.run_spec(testing.spec_text()), {})
        self.assertEqual((self.out / "results.json").read_bytes(), first)
        # One network more: the cycles of four arrays. One rule more: its accuracy. Another bandwidth: cycles alone.
        self.assertEqual(self.run_spec(testing.spec_text(network=["vit_b_16", "bert_base_512", "whisper_base"])), {"cycles": 4})
        self.assertEqual(self.run_spec(testing.spec_text(rule=["mse", "mae"])), {"accuracy": 1})
        self.assertEqual(self.run_spec(testing.spec_text(dram_gbytes=[25.6, 51.2])), {"cycles": 8})
        self.assertEqual(self.run_spec(testing.spec_text(rows=[4, 8, 16])), {"cycles": 4})
        # A library of the same bytes is the same library.
        own = self.folder / "copy.lib"
        own.write_bytes(OSU018.read_bytes())
        more = f'[liberty.copy]\nfiles = "{own}"\num2 = 1.0\nfeature_nm = 180'
        self.assertEqual(self.run_spec(testing.spec_text(liberty=["osu018", "copy"], more=more)), {})
        # A record that was cut, and one of another step, count as not there.
        cut, other, *_ = sorted((self.out / "cache" / "cycles").iterdir())
        cut.write_text(cut.read_text()[:100])
        other.write_text(other.read_text().replace(other.stem, cut.stem))
        self.assertEqual(self.run_spec(testing.spec_text(rows=[4, 8, 16], network=["vit_b_16", "bert_base_512", "whisper_base"], dram_gbytes=[25.6, 51.2]))["cycles"] >= 2, True)

    def test_ten_numbers_by_their_commands(self):
        self.run_spec(testing.spec_text(liberty=["osu018", "osu035"], rows=[2, 4, 8], rule=["mse", "mae"], search=[False, True]))
        print(f"seed {SEED}")
        chance, points = random.Random(SEED), self.points()
        for number in range(10):
            point = chance.choice(points)
            kind = ("cycles", "accuracy")[number % 2]
            report = self.folder / "again.json"
            words = shlex.split(point["commands"][kind])
            self.assertEqual(words[0], "build/if4")
            subprocess.run([str(testing.PROGRAM), *words[1:], "--json", str(report)], cwd=testing.ROOT, check=True, capture_output=True)
            found = json.loads(report.read_text())
            if kind == "cycles":
                cycles = sum(layer["cycles"] * layer["runs"] for layer in found["layers"])
                self.assertEqual(point["values"]["cycles"], cycles)
                items = {"bert_base_512": 512, "vit_b_16": 1}[point["axes"]["network"]]
                self.assertAlmostEqual(point["values"]["items_per_second"], items * point["values"]["clock_mhz"] * 1e6 / cycles, 6)
            else:
                own, = (one for one in found["formats"] if (one["format"], one["search"]) == (point["axes"]["format"], point["axes"]["search"]))
                self.assertEqual(point["values"]["sqnr_db"], own["product"]["sqnr_db"])
                self.assertEqual(point["values"]["int_share"], 100 * own["int_share"])
        with open(self.out / "results.csv", newline="") as file:
            for row, point in zip(csv.DictReader(file), points):
                self.assertEqual((row["point"], float(row["area_mm2"])), (point["name"], point["values"]["area_mm2"]))

    def test_metrics_by_hand(self):
        self.run_spec(testing.spec_text(format=["nvfp4"], rows=[4], network=["bert_base_512"]))
        point, = self.points()
        values = point["values"]
        self.assertAlmostEqual(values["area_mm2"], 51000 * 32 / 1e6, 9)
        self.assertAlmostEqual(values["clock_mhz"], 1000 / 7.032, 9)
        self.assertAlmostEqual(values["peak_gmacs"], 32 * 16 / 7.032, 9)
        self.assertEqual(values["dram_bytes_per_cycle"], int(16 * 25.6 * 7.032) / 16)
        macs = 512 * 12 * (4 * 768 * 768 + 2 * 768 * 3072) + 12 * 2 * 512 * 512 * 768 + 768 * 768
        seconds = values["cycles"] * 7.032e-9
        self.assertAlmostEqual(values["gmacs"], macs / seconds / 1e9, 6)
        self.assertAlmostEqual(values["utilization"], 100 * macs / (32 * 16 * values["cycles"]), 6)
        # 32 cells of 51 + 10.2 pJ and 1 uW; 12 edges of 1.5 pJ, with 6 + 28 registers of skew; 8 outputs of 3 pJ, each with a result in
        # 4 of 16 clocks; 0.5 pJ for each row and column.
        busy = 32 * 61.2 + 12 * 1.5 + 34 * 0.25 + 8 * (3 + 3 * 4 / 16) + 12 * 0.5
        self.assertAlmostEqual(values["pj_per_mac"], (busy + 32 * 0.001 * 7.032) / 512, 9)
        self.assertAlmostEqual(values["buffers_mm2"], 8 * (2 * 2 ** 20 + 2 ** 16) * 145 * 0.18 ** 2 / 0.5 / 1e6, 6)
        self.assertAlmostEqual(values["dram_uj_per_item"], values["dram_mbytes"] * 162.5 / 512, 6)

    def test_failures_leave_the_rest_alone(self):
        bare = self.folder / "bare.lib"
        bare.write_text(re.sub(r"^(cell \((?:DFF|LATCH)\w*\) \{)", r"\1 dont_use : true;", OSU018.read_text(), flags=re.M))
        more = f'[liberty.bare]\nfiles = "{bare}"\num2 = 1.0\nfeature_nm = 180'
        path = testing.prefill(testing.spec_text(), self.folder)
        path.write_text(testing.spec_text(liberty=["osu018", "bare"], acts_buffer=["1M", "2K"], more=more))
        code, out, error = self.explore("run", spec=path)
        self.assertEqual(code, 1, out + error)
        self.assertEqual(error, "")
        points = self.points()
        for point in points:
            axes = point["axes"]
            good = axes["liberty"] == "osu018" and axes["acts_buffer"] == "1M"
            self.assertEqual(point["status"], "done" if good else "failed", point)
            self.assertEqual(bool(point["reason"]), not good)
            self.assertEqual("cycles" in point["values"], good)
        self.assertRegex(out, r"explore: 16 points failed, as \w+: synthesis, energy: \S*bare.lib:\d+: no flip-flop [^\n]*\n")
        self.assertRegex(out, r"explore: 2 points failed, as \w+: cycles: if4: .*the least that does is --acts-buffer 13824")
        self.assertIn("8 done, 24 failed", out)
        self.assertFalse(list((self.out / "work").iterdir()))

    def test_a_synthesis_that_fails(self):
        """An accumulator of 20 bits does not hold a beat, which the RTL refuses."""
        path = testing.prefill(testing.spec_text(format="nvfp4", rows=1, columns=1, network="vit_b_16"), self.folder)
        path.write_text(testing.spec_text(format="nvfp4", rows=1, columns=1, network="vit_b_16", acc_width=[0, 20]))
        code, out, error = self.explore("run", spec=path)
        self.assertEqual((code, error), (1, ""), out)
        self.assertEqual([point["status"] for point in self.points()], ["done", "failed"])
        self.assertRegex(out, r"explore: 1 points failed, as \w+: synthesis[^\n]*AccWidth")

    def test_conditions_on_metrics(self):
        self.assertEqual(self.run_spec(testing.spec_text(require=["area_mm2 <= 2", "rows <= columns"])), {"cycles": 4, "accuracy": 1})
        points = self.points()
        self.assertEqual({(point["axes"]["rows"], point["status"], point["reason"]) for point in points},
                         {(4, "done", ""), (8, "excluded", "not area_mm2 <= 2")})

    def test_a_condition_on_what_a_network_has_not(self):
        self.run_spec(testing.spec_text(require=["tokens_per_second >= 0"], format="if4", rows=4))
        self.assertEqual([(point["axes"]["network"], point["status"], point["reason"]) for point in self.points()],
                         [("vit_b_16", "excluded", "not tokens_per_second >= 0: it has no tokens_per_second"), ("bert_base_512", "done", "")])

    def test_an_interrupt_leaves_nothing_half_done(self):
        path = self.folder / "spec.toml"
        path.write_text(testing.spec_text())
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGKILL:
            shutil.rmtree(self.out, ignore_errors=True)
            process = subprocess.Popen(self.command("run", "--jobs", "2", spec=path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not list(self.out.glob("work/*/owner")):
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            process.send_signal(number)
            out, error = process.communicate(timeout=60)
            self.assertEqual(process.returncode, -number if number == signal.SIGKILL else 128 + number, out + error)
            self.assertNotIn("Traceback", error)
            if number != signal.SIGKILL:
                self.assertEqual(list((self.out / "work").iterdir()), [])
            self.assertEqual([name for kind in records.KINDS for name in (self.out / "cache" / kind).glob(".*")], [])
        self.assertFalse((self.out / "results.json").exists())
        self.assertEqual(self.run_spec(testing.spec_text())["cycles"], 8)

    def test_no_time(self):
        self.run_spec(testing.spec_text(), "--budget", "0.001s", code=1)
        self.assertIn("no point has its results", self.said)
        self.assertEqual({point["status"] for point in self.points()}, {"left"})
        self.assertEqual(self.run_spec(testing.spec_text()), {"cycles": 8, "accuracy": 1})

    def test_bad_options(self):
        for words, said in ((["run", "--jobs", "0"], "JOBS=0"), (["run", "--budget", "soon"], "BUDGET=soon"), (["best"], "give one of"), (["point"], "give the name"),
                            (["run", "--options", "-p x"], "without ENGINE=slurm"), (["best", "--most", "beauty"], "no metric 'beauty'"),
                            (["best", "--most", "gmacs", "--where", "area <= 5"], "called 'area'"), (["point", "nothing"], "has no point nothing")):
            path = testing.prefill(testing.spec_text(), self.folder)
            code, out, error = self.explore(*words, spec=path)
            self.assertEqual((code, out, error.count("\n")), (2, "", 1), words)
            self.assertIn(said, error)

    def test_the_best_point(self):
        path = testing.prefill(testing.spec_text(rows=[1, 2, 4, 8]), self.folder)
        code, out, error = self.explore("best", "--where", "area_mm2 <= 2 and network == bert_base_512", "--most", "tokens_per_second", spec=path)
        self.assertEqual(code, 0, error)
        self.explore("run", spec=path)
        points = [point for point in self.points() if point["axes"]["network"] == "bert_base_512"]
        best = max((point for point in points if point["values"]["area_mm2"] <= 2), key=lambda point: point["values"]["tokens_per_second"])
        other, = (point for point in points if point["axes"]["rows"] == best["axes"]["rows"] and point["name"] != best["name"])
        lines = out.splitlines()
        first = next(place for place, line in enumerate(lines) if line.startswith("The most tokens_per_second of"))
        self.assertTrue(lines[first + 2].startswith(best["name"]), out)
        same = next(place for place, line in enumerate(lines) if line.startswith("The same array in the other formats"))
        self.assertTrue(lines[same + 2].startswith(other["name"]), out)
        code, out, _ = self.explore("best", "--where", "area_mm2 <= 0", "--least", "area_mm2", spec=path)
        self.assertEqual(code, 1)
        code, out, _ = self.explore("point", best["name"], spec=path)
        self.assertIn(repr(best["values"]["gmacs"]), out)

class NetworkTest(Runs):
    """What a format does to a whole network, on the cut of one that lies in testbench/data."""
    def spec_text(self, files=None, **changes):
        return testing.spec_text(more=testing.network_text(**(files or {})), **changes)

    def test_a_network_is_an_axis_of_accuracy(self):
        self.assertEqual(self.run_spec(self.spec_text(search=[False, True])), {"cycles": 8, "accuracy": 1, "network": 4})
        found = {}
        for point in self.points():
            words = shlex.split(point["commands"]["network"])
            found.setdefault(tuple(words), []).append(point["values"])
        self.assertEqual(len(found), 4)
        for words, values in found.items():
            report = self.folder / "again.json"
            subprocess.run([str(testing.PROGRAM), *words[1:], "--json", str(report)], cwd=testing.ROOT, check=True, capture_output=True)
            own, = json.loads(report.read_text())["formats"]
            for value in values:
                self.assertEqual(value["cosine_distance"], own["mean_cosine_distance"])
                self.assertEqual(value["largest_cosine_distance"], own["largest_cosine_distance"])
                self.assertEqual(value["rank_correlation"], own["rank_correlation"])
                self.assertEqual(value["same_neighbour"], 100 * own["same_neighbour"])
        self.assertEqual(len({value["cosine_distance"] for values in found.values() for value in values}), 4)
        with open(self.out / "results.csv", newline="") as file:
            for row, point in zip(csv.DictReader(file), self.points()):
                self.assertEqual(float(row["cosine_distance"]), point["values"]["cosine_distance"])
        for picture in self.out.glob("fronts_*.svg"):
            self.assertEqual(picture.read_text().count("1 - cosine of a network"), 2, picture)
        # Nothing runs again, a rule more is four runs of the network, and sentences as text are others than their ids.
        self.assertEqual(self.run_spec(self.spec_text(search=[False, True])), {})
        self.assertEqual(self.run_spec(self.spec_text(search=[False, True], rule=["mse", "mae"])), {"accuracy": 1, "network": 4})
        self.assertEqual(self.run_spec(self.spec_text({"sentences": f"{testing.CUT}/sentences.txt"}, format="if4")), {"network": 1})

    def test_a_question_about_a_network(self):
        path = testing.prefill(self.spec_text(), self.folder)
        code, out, error = self.explore("best", "--least", "area_mm2", "--where", "cosine_distance <= 0.05 and network == vit_b_16", spec=path)
        self.assertEqual(code, 0, out + error)
        self.assertIn("cosine_distance", out)
        self.assertIn("1 - cosine of a network moves by", out)

    def test_without_the_network_all_else_is_explored(self):
        self.assertEqual(self.run_spec(self.spec_text({"network": "nowhere/network.json"})), {"cycles": 8, "accuracy": 1})
        self.assertIn("explore: no point has figures of a network: there is no file nowhere/network.json; `make run-network`", self.said)
        self.assertEqual({point["status"] for point in self.points()}, {"done"})
        self.assertNotIn("cosine_distance", self.points()[0]["values"])
        self.assertIn("nowhere/network.json", json.loads((self.out / "results.json").read_text())["notes"][0])
        self.assertIn("no point has figures of a network", (self.out / "index.html").read_text())
        self.run_spec(self.spec_text({"network": "nowhere/network.json"}, require=["cosine_distance <= 0.05"]), code=1)
        self.assertEqual({point["reason"] for point in self.points()}, {"not cosine_distance <= 0.05: it has no cosine_distance"})
        # No word of a network in a spec without one.
        self.run_spec(testing.spec_text())
        self.assertNotIn("figures of a network", self.said)

    def test_what_a_network_does_not_run_with(self):
        self.run_spec(self.spec_text(rht=[False, True]))
        self.assertEqual([point["axes"]["rht"] for point in self.points()], ["cosine_distance" not in point["values"] for point in self.points()])
        self.assertIn("points with rht or scales_2d have no figures of a network", self.said)

    def test_a_network_that_is_broken(self):
        for name, text, said in (("cut", "{", "cut.json: line 1 is not JSON"), ("list", "[]", "list.json: is not a JSON object"),
                                 ("empty", "{}", "empty.json: "), ("number", '{"weights": 3}', "number.json: ")):
            (self.folder / f"{name}.json").write_text(text)
            self.run_spec(self.spec_text({"network": str(self.folder / f"{name}.json")}, format="if4", rows=4), code=1)
            self.assertRegex(self.said, rf"explore: 2 points failed, as \w+: network: if4: \S*{said}")



if __name__ == "__main__":
    unittest.main()
