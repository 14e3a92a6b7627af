"""Which axes a design space has, found where they are defined: the options of `if4 array`, the parameters of the RTL, and
what quantizes. Nothing here lists them a second time, so that a new option or parameter is an axis at once.

An axis has the name of its option or parameter with underscores: --acc-width and AccWidth are both acc_width.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARRAY = ROOT / "rtl" / "array" / "if4_array.sv"
CLOCK = "clock"  # no axis: it follows from the critical path
GBYTES = "dram_gbytes"  # GB/s of the DRAM, which may stand in the place of dram_bandwidth, bytes a cycle
BANDWIDTH = "dram_bandwidth"
COLUMNS = {"cols": "columns"}  # what the RTL calls otherwise than the program
# How tensors are quantized for the accuracy of a format: the options of `if4 compare`.
QUANTIZER = {"rule": ("mse", "mae", "abs_max"), "search": (False, True), "rht": (False, True), "scales_2d": (False, True)}
PLACES = ("liberty", "network")


class AxisError(ValueError):
    """A value or an axis is none; the text does not say where it stands."""


def run_program(program, *words):
    """(exit code, stdout, stderr) of the program."""
    try:
        done = subprocess.run([str(program), *words], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise AxisError(f"cannot run {program}: {error.strerror}; make build/if4 makes it") from None
    return done.returncode, done.stdout, done.stderr


def rtl_parameters(path=ARRAY):
    """{axis: parameter} of the array's module."""
    header = path.read_text().split(") (", 1)[0]
    found = re.findall(r"^\s*parameter int (\w+)\s*=", header, re.MULTILINE)
    if not found:
        raise AxisError(f"{path}: no parameters were found")
    snake = {re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): name for name in found}
    return {COLUMNS.get(axis, axis): name for axis, name in snake.items()}


class Axes:
    """All axes, and what their values may be."""

    def __init__(self, program):
        self.program = program
        code, out, error = run_program(program, "array", "--help")
        if code != 0:
            raise AxisError(f"{program} array --help fails: {error.strip()}")
        # An option without a value has its explanation right behind its name.
        self._flags = set(re.findall(r"^  --([a-z0-9-]+)  ", out, re.MULTILINE))
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            code, _, error = run_program(program, "array", "--gemm", "1,1,16", "--timing-only", "--json", str(report))
            if code != 0:
                raise AxisError(f"{program} array fails: {error.strip()}")
            config = json.loads(report.read_text())["config"]
        self.knobs = {name.replace("-", "_"): name for name in config if name != CLOCK}
        self._switches = {name.replace("-", "_") for name, value in config.items() if isinstance(value, bool)}
        self.parameters = rtl_parameters()
        # Parameters that the program's array has no option for are axes of synthesis alone.
        self.rtl_only = [axis for axis in self.parameters if axis not in self.knobs]
        self.names = [*self.knobs, *self.rtl_only, *QUANTIZER, *PLACES]

    def missing(self, given):
        """The axes that are not set, with the choice of the two bandwidths as one."""
        wanted = [name for name in self.names if name != BANDWIDTH or GBYTES not in given]
        return [f"{name} (or {GBYTES})" if name == BANDWIDTH else name for name in wanted if name not in given]

    def is_axis(self, name):
        return name in self.names or name == GBYTES

    def words(self, values):
        """The values of options of `if4 array`, as words of its command line."""
        words = []
        for axis, value in values.items():
            option = "--" + self.knobs[axis]
            if self.knobs[axis] in self._flags:
                words += [option] if value else []
            else:
                words += [option, text_of(value)]
        return words

    def check(self, axis, value):
        """Raises AxisError where the axis cannot have the value. Options are tried on the program itself."""
        if axis in QUANTIZER:
            if value not in QUANTIZER[axis] or type(value) is not type(QUANTIZER[axis][0]):
                raise AxisError(f"{text_of(value)} is none of {', '.join(map(text_of, QUANTIZER[axis]))}")
        elif axis == GBYTES:
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e6:
                raise AxisError(f"{text_of(value)} is no number of GB/s above 0")
        elif axis in self.rtl_only:
            if type(value) is not int:
                raise AxisError(f"{text_of(value)} is no whole number")
        elif axis in self.knobs:
            if (axis in self._switches) != isinstance(value, bool):
                raise AxisError(f"{text_of(value)} is " + ("not true or false" if axis in self._switches else "no value of it"))
            code, _, error = run_program(self.program, "array", "--gemm", "1,1,16", "--timing-only", *self.words({axis: value}))
            if code != 0:
                said = error.strip().splitlines()[-1] if error.strip() else f"{text_of(value)} is refused"
                raise AxisError(said.removeprefix("if4: ").removeprefix(f"--{self.knobs[axis]}: "))


def text_of(value):
    """As a command line and a table show it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
