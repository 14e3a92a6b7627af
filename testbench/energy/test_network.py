#!/usr/bin/env python3
"""Energies of networks: the program's formula is that of scripts/energy, and the table that comes with the project is what is
counted. IF4_PROGRAM is the program if4."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "scripts" / room) for room in ("energy", "faults", "area")]
import area  # noqa: E402
import arrays  # noqa: E402
import compose  # noqa: E402
from tables import read_library  # noqa: E402

PROGRAM = Path(os.environ.get("IF4_PROGRAM", ROOT / "build" / "if4")).resolve()
TABLE = ROOT / "scripts" / "network" / "energy.json"
CUT = "testbench/data/network"
WITHIN = 0.05  # of the table: other versions of the tools map the RTL to other gates


def made_up():
    """Parts of an array, each with numbers of its own."""
    def one(value):
        return {part: value * factor for part, factor in zip(compose.PARTS, (1.0, 0.5, 0.25, 1e-3))}
    return {"cell": one(20.0), "output": one(7.0), "result": one(3.0), "around": one(1.5),
            "edges": {"row": {"first": one(2.0), "skew": one(0.3)}, "col": {"first": one(1.0), "skew": one(0.2)}}}


class Formula(unittest.TestCase):
    def test_the_program_and_the_scripts_say_the_same(self):
        for text in ("if4 8x8", "nvfp4 4x16 Lanes=32 SharedOutput=1"):
            parameters = arrays.parse(text)
            found = compose.composed(parameters, made_up(), 75.0, compose.TILE)
            table = compose.document({tuple(parameters.items()): found}, SimpleNamespace(name="made up"))
            own, = table["arrays"]
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "energy.json").write_text(json.dumps(table))
                report = Path(folder) / "report.json"
                words = [word for name in ("format", "rows", "columns", "lanes") for word in (f"--{name}", str(own[name]))]
                subprocess.run([PROGRAM, "network", f"{CUT}/network.json", "--input", f"{CUT}/sentences.safetensors", *words, "--clock", "20",
                                *(["--shared-output"] if own["shared-output"] else []), "--energy-from", f"{folder}/energy.json", "--json", report],
                               cwd=ROOT, check=True, capture_output=True)
                result, = json.loads(report.read_text())["formats"]
            for entry in (*result["layers"], result["total"]):
                expected = compose.run_pj(found, entry["cycles"], entry["beat_cycles"], entry["tiles"], entry["cycles"] / 20e6)
                self.assertAlmostEqual(entry["energy_pj"] / expected, 1, delta=1e-12, msg=text)

    def test_what_composed_says_of_full_use_is_a_run_of_whole_tiles(self):
        parameters = arrays.parse("if4 8x8")
        found = compose.composed(parameters, made_up(), 75.0, 16)
        tiles, cycles = 1000, 16000
        run = compose.run_pj(found, cycles, cycles, tiles, cycles / 75e6)
        self.assertAlmostEqual(found["pj_per_mac"] * cycles * 8 * 8 * 16 / run, 1, delta=1e-12)
        self.assertAlmostEqual(found["busy_pj"] * cycles + found["leakage_mw"] * cycles / 75e6 * 1e9, run, delta=1e-6)
        self.assertAlmostEqual(sum(found["parts"].values()), found["busy_pj"], delta=1e-9)


class Table(unittest.TestCase):
    def test_the_table_is_what_is_counted(self):
        table = json.loads(TABLE.read_text())
        library = read_library(area.default_liberty())
        self.assertEqual(table["library"], library.name)
        counted = compose.compose(arrays.parse("nvfp4 8x8"), library)
        own, = (one for one in table["arrays"] if one["format"] == "nvfp4")
        for name in ("beat_pj", "idle_pj", "tile_pj", "pj_per_mac"):
            self.assertAlmostEqual(counted[name] / own[name], 1, delta=WITHIN, msg=f"{name}: make energy ARRAY=... ENERGY={TABLE.relative_to(ROOT)} "
                                   "makes the table anew (scripts/network/README.md)")


if __name__ == "__main__":
    unittest.main()
