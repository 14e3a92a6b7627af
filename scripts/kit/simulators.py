"""Icarus Verilog and Verilator: how a MAC and its testbench are compiled, and what a message of theirs means."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from process import KitError, run

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "testbench" / "kit" / "if4_mac_tb.sv"
INPUTS = {"clk_i", "rst_ni", "valid_i", "last_i", "a_codes_i", "a_scale_i", "w_codes_i", "w_scale_i", "ready_i"}
OUTPUTS = {"ready_o", "valid_o", "result_o", "nan_o", "overflow_o"}

# What a message about the instance of the MAC in the testbench says: patterns of both simulators, and the one line of it.
MESSAGES = (
    (r"Unknown module type: {top}\b|Cannot find file containing module: '{top}'", "DUT has no module {top}"),
    (r"parameter (\w+) not found in|Parameter pin not found: '(\w+)'", "{top} has no parameter {0}"),
    (r"Unable to bind parameter .(\w+)'|Expecting expression to be constant, but variable isn't const: '(\w+)'",
     "PARAMS: {0} is not a constant"),
    (r"port ..(\w+)'' is not a port of|Pin not found: '(\w+)'|Pin is not an [a-z/]+: '(\w+)'", "{top} has no port {0}"),
    (r"Port \d+ \((\w+)\) of \S+ expects (\d+) bits, got (\d+)",
     "port {0} of {top} has {1} bits; with this format and number of lanes it has {2}"),
    (r"port connection '(\w+)' expects (\d+) bits on the pin connection, but .* generates (\d+) bits",
     "port {0} of {top} has {1} bits; with this format and number of lanes it has {2}"),
    (r"with dangling input port \d+ \((\w+)\)", "{top} has another input, {0}, which if4_mac has not"),
    (r"reg (\w+); cannot be driven by primitives", "port {0} of {top} is an output; it is an input of if4_mac"),
)


def bench_message(text, top):
    """(what the first message about the instance says, place), or None."""
    for line in text.splitlines():
        if BENCH.name not in line:
            continue
        for pattern, meaning in MESSAGES:
            match = re.search(pattern.replace("{top}", re.escape(top)), line)
            if match:
                return meaning.format(*[group for group in match.groups() if group is not None], top=top)
    return None


def first_error(text):
    """The first line that is an error, with its place in front."""
    for line in text.splitlines():
        match = re.match(r"%Error(?:-\w+)?: (.*)", line) or re.match(r"(\S+:\d+: (?:.*error.*|.*not found.*))", line)
        if match and not match[1].startswith("Exiting due to"):
            return match[1]
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip() if lines else "it says nothing"


class Simulator:
    """One of the two. `work`: the folder of what is generated."""

    begins = (None,)  # what registers hold before the reset, where the simulator must choose it

    def __init__(self, work):
        self.work = work

    @classmethod
    def installed(cls):
        return shutil.which(cls.program) is not None

    @classmethod
    def version(cls):
        said = subprocess.run([cls.program, cls.version_option], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True).stdout
        return said.splitlines()[0] if said else cls.program

    def compile(self, sources, top, parameters, vectors):
        """Throws KitError with the one line that says what is wrong."""
        defines = [*sources.defines, f"IF4_DUT={top}"]
        if parameters:
            defines.append("IF4_DUT_PARAMS=" + ",".join(f".{name}({value})" for name, value in parameters.items()))
        folders = [vectors, *sources.includes, *dict.fromkeys(path.parent for path in sources.files)]
        log = self.work / "compile.log"
        for command in self.commands(sources, defines, folders):
            code, _ = run(command, self.work, log, env=self.environment())
            text = log.read_text(errors="replace")
            message = bench_message(text, top) or (self.wrong_port(top) if code == 0 else None)
            if message:
                raise KitError(f"{message}\n{log}")
            if code != 0:
                raise KitError(f"{self.title} does not compile DUT: {first_error(text)}\n{log}")

    def wrong_port(self, _top):
        """What is wrong with a port though the simulator does not say so, or None."""

    def environment(self):
        return {**os.environ, "TMPDIR": str(self.work)}


class Icarus(Simulator):
    title = "Icarus Verilog"
    program = "iverilog"
    version_option = "-V"

    def commands(self, sources, defines, folders):
        # Only a command file can give a time scale to modules without one.
        (self.work / "icarus.f").write_text("+timescale+1ns/1ps\n")
        return [["iverilog", "-g2012", "-grelative-include", "-Wportbind", "-s", "if4_mac_tb", "-o", self.work / "sim.vvp",
                "-c", self.work / "icarus.f",
                *[f"-I{folder}" for folder in folders], *[f"-D{define}" for define in defines],
                *[f"-Y{extension}" for extension in sources.extensions or ([".sv"] if sources.libraries else [])],
                *[word for folder in sources.libraries for word in ("-y", folder)],
                *[word for path in sources.library_files for word in ("-l", path)],
                *sources.files, BENCH]]

    def simulation(self, plusargs, _seed, _begin=None):
        return ["vvp", "-n", self.work / "sim.vvp", *plusargs]


class Verilator(Simulator):
    title = "Verilator"
    program = "verilator"
    version_option = "--version"

    def commands(self, sources, defines, folders):
        # The first only reads, and so says in a second what is wrong; it writes down the ports. Bits without a value have
        # one here, since this simulator has two states; the simulation runs with several (`begins`). Its own warnings are
        # the business of who lints the module; only those about the ports in the testbench are looked at.
        self.ports.unlink(missing_ok=True)
        common = self.common(sources, defines, folders)
        return [["verilator", "--xml-only", "--xml-output", self.ports, "--Mdir", self.work / "xml", *common],
                ["verilator", "--binary", "--trace", "--x-initial", "unique", "--x-assign", "unique",
                 "--Mdir", self.work / "obj", "-o", "sim", "-MAKEFLAGS", "OPT_FAST=-O1", *common]]

    @property
    def ports(self):
        return self.work / "ports.xml"

    def wrong_port(self, top):
        if not self.ports.is_file():
            return None
        for module in ElementTree.parse(self.ports).getroot().iter("module"):
            if module.get("origName") != top:
                continue
            for port in [var for var in module.findall("var") if var.get("pinIndex")]:
                name, direction = port.get("origName"), port.get("dir")
                wanted = "input" if name in INPUTS else "output" if name in OUTPUTS else None
                if wanted and direction != wanted:
                    return f"port {name} of {top} is an {direction}; it is an {wanted} of if4_mac"
                if wanted is None and direction != "output":
                    return f"{top} has another {direction}, {name}, which if4_mac has not"
        return None

    def common(self, sources, defines, folders):
        return ["--timing", "-Wno-fatal", "--relative-includes", "--timescale", "1ns/1ps", "--top-module", "if4_mac_tb",
                *[f"-I{folder}" for folder in folders], *[f"-D{define}" for define in defines],
                *[f"+libext+{extension}" for extension in sources.extensions],
                *[word for folder in sources.libraries for word in ("-y", folder)],
                *[word for path in sources.library_files for word in ("-v", path)],
                *sources.files, BENCH]

    def environment(self):
        # What make is told by the make that started this is not for Verilator's.
        mine = super().environment()
        theirs = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
        return {name: value for name, value in mine.items() if name not in theirs}

    begins = ("random", "all 1", "all 0")

    def simulation(self, plusargs, seed, begin="random"):
        number = {"random": 2, "all 1": 1, "all 0": 0}[begin]
        return [self.work / "obj" / "sim", *plusargs, f"+verilator+rand+reset+{number}",
                f"+verilator+seed+{seed % 2147483647 + 1}"]


SIMULATORS = {"verilator": Verilator, "icarus": Icarus}


def choose(name):
    """The class of the simulator with that name; without a name the first that is installed."""
    if name and name not in SIMULATORS:
        raise KitError(f"SIM={name} is none of: {' '.join(SIMULATORS)}")
    wanted = [SIMULATORS[name]] if name else list(SIMULATORS.values())
    for simulator in wanted:
        if simulator.installed():
            return simulator
    raise KitError(f"{' or '.join(simulator.program for simulator in wanted)} is not installed")
