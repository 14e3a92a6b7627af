"""Energy of a configuration of `make area`, for `make energy` and whoever else needs a figure of it."""

import hashlib
import json
import math
import os
import threading
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import activity as counting
import area
import glitches
from account import PARTS, Accountant
from circuit import circuit_of
from liberty import LibertyError
from modules import Modules, read_signatures
from netlist import PORT, Pin, read_netlist
from power import CellPower, supply, units_of, wire_capacitance
from routed import wires_of
from synthesis import result_folder
from tools import ROOT, remove, save

DATA = "testbench/data/use_lite_"
SAMPLE = ((f"{DATA}attention.safetensors:embedding.weight", f"{DATA}attention.safetensors:layers.0.attention.qkv.weight"),
          (f"{DATA}ffn.safetensors:embedding.projected", f"{DATA}ffn.safetensors:layers.0.ffn.up.weight"))
BEATS = 128            # that are counted of each of the streams, at least
STREAMS = 512          # testbench/faults/packed.hpp
TYPES = ("ff", "fi", "if", "ii")
SOURCES = ("scripts/energy/*.py", "scripts/faults/*.py", "scripts/area/*.py", "testbench/energy/*.?pp", "testbench/faults/*.?pp",
           "model/core/*.?pp", "model/mac/*.?pp", "model/quantize/*.?pp", "model/simd/*.?pp", "model/files/*.?pp",
           "sim/program/operands.?pp")


@dataclass(frozen=True)
class Operands:
    """What is multiplied: pairs (activations, weights) of tensors, or random codes and scales in rows of `length`."""
    pairs: tuple = ()
    seed: int = 1
    length: int = 256
    types: str = ""          # of random operands: one of TYPES, or empty for any

    def arguments(self):
        if not self.pairs:
            types = ["--types", self.types] if self.types else []
            return ["--random", str(self.seed), "--k", str(self.length), *types]
        return [word for acts, weights in self.pairs for word in ("--acts", acts, "--weights", weights)]

    def files(self):
        return [text.partition(".safetensors:")[0] + ".safetensors" if ".safetensors:" in text else text
                for pair in self.pairs for text in pair]


REAL, RANDOM = Operands(SAMPLE), Operands()


def operands_of(acts=None, weights=None):
    """The sample of `make run`, or a pair of tensors."""
    if bool(acts) != bool(weights):
        raise LibertyError("give both activations and weights, or neither")
    return Operands(((acts, weights),)) if acts else REAL


def described(group):
    """A group of a Liberty file as bytes, without its places."""
    yield repr((group.kind, group.arguments, [(one.name, one.values) for one in group.every])).encode()
    for inner in group.groups:
        yield from described(inner)


_synthesis = threading.Lock()  # of measure_all() in several threads
_digests = {}  # id of a library: (the library, hash of all its files say)


def library_digest(library):
    if id(library) not in _digests:
        digest = hashlib.sha256()
        for group in library.groups:
            for part in described(group):
                digest.update(part)
        _digests[id(library)] = (library, digest.hexdigest())
    return _digests[id(library)][1]


@lru_cache(maxsize=None)
def source_digest():
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        digest.update(f"{path.relative_to(ROOT)} ".encode() + path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=None)
def file_digest(name):
    """A hash of a file, or of all files of a folder. Raises LibertyError where it cannot be read."""
    path = Path(ROOT / name)
    found = []
    try:
        for file in sorted(path.glob("**/*")) if path.is_dir() else [path]:
            if not file.is_dir():
                found.append((str(file), hashlib.sha256(file.read_bytes()).hexdigest()))
    except OSError as error:
        raise LibertyError(f"{name}: cannot read: {error.strerror}") from None
    return found


def key_of(config, result, library, operands, routed=None):
    """A hash of all that the energy depends on. `result`: of `make area`; `routed`: the wires of a layout."""
    digest = hashlib.sha256()
    digest.update(repr((config.design, result["key"], library_digest(library), source_digest(), operands, BEATS)).encode())
    digest.update(repr([file_digest(name) for name in operands.files()]).encode())
    if routed:
        digest.update(routed.digest.encode())
    return digest.hexdigest()


def kept(config, library, operands=REAL):
    """What measure() gave for the same, or None; nothing is run."""
    result = area.cached(config.design, library)
    return read_kept(kept_file(config, library, key_of(config, result, library, operands))) if result else None


