"""What the tests of the kit share: scripts/kit/verify.py as a program, the vectors of directed.py, and wrong MACs."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

KIT = Path(__file__).resolve().parent
ROOT = KIT.parents[1]
BENCH = KIT / "if4_mac_tb.sv"
MAC = KIT / "behavioural_mac.sv"
VERIFY = ROOT / "scripts" / "kit" / "verify.py"
PROGRAM = ROOT / "build" / "kit" / "if4"

sys.path[:0] = [str(ROOT / "scripts" / "kit"), str(KIT)]
sys.dont_write_bytecode = True

from formats import FORMATS  # noqa: E402, F401


def mistakes():
    """{number: text} of the list at the top of the behavioural MAC."""
    return {int(number): text for number, text in re.findall(r"^// +(\d+)  (.*)$", MAC.read_text(), re.M)}


class Box(unittest.TestCase):
    """A test with a folder of its own for each class."""

    @classmethod
    def setUpClass(cls):
        cls.box = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="if4-kit-")))

    def write(self, name, text):
        path = self.box / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def directed(self, form="if4", *options):
        """A folder of directed vectors, the short ones."""
        folder = self.box / "-".join(("vectors", form, *options))
        if not folder.is_dir():
            subprocess.run([sys.executable, "-B", KIT / "directed.py", folder, "--format", form, "--short", *options],
                           check=True)
        return folder

    def start(self, *arguments, **options):
        return subprocess.Popen([sys.executable, "-B", VERIFY, "--out", self.box / "out", "--program", PROGRAM, *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def verify(self, *arguments, **options):
        """(exit code, stdout, stderr) of verify.py."""
        process = self.start(*arguments, **options)
        out, error = process.communicate()
        return process.returncode, out, error

    def refused(self, *arguments, says, **options):
        """Exit code 2, and one line on stderr with that text."""
        code, out, error = self.verify(*arguments, **options)
        self.assertEqual((code, out), (2, ""), error)
        self.assertRegex(error, r"\Averify: [^\n]*\n\Z")
        self.assertIn(says, error)

    def changed(self, name, *changes):
        """A file with the behavioural MAC as module m, and changes (pattern, replacement) that each must apply."""
        text = MAC.read_text()
        for pattern, replacement in (("module behavioural_mac", "module m"), *changes):
            text, count = re.subn(pattern, replacement, text)
            if not count:
                raise ValueError(f"the behavioural MAC has no '{pattern}'")
        return self.write(name, text)
