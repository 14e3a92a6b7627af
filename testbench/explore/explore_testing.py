"""What the tests of `make explore` share: a small spec, and made-up records of the steps that take minutes, so that runs of
the program itself are real and quick.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPLORE = ROOT / "scripts" / "explore" / "explore.py"
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "scripts"), *(str(ROOT / "scripts" / room) for room in ("explore", "regress", "page"))]

import records  # noqa: E402
import spec as specs  # noqa: E402
import steps  # noqa: E402

PROGRAM = Path(os.environ.get("IF4_PROGRAM", ROOT / "build" / "if4")).resolve()
# Figures of an array, by cell: none is real, and all differ by format.
AREAS = {"if4": 60000.0, "mixfp4": 56000.0, "nvfp4": 51000.0, "nvint4": 53000.0}
PATHS = {"if4": 7.5, "mixfp4": 7.75, "nvfp4": 7.0, "nvint4": 7.25}

CUT = "testbench/data/network"  # the cut of a network that runs


def network_text(network=f"{CUT}/network.json", sentences=f"{CUT}/sentences.safetensors"):
    """The two keys of [accuracy] that name a network."""
    return f'network = "{network}"\nsentences = "{sentences}"'


def toml(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def spec_text(require=(), more="", **changes):
    """The text of a spec with some axes changed; None leaves one out. `more`: further lines."""
    axes = {"format": ["if4", "nvfp4"], "lanes": 16, "acc_width": 0, "shared_output": False, "depth": 0, "rows": [4, 8], "columns": [8],
            "liberty": ["osu018"], "network": ["vit_b_16", "bert_base_512"], "rule": "mse", "search": False, "rht": False,
            "scales_2d": False, "acts_buffer": "1M", "weights_buffer": "1M", "output_buffer": "64K", "acts_banks": 0,
            "weights_banks": 0, "dram_gbytes": 25.6, "dram_latency": 100, "dram_burst": 64, "ideal_memory": False,
            "order": "mn", "snake": False, "overlap": True, **changes}
    lines = ['memory = "scripts/explore/memory.toml"', f"require = {toml(list(require))}", "[axes]"]
    lines += [f"{name} = {toml(value)}" for name, value in axes.items() if value is not None]
    lines += ["[accuracy]", 'acts = "testbench/data/use_lite_ffn.safetensors:embedding.projected"',
              'weights = "testbench/data/use_lite_ffn.safetensors:layers.0.ffn.up.weight"', more]
    return "\n".join(lines) + "\n"


def made_up(step, point):
    """The result of a step of synthesis or energy."""
    cells, name = point.axes["rows"] * point.axes["columns"], point.axes["format"]
    if step.kind == "synthesis":
        return {"area": AREAS[name] * cells * point.axes["lanes"] / 16, "nand2": None, "flip_flops": 400 * cells,
                "critical_path_ns": PATHS[name] + cells / 1000, "from": "a", "to": "b", "modules": [], "surroundings": "made up"}
    def parts(switching=0.0, clock=0.0, leakage=0.0):
        return {"switching": switching, "internal": 0.0, "clock": clock, "leakage": leakage}
    edge = {"first": parts(1.0, 0.5), "skew": parts(0.25)}
    return {"cell": parts(AREAS[name] / 1000, AREAS[name] / 5000, 0.001), "edges": {"row": edge, "col": edge}, "output": parts(2.0, 1.0),
            "result": parts(3.0), "around": parts(0.5), "volts": 1.8, "results": 1, "gates": 1}


def prefill(text, folder, kinds=("synthesis", "energy")):
    """Writes the spec into the folder, and records of the steps of these kinds. The spec's file."""
    path = Path(folder) / "spec.toml"
    path.write_text(text)
    context = steps.Context(PROGRAM)
    read = specs.read(path, context.axes)
    for point in read.points:
        for kind in kinds:
            step = getattr(context, kind)(read, point)
            if step and not records.read(Path(folder) / "out", kind, step.key):
                records.write(records.path_of(Path(folder) / "out", kind, step.key), {
                    "version": records.VERSION, "kind": kind, "key": step.key, "parameters": step.parameters,
                    "result": made_up(step, point), "seconds": 20.0, "host": "here"})
    return path


class ExploreTest(unittest.TestCase):
    def setUp(self):
        self.box = tempfile.TemporaryDirectory(prefix="if4_explore_")
        self.folder = Path(self.box.name)
        self.out = self.folder / "out"
        self.addCleanup(self.box.cleanup)

    def command(self, *words, spec=None):
        named = ["--spec", str(spec)] if spec else []
        return [sys.executable, "-B", str(EXPLORE), *words, *named, "--folder", str(self.out), "--program", str(PROGRAM)]

    def explore(self, *words, spec=None, environment=None):
        """(exit code, stdout, stderr) of explore.py."""
        done = subprocess.run(self.command(*words, spec=spec), capture_output=True, text=True,
                              env={**os.environ, **(environment or {})})
        return done.returncode, done.stdout, done.stderr
