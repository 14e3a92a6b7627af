#!/usr/bin/env python3
"""The page of `make explore`: it says what the results say, loads nothing, and does in a browser what a reader asks of it."""

import json
import os
import re
import shutil
import subprocess
import unittest
from html import unescape
from pathlib import Path

import explore_testing as testing

CHROMIUM = os.environ.get("IF4_CHROMIUM", "")
HERE = Path(__file__).resolve().parent


def in_browser(page, *flags):
    """(DOM, complaints) of the page."""
    done = subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", *flags, "--dump-dom",
                           Path(page).as_uri()], capture_output=True, text=True, timeout=180)
    return done.stdout, re.findall(r".*(?:CONSOLE|Content Security Policy).*", done.stderr)


class PageTest(testing.ExploreTest):
    def made(self):
        spec = testing.prefill(testing.spec_text(liberty=["osu018", "osu035"], rows=[2, 4, 8], more=testing.network_text()), self.folder)
        code, out, error = self.explore("run", spec=spec)
        self.assertEqual(code, 0, out + error)
        return spec, (self.out / "index.html").read_text()

    def test_the_page_has_the_numbers_of_the_results(self):
        _, text = self.made()
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
        results = json.loads((self.out / "results.json").read_text())
        self.assertEqual(len(data["points"]), 2 * 3 * 2 * 2)
        for shown, point in zip(data["points"], results["points"]):
            self.assertEqual(shown["name"], point["name"])
            self.assertEqual(dict(zip(data["axes"], shown["axes"])), point["axes"])
            self.assertEqual({metric["name"]: value for metric, value in zip(data["metrics"], shown["values"]) if value is not None},
                             {name: value for name, value in point["values"].items() if value is not None})
            cycles = sum(row[3] * row[5] for row in data["cycles"][shown["cycles"]])
            self.assertEqual(cycles, point["values"]["cycles"])
            for row in data["cycles"][shown["cycles"]]:
                self.assertAlmostEqual(sum(row[7:]), row[5], delta=0.011)  # where the cycles went is all of them

    def test_nothing_is_loaded_and_text_stays_text(self):
        _, text = self.made()
        self.assertEqual(re.findall(r"\b(?:src|href)=\"(?!#)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text), [])
        self.assertNotIn("</script><", re.search(r'id="data">(.*?)</script>', text, re.S)[1])

    def test_in_chromium(self):
        """Where IF4_CHROMIUM names the program: a question in three clicks, hovering, sorting, filtering, at two widths."""
        if not CHROMIUM or not shutil.which(CHROMIUM):
            self.skipTest("IF4_CHROMIUM names no browser")
        spec, _ = self.made()
        # The same page with a script more, and a place for what it sees.
        make = ("import sys; sys.argv[0]='x'; sys.path.insert(0, sys.argv.pop(1)); import explore, page, pathlib;"
                "from live import Live; clicks, target = sys.argv.pop(1), sys.argv.pop(1);"
                "args = explore.options(sys.argv[1:]); scheduler = explore.plan_of(args, Live(sys.stdout));"
                "text = page.text_of_page(scheduler, [pathlib.Path(clicks)]);"
                "pathlib.Path(target).write_text(text.replace('<main>', '<main><pre id=\"seen\"></pre>', 1))")
        page = self.folder / "clicked.html"
        words = self.command("plan", spec=spec)
        done = subprocess.run([words[0], "-B", "-c", make, str(testing.EXPLORE.parent), str(HERE / "clicks.js"), str(page), *words[3:]],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for width in 1200, 400:
            dom, complaints = in_browser(page, f"--window-size={width},900")
            self.assertEqual(complaints, [])
            seen = dict(line.split(": ", 1) for line in unescape(re.search(r'<pre id="seen">(.*?)</pre>', dom, re.S)[1]).splitlines())
            self.assertEqual(seen["chosen"], "vit_b_16, osu018, any, most images a second")
            self.assertEqual(seen["then chosen"], "bert_base_512, osu035, 2 mm2, most tokens a second")
            self.assert_best(seen)
            self.assertEqual(seen["charts"], "area_mm2 items_per_second 6; sqnr_db pj_per_mac 6; area_mm2 ms_per_item 6; "
                             "area_mm2 cosine_distance 6; pj_per_mac cosine_distance 6")
            self.assertRegex(seen["hovered"], r"^[1-6] on the front, \d beaten, tip hidden afterwards$")
            self.assertEqual(sum(map(int, re.findall(r"(\d) ", seen["hovered"])[:2])), 6)
            self.assertNotIn("wrong", seen)
            self.assertEqual((seen["sides"], seen["layers"], seen["bars"]), ("as clicked", "9 9", "in proportion to time"))
            self.assertEqual((seen["sorted"], seen["format"]), ("true", "12 of 24 points are shown."))
            self.assertEqual(seen["where area_mm2 <= 2 and network == vit_b_16"], "4 of 24 points are shown.")
            self.assertEqual(seen["where area <= 2"], "12 of 24 points are shown. there is no axis or metric 'area'.")
            self.assertEqual(seen["where area_mm2 about 2"], "12 of 24 points are shown. 'area_mm2 about 2' is no comparison such as area_mm2 <= 5.")
            self.assertEqual(seen["wide"], "fits", width)

    def assert_best(self, seen):
        """The answer of the page is that of results.json."""
        points = [point for point in json.loads((self.out / "results.json").read_text())["points"]
                  if (point["axes"]["network"], point["axes"]["liberty"]) == ("bert_base_512", "osu035")]
        best = max((point for point in points if point["values"]["area_mm2"] <= 2), key=lambda point: point["values"]["items_per_second"])
        self.assertIn(f"by {best['axes']['format']}, {best['axes']['rows']} x 8 cells", seen["best"])
        self.assertTrue(seen["best"].rstrip().endswith(best["name"]))
        self.assertIn(f"{float(f'''{best['values']['items_per_second']:.4g}'''):g}", seen["best"])
        other = {"if4": "nvfp4", "nvfp4": "if4"}[best["axes"]["format"]]
        self.assertEqual(seen["same array"], f"{other}, {best['axes']['rows']} x 8 cells")


if __name__ == "__main__":
    unittest.main()
