#!/usr/bin/env python3
"""Tests of report.html: what it says of a run, that it loads nothing, and that no text of a log becomes part of the page."""

import os
import re
import shutil
import subprocess
import unittest
from html.parser import HTMLParser

from report_testing import BASE, START, RunTest, record, records

import document as documents
import page as pages
import report
import shard

MARKUP = '<script>alert(1)</script><img src=http://evil/x onerror=alert(1)></pre><b id=z>" \' ]]> \x1b[31m\x00\u202e'
LOADING = {"src", "srcset", "href", "action", "data", "poster", "background", "xlink:href", "formaction", "ping", "cite"}
ALLOWED = {"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "span", "ul", "li", "b", "i", "br", "dl",
           "dt", "dd", "div", "pre", "button", "nav", "a", "main", "section", "p", "article", "details", "summary", "table",
           "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "svg", "line", "polyline", "circle", "rect", "polygon",
           "script", "input"}
VOID = {"meta", "br", "input"}


class Reader(HTMLParser):
    """The elements of a page, its visible text, and whether each is closed where it should be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open, self.wrong, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        self.wrong += [f"{name} is not closed" for name in self.open]
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script", "title"):
            self.words.append(data)


class PageTest(RunTest):
    def page(self, folder):
        report.write_page(folder)
        text = (folder / "report.html").read_text()
        reader = Reader(text)
        self.assertEqual(reader.wrong, [])
        self.assertEqual(set(reader.tags) - ALLOWED, set())
        return text, reader

    def assert_loads_nothing(self, text, reader):
        for tag, name, value in reader.attributes:
            self.assertFalse(name.startswith("on") or name == "style", (tag, name))
            if name in LOADING:
                self.assertEqual((tag, name), ("a", "href"))
                self.assertRegex(value, r"^(#[\w-]+|(?!/)(?!.*\.\./)[\w./%-]+)$")
        self.assertEqual(reader.tags.count("script"), 1)
        for part in documents.STYLE, documents.SCRIPT, pages.HERE / "report.css":
            code = re.sub(r"^ *// .*", "", part.read_text(), flags=re.M)
            self.assertIsNone(re.search(r"url\(|@import|https?:|fetch|XMLHttp|import\(|//", code))
        self.assertIn("default-src 'none'", text)

    def test_nothing_is_loaded_and_no_log_becomes_markup(self):
        found = [record(index=index, outcome=outcome, failure=MARKUP, host=MARKUP, repeat=MARKUP, wave=wave, log=log)
                 for index, (outcome, wave, log) in enumerate((
                     ("failed", "javascript:alert(1)", "../../etc/passwd"), ("hung", "//evil/x", "/etc/passwd"),
                     ("crashed", "http://evil/x", "logs/a b#c?.log"), ("lost", "cases/x\\..\\y", "logs/unit-3.log")))]
        folder = self.run_of(found, command=MARKUP, planned={MARKUP: 3, "unit": 4}, unfinished=[MARKUP],
                             logs={"unit-3": MARKUP.encode() * 3})
        text, reader = self.page(folder)
        self.assert_loads_nothing(text, reader)
        self.assertIn("<script>alert(1)</script>", reader.text)  # as text
        self.assertIn(("a", "href", "logs/a%20b%23c%3F.log"), reader.attributes)
        self.assertNotIn("\x00", text)
        self.assertNotIn("\u202e", text)

    def test_the_failed_come_first_with_what_repeats_them(self):
        found = [record(index=0), record("kit", 3, "failed", "expected 1, got 2", wave="cases/kit-3/out/wave.vcd")]
        text, reader = self.page(self.run_of(found, logs={"kit-3": b"x"}))
        self.assertLess(text.index('id="failures"'), text.index('id="suites"'))
        self.assertIn("FAILED", reader.text)
        self.assertIn(f"make regress CASE=kit-3 BASE={BASE}", reader.text)
        self.assertIn(str(found[1].seed), reader.text)
        for name in ("logs/kit-3.log", "cases/kit-3/out/wave.vcd"):
            self.assertIn(("a", "href", name), reader.attributes)

    def test_a_run_that_passed_shows_no_failures(self):
        _, reader = self.page(self.run_of([record(index=index) for index in range(3)]))
        self.assertIn("PASSED", reader.text)
        self.assertNotIn("Failures", reader.text)
        self.assertIn("300 checks", reader.text)

    def test_alike_failures_are_one_kind(self):
        found = [record(index=index, outcome="failed", failure=f"result {index}: expected 0x{index:08X} in 'if4_{index}'")
                 for index in range(50)] + [record(index=60, outcome="failed", failure="another thing"),
                                            record(index=61, outcome="hung", failure="another thing")]
        text, reader = self.page(self.run_of(found))
        self.assertIn("52 cases of 3 kinds", reader.text)
        self.assertEqual(reader.tags.count("article"), 3)
        self.assertRegex(reader.text, r"first unit-0, .* UTC *; last unit-49,|first unit-0, .* UTC; last unit-49,")
        self.assertIn("and 7 more", reader.text)  # of 50, three with their text and 40 by name

    def test_a_stopped_run_says_so_and_what_is_left(self):
        found = [record(index=index) for index in range(3)]
        _, reader = self.page(self.run_of(found, finished=None, planned={"unit": 1000, "kit": 500}))
        self.assertIn("STOPPED", reader.text)
        self.assertIn("3 cases are done, 1,497 are left", reader.text)
        self.assertNotIn("PASSED", reader.text)

    def test_time_in_the_queue_is_apart(self):
        one = record(queued=START, started=START + 125, ended=START + 130)
        _, reader = self.page(self.run_of([one]))
        self.assertRegex(reader.text, r"unit +5\.0 s +5\.0 s +5\.0 s +5\.0 s +2 min 05 s +2 min 05 s")

    def test_bad_and_lost_records_are_listed(self):
        found = [record(index=0), record(index=1), record(index=2, outcome="lost", attempt=3), record(index=3, attempt=2)]
        folder = self.run_of(found)
        records.path_of(folder, "unit-1").write_text("{")
        _, reader = self.page(folder)
        self.assertRegex(reader.text, r"1 file of records cannot be trusted.*unit-1\.json.*it is cut or no JSON")
        self.assertIn("1 case lost", reader.text)
        self.assertIn("unit-3: passed at attempt 2", reader.text)

    def test_counts_of_testpoints_add_up(self):
        plan = [name for name, _ in pages.read_plan()]
        self.assertGreater(len(plan), 50)
        points = {name: [10, 0] for name in plan if name != "stalls.full"}
        found = [record("plan", index, testpoints={**points, "cancel.zero": [7, index]}) for index in range(3)]
        _, reader = self.page(self.run_of(found))
        self.assertIn(f"{len(plan) - 1} of {len(plan)} testpoints checked", reader.text)
        self.assertIn("Without a check: stalls.full .", reader.text.replace("full.", "full ."))
        self.assertRegex(reader.text, r"cancel\.zero +21 +3 ")
        self.assertRegex(reader.text, r"codes\.largest +30 +0 ")

    def test_a_case_says_its_testpoints_by_lines(self):
        self.assertEqual(shard.testpoints_of("testpoint a.b checks 3 failures 0\nx\ntestpoint a.b checks 4 failures 1\n"
                                             "testpoint c checks 1 failures 0\n testpoint d checks 1 failures 0\n"),
                         {"a.b": [7, 1], "c": [1, 0]})

    def test_a_percentage_is_cut(self):
        def tally(covered, of, constant=0):
            return {"all": of, "covered": covered, "constant": constant}

        self.assertEqual([pages.percent(one) for one in (tally(99_999, 100_000), tally(5, 6, 1), tally(0, 0), tally(1, 3))],
                         ["99.99 %", "100.00 %", "-", "33.33 %"])

    def test_a_large_run_gives_a_small_page(self):
        found = [record(index=index, outcome="passed" if index % 20 else "failed",
                        failure="" if index % 20 else f"{'abcdefghij'[index // 20 % 10]}{chr(97 + index // 200 % 26)} wrong\n"
                        + "x" * 100_000) for index in range(20_000)]
        for one in found:
            one.checks, one.digest = 100, "0" * 64
        folder = self.run_of([])
        summary = pages_summary(folder, found)
        text = pages.text_of(summary, {"runs": [], "first": {}}, {"id": "x", "started": START})
        self.assertLess(len(text), 1_000_000)
        reader = Reader(text)
        self.assertIn("19,000", reader.text)
        self.assertRegex(reader.text, r"\d+ more kinds of failures with \d+ cases have no place here")

    def test_in_chromium(self):
        """Where IF4_CHROMIUM names the program, the page is opened there; its script runs, and nothing is refused."""
        program = os.environ.get("IF4_CHROMIUM")
        if not program or not shutil.which(program):
            self.skipTest("IF4_CHROMIUM names no browser")
        folder = self.run_of([record(outcome="failed", failure=MARKUP)])
        self.page(folder)
        done = subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
                               f"file://{folder / 'report.html'}"], capture_output=True, text=True, timeout=120)
        self.assertIn('data-copy="" aria-label', done.stdout)  # without `hidden`
        self.assertNotIn("Content Security Policy", done.stderr)


def pages_summary(folder, found):
    import summary
    return summary.summarize(folder, records.read_run(folder), found, [])


if __name__ == "__main__":
    unittest.main()
