#!/usr/bin/env python3
"""Tests of what all pages share: text stays text, nothing is loaded, colours are legible, and the script does what it says."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from html import unescape
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parents[1] / "scripts" / "page"))

import document  # noqa: E402
import markup  # noqa: E402

MARKUP = '<script>alert(1)</script>" \' ]]> \x1b[31m\x00\u202e'


def schemes():
    """The colours of the light and of the dark theme, by name."""
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", scheme))
            for scheme in re.findall(r":root \{([^}]*)\}", document.STYLE.read_text())]


def contrast(one, other):
    def light(colour):
        parts = [int(colour[place:place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class PageTest(unittest.TestCase):
    def test_text_stays_text(self):
        for made in (markup.esc(MARKUP), markup.command(MARKUP), markup.listing([MARKUP]), markup.problems([MARKUP]),
                     markup.verdict(MARKUP, "bad"), markup.file_link("../" + MARKUP, "log"), markup.table(MARKUP, [MARKUP], []),
                     markup.table("x", ["y"], [], name=MARKUP), document.document(MARKUP, "").split("<style>")[0]):
            self.assertIsNone(re.search(r"<script>|\x00|\x1b|\u202e|=\"[^\"]*\"\s+'", made), made)

    def test_only_what_the_policy_names_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder, "own.css")
            own.write_text(".own { color: var(--good); }\n")
            text = document.document("t", "<p>x</p>", styles=[own], scripts=[HERE / "clicks.js"])
        self.assertIn("default-src 'none'", text)
        for name in ("style", "script"):
            inside = re.search(rf"<{name}>(.*?)</{name}>", text, re.S)[1]
            self.assertIn(f"{name}-src {document.source_hash(inside)};", text)
            self.assertEqual(text.count(f"<{name}"), 1)
        self.assertIn(".own {", text)
        self.assertEqual(re.findall(r"\b(?:src|href)=|url\(|@import|https?:", text), [])

    def test_every_colour_has_a_name_and_both_themes(self):
        light, dark = schemes()
        self.assertEqual(light.keys(), dark.keys())
        scripts = document.HERE.parent
        for path in scripts.rglob("*.css"):
            code = re.sub(r":root \{[^}]*\}", "", path.read_text())
            self.assertEqual(re.findall(r"#[0-9a-fA-F]{3,8}\b", code), [], path)
            self.assertEqual(set(re.findall(r"var\(--([\w-]+)\)", code)) - light.keys(), set(), path)

    def test_text_and_series_are_legible_on_every_background(self):
        for colours in schemes():
            pairs = [(text, back) for text in ("text", "quiet", "link", "good", "bad", "warn") for back in ("back", "panel")]
            pairs += [("good", "good-back"), ("bad", "bad-back"), ("warn", "warn-back"), ("text", "warn-back"),
                      ("text", "good-back"), ("text", "bad-back")]
            for text, back in pairs:
                self.assertGreaterEqual(contrast(colours[text], colours[back]), 4.5, (text, back))
            for series in range(1, 9):
                for back in "back", "panel":
                    self.assertGreaterEqual(contrast(colours[f"series-{series}"], colours[back]), 2.8, (series, back))

    def test_a_cell_is_sorted_by_its_number(self):
        self.assertEqual(markup.cell("2 min", "n", 120), '<td class="n" data-value="120">2 min</td>')
        self.assertEqual(markup.cell("x"), "<td>x</td>")
        self.assertIn('<td class="n">7</td>', markup.table("t", ["a", ">b"], [["x", "7"]]))

    def test_in_chromium(self):
        """Where IF4_CHROMIUM names the program, clicks.js is run there."""
        program = os.environ.get("IF4_CHROMIUM")
        if not program or not shutil.which(program):
            self.skipTest("IF4_CHROMIUM names no browser")
        rows = [["a10", "1,000", markup.cell("2 min", "n", 120), "red"], ["a2", "9.5 %", markup.cell("3 s", "n", 3), "red"],
                ["a1", "-", markup.cell("900 ms", "n", 0.9), "blue"], ["b", "1e3", markup.cell("-", "n"), "blue"]]
        things = markup.table("Things", ["name", ">size", ">time", "colour"], rows, sortable=True, name="things")
        still = markup.table("Still", ["name"], [["z"]]).replace("<table>", '<table id="still">')
        body = f'{things}{still}{markup.command("make")}<pre id="seen"></pre>'
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "page.html")
            page.write_text(document.document("t", body, scripts=[HERE / "clicks.js"]))
            done = subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
                                   page.as_uri()], capture_output=True, text=True, timeout=120)
        seen = unescape(re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.S)[1]).splitlines()
        self.assertEqual(seen, [
            "at first: a10 a2 a1 b", "largest first: a10 b a2 a1", "smallest first: a2 a10 b a1", "longest first: a10 a2 a1 b",
            "by name: a1 a2 a10 b", "sorted: ascending - - -", "with 'a1': a1 a10", "with 'red  A': a2 a10", "with 'nothing': ",
            "with '': a1 a2 a10 b", "unsorted has 0 buttons", "copy is shown"])
        self.assertNotRegex(done.stderr, "CONSOLE|Content Security Policy")


if __name__ == "__main__":
    unittest.main()