def kept_file(config, library, key):
    return result_folder(config.design, library) / f"energy_{key[:16]}.json"


def read_kept(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def unit_arguments(config, result):
    """How testbench/energy is told what it drives, and how many products a beat has."""
    top, parameters = config.design.top, dict(config.design.parameters)
    if top not in ("if4_mac", "lane_fp32_mac", "if4_array") or parameters.get("SharedOutput"):
        raise LibertyError(f"{config.name}: the energy of {top} with these parameters is not counted")
    lanes = parameters.get("Lanes", 16)
    rows, columns = (parameters.get("Rows", 8), parameters.get("Cols", 8)) if top == "if4_array" else (1, 1)
    least = rows
    if parameters.get("Iterative"):
        least = math.ceil(result["clocks_a_result"]) + 2
    arguments = ["--format", area.FORMATS[parameters.get("Format", 0)], "--lanes", str(lanes),
                 "--acc-width", str(parameters.get("AccWidth", 0)), "--rows", str(rows), "--columns", str(columns),
                 "--least-beats", str(least), *(["--lane-fp32"] if top == "lane_fp32_mac" else []),
                 *(["--scaled"] if parameters.get("Scaled") else [])]
    return arguments, lanes * rows * columns


class Bench:
    """A netlist of `make area` with what its energy is counted from."""

    routed = None   # the wires of its layout

    def __init__(self, config, library, result, work, routed=None):
        self.config, self.library, self.result, self.work, self.routed = config, library, result, work, routed
        self.arguments, self.products = unit_arguments(config, result)
        self._prepare(Path(os.path.relpath(result_folder(config.design, library), ROOT)), config.design.top)

    def _prepare(self, folder, top):
        """Reads the netlist in a folder, and makes all that counting needs."""
        self.netlist = self._read(folder, top)
        self.circuit = circuit_of(self.netlist)
        units = units_of(self.library)
        self.powers = {cell.name: CellPower(cell, units) for cell in {id(c): c for c in self.netlist.cells.values()}.values()}
        self.wire, self.wire_name = wire_capacitance(self.library, units)
        self.volts = supply(self.library, units)
        slews = counting.read_slews(self.netlist, folder, top, self.work, self.routed)
        self.accountant = Accountant(self.netlist, self.circuit, self.powers, self.wire, slews, self.volts,
                                     self.routed.of(self.netlist) if self.routed else None)
        counting.write_netlist(self.netlist, self.circuit, self.work)

    def _read(self, folder, top):
        return read_netlist(folder, top, self.library, self.work)

    def path_ns(self):
        """The critical path, with wires where there is a layout."""
        return self.routed.path_ns if self.routed else self.result["critical_path_ns"]

    def modules(self):
        """{instance: module of the RTL}"""
        design = self.config.design
        build = SimpleNamespace(name=design.name, module=design.top, files=design.files, parameters=dict(design.parameters))
        none = self.work / "no_cells.txt"
        save(none, "cells 1\nend 0\n")

        def marks_of(circuit, text):
            return read_signatures(lambda name: [str(counting.PROGRAM), name, str(none), *self.arguments, *RANDOM.arguments(),
                                                 "--beats", "16", "--signatures"], circuit, text)

        modules = Modules(self.netlist, self.circuit, build, marks_of, self.work)
        found = {instance: modules.module(Pin(instance, next(iter(cell.outputs))))
                 for instance, cell in self.netlist.cells.items()}
        return {**found, PORT: design.top}

    def count(self, operands):
        return counting.count(self.netlist, self.work, [*self.arguments, *operands.arguments(), "--beats", str(BEATS)])


def figures(bench, counted, spent):
    """The result of measure(), without modules. All in pJ of a beat, at the clock of the critical path."""
    mhz = 1000 / bench.path_ns()
    parts = {part: spent.total(part) / counted.beats for part in PARTS}
    leakage = sum(spent.leakage.values())
    pace = counted.beats / counted.clocks
    parts["leakage"] = leakage / (mhz * pace) * 1e3  # mW over MHz is nJ
    beat = sum(parts.values())
    nets = len(bench.netlist.drivers)
    looked_at = sum(1 for net, driver in bench.netlist.drivers.items() if driver.instance != PORT or net in spent.toggles
                    or not bench.netlist.sinks.get(net))
    told = sum(power.says_leakage for power in bench.powers.values())
    return {"name": bench.config.name, "library": bench.library.name, "volts": bench.volts, "wire_load": bench.wire_name, "layout": bool(bench.routed),
            "pj_per_mac": beat / bench.products, "pj_per_beat": beat, "clock_mhz": mhz, "milliwatt": beat * mhz * pace / 1e3,
            "leakage_milliwatt": leakage, "parts": parts, "products_per_beat": bench.products, "beats": counted.beats, "beats_per_clock": pace,
            "results": counted.results, "types": dict(zip(TYPES, counted.types)),
            "share_annotated": looked_at / nets, "share_told": 1 - spent.untold / spent.outputs if spent.outputs else 1.0,
            "share_leaking": told / len(bench.powers), "toggles_per_net": sum(spent.toggles.values()) / nets / counted.clocks}


def module_rows(bench, counted, spent, owners):
    """pJ of a beat by module, the largest first."""
    mhz = 1000 / bench.path_ns()
    table = {}
    for (instance, part), energy in spent.energy.items():
        table.setdefault(owners[instance], Counter())[part] += energy / counted.beats
    for instance, milliwatt in spent.leakage.items():
        table.setdefault(owners[instance], Counter())["leakage"] += milliwatt / (mhz * counted.beats / counted.clocks) * 1e3
    rows = [{"module": name, "pj_per_beat": sum(parts.values()), "parts": {part: parts[part] for part in (*PARTS, "leakage")}}
            for name, parts in table.items()]
    return sorted(rows, key=lambda row: -row["pj_per_beat"])


def measure_all(config, library, operands, by_module=True, layout=False):
    """A result of each of several operands, of which those that are kept are not counted again. See measure(). `by_module`: the
    first also says what glitches add, where it is of if4_mac. `layout`: wires are those of its layout, which must be there."""
    with _synthesis:
        result = area.results_of([config.design], library, 1)[config.name]
    routed = wires_of(config.name, result) if layout else None
    keys = [key_of(config, result, library, one, routed) for one in operands]
    found = [read_kept(kept_file(config, library, key)) for key in keys]
    by_module = by_module and config.design.top != "if4_array"
    # SDF would need the wires of a layout; Icarus did not compile lane-FP32's netlist with delays within 20 minutes.
    delayed = by_module and not routed and config.design.top == "if4_mac"
    found = [one if one and (not by_module or "modules" in one and ("glitches" in one or place or not delayed)) else None
             for place, one in enumerate(found)]
    if all(found):
        return found
    work = result_folder(config.design, library).with_name(f".energy.{config.name}.{os.getpid()}")
    remove(work)
    work.mkdir(parents=True)
    try:
        bench = Bench(config, library, result, Path(os.path.relpath(work, ROOT)), routed)
        owners = bench.modules() if by_module else None
        for place, (one, key) in enumerate(zip(operands, keys)):
            if found[place]:
                continue
            counted = bench.count(one)
            spent = bench.accountant.spent(counted)
            found[place] = figures(bench, counted, spent)
            if owners:
                found[place]["modules"] = module_rows(bench, counted, spent, owners)
            if delayed and place == 0:
                folder = Path(os.path.relpath(result_folder(config.design, library), ROOT))
                found[place]["glitches"] = glitches.measure(bench, folder, config.design.top, one)
            save(kept_file(config, library, key), json.dumps({"key": key, **found[place]}, indent=1) + "\n")
            found[place] = read_kept(kept_file(config, library, key))
        return found
    finally:
        remove(work)


def measure(config, library, acts=None, weights=None, operands=None, by_module=False):
    """The energy of a configuration (area.Config) while it multiplies the sample, a pair of tensors, or `operands`: a dictionary with
    pj_per_mac, pj_per_beat, clock_mhz, milliwatt and leakage_milliwatt at that clock, parts {switching, internal, clock,
    leakage} in pJ of a beat, share_annotated, and where it is asked for, modules [{module, pj_per_beat, parts}]. Synthesizes what is not there. Raises
    ToolError where a tool failed or the netlist does not give the golden model's results, LibertyError for bad input."""
    return measure_all(config, library, [operands or operands_of(acts, weights)], by_module)[0]
