"""Reads the TOML file that describes a design space. Nothing in it has a default: what is missing, unknown or no value is a
SpecError of one line with file, line and key.
"""

import itertools
import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from axes import BANDWIDTH, GBYTES, PLACES, ROOT, AxisError, text_of
from expressions import Condition, ExpressionError, Unknown
from metrics import METRICS

PLACES_FILE = Path(__file__).with_name("places.toml")
SECTIONS = ("axes", "accuracy", "memory", "require", "liberty", "network")
LIBERTY_KEYS = {"files": str, "um2": (int, float), "feature_nm": (int, float)}
TOPOLOGY_KEYS = {"topology": str, "items": int, "item": str}
MODEL_KEYS = {"model": str, "phase": str, "batch": int}
PHASES = {"prefill": "tokens", "decode": "context"}
ENCODER_KEYS = {"network": str, "sentences": str}
MEMORY_KEYS = {"buffer": ("bit_squares", "cells_of_area", "pj_per_byte_45nm", "power_of_feature", "source"),
               "dram": ("pj_per_byte", "source")}
MOST_POINTS = 200_000


class SpecError(ValueError):
    """The spec is wrong; one line names file, line and key."""


class Document:
    """A TOML file, and where its keys stand in it."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            self.text = self.path.read_text()
            self.values = tomllib.loads(self.text)
        except OSError as error:
            raise SpecError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SpecError(f"{path}: is no text") from None
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            place = f"{path}:{found[1]}" if found else str(path)
            raise SpecError(f"{place}: {re.sub(r' [(]at .*', '', str(error))}") from None

    def place(self, *keys):
        """FILE:LINE of a key below its tables, or of the innermost table around it that is there."""
        *tables, key = keys
        line, here, best = 1, [], 0
        for number, text in enumerate(self.text.splitlines(), 1):
            if head := re.match(r"\s*\[\s*([^\]]+?)\s*\]", text):
                here = [part.strip().strip("\"'") for part in head[1].split(".")]
                if here == list(keys)[:len(here)] and len(here) > best:
                    line, best = number, len(here)
            elif (name := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*=", text)) and here == tables and name[1] == key:
                return f"{self.path}:{number}"
        return f"{self.path}:{line}"

    def error(self, text, *keys):
        return SpecError(f"{self.place(*keys)}: {'.'.join(keys)}: {text}" if keys else f"{self.path}: {text}")

    def table(self, wanted, *keys):
        """The table at `keys`, with exactly the keys of {name: type}."""
        values = self.values
        for key in keys:
            values = values[key]
        if not isinstance(values, dict):
            raise self.error("is no table", *keys)
        for name, kind in wanted.items():
            if name not in values:
                raise self.error(f"{name} is not set", *keys)
            if not isinstance(values[name], kind) or isinstance(values[name], bool):
                raise self.error(f"{text_of(values[name])} is {'no text' if kind is str else 'no number of its kind'}", *keys, name)
            if kind is not str and values[name] <= 0:
                raise self.error(f"{values[name]} is not above 0", *keys, name)
        return values


def expand(document, text, *keys):
    """A path with its ${VARIABLES}, relative to the root of the project."""
    def variable(match):
        if not os.environ.get(match[1]):
            raise document.error(f"the environment has no {match[1]}", *keys)
        return os.environ[match[1]]
    return str(ROOT / re.sub(r"\$\{(\w+)\}", variable, text))


@dataclass
class Point:
    """A design and what it runs. `status`: new, done, failed (a step of it did), excluded (by a condition on a metric),
    left (there was no time)."""
    axes: dict
    name: str
    status: str = "new"
    reason: str = ""
    values: dict = field(default_factory=dict)   # metrics
    keys: dict = field(default_factory=dict)     # kind of step: key of its record


@dataclass
class Spec:
    path: Path
    axes: dict          # name: values
    liberties: dict     # name: {files: [path], um2, feature_nm}
    networks: dict      # name: {topology: path, items, item} or {model, phase, batch, tokens or context, items, item}
    accuracy: dict      # acts, weights: FILE:NAME
    encoder: dict       # description and sentences of the network that each format runs; empty: there is none
    notes: list         # what a reader should know of what is not there
    memory: dict
    conditions: list
    points: list

    def names(self):
        return {*self.axes, *(metric.name for metric in METRICS)}

    def words(self):
        return {value for values in self.axes.values() for value in values if isinstance(value, str)}

    def condition(self, text):
        return Condition(text, self.names(), self.words())


def point_name(axes):
    """A name that depends on nothing but the values of the axes, so that it means the same in every spec."""
    import hashlib
    return hashlib.sha256(json.dumps(axes, sort_keys=True).encode()).hexdigest()[:10]


def read_axes(document, axes):
    given = document.values.get("axes")
    if not isinstance(given, dict):
        raise SpecError(f"{document.path}: there is no table [axes]")
    for name, values in given.items():
        if not axes.is_axis(name):
            raise document.error(f"there is no such axis; there are {', '.join(axes.names)}, {GBYTES}", "axes", name)
    if GBYTES in given and BANDWIDTH in given:
        raise document.error(f"contradicts {BANDWIDTH}: set one of them", "axes", GBYTES)
    if missing := axes.missing(given):
        raise document.error(f"not set: {', '.join(missing)}; no axis has a default", "axes")
    found = {}
    for name, values in given.items():
        values = values if isinstance(values, list) else [values]
        if not values:
            raise document.error("has no value", "axes", name)
        for number, value in enumerate(values):
            if not isinstance(value, (str, int, float, bool)):
                raise document.error(f"{value} is no value", "axes", name)
            if any(value == other and type(value) is type(other) for other in values[:number]):
                raise document.error(f"has {text_of(value)} twice", "axes", name)
            try:
                axes.check(name, value)
            except AxisError as error:
                raise document.error(str(error), "axes", name) from None
        found[name] = values
    return found


def owner(documents, kind, name, document):
    """The document that has the table [KIND.NAME]."""
    for one in documents:
        if isinstance(one.values.get(kind), dict) and name in one.values[kind]:
            return one
    known = sorted({other for one in documents for other in one.values.get(kind, {})})
    raise document.error(f"no table [{kind}.{text_of(name)}] is here or in {PLACES_FILE.name}; there are {', '.join(known)}",
                         "axes", kind)


def read_liberty(document, name):
    keys = ("liberty", name)
    values = document.table(LIBERTY_KEYS, *keys)
    files = [expand(document, word, *keys, "files") for word in values["files"].split()]
    for file in files:
        if not Path(file).is_file():
            package = f"; Debian's package {values['package']} brings it" if "package" in values else ""
            raise document.error(f"there is no file {file}{package}", *keys, "files")
    return {"files": files, "um2": float(values["um2"]), "feature_nm": float(values["feature_nm"])}


def check_libraries(document, spec):
    """Netlists lie in a folder with the name of a library's first file, which two libraries must not share."""
    known = {}
    for name, library in spec.liberties.items():
        first = Path(library["files"][0]).name.removesuffix(".gz"), len(library["files"])
        bytes_ = [Path(file).read_bytes() for file in library["files"]]
        if known.setdefault(first, (name, bytes_))[1] != bytes_:
            raise document.error(f"{name} and {known[first][0]} have files of one name, {first[0]}, with different cells; rename one",
                                 "axes", "liberty")


def read_network(document, name):
    keys = ("network", name)
    values = document.values["network"][name]
    if isinstance(values, dict) and "model" in values:
        document.table(MODEL_KEYS, *keys)
        if values["phase"] not in PHASES:
            raise document.error(f"'{values['phase']}' is neither prefill nor decode", *keys, "phase")
        length = PHASES[values["phase"]]
        document.table({**MODEL_KEYS, length: int}, *keys)
        allowed = {*MODEL_KEYS, length}
        found = {**values, "model": expand(document, values["model"], *keys, "model"), "item": "token",
                 "items": values["batch"] * (values["tokens"] if length == "tokens" else 1)}
        path = found["model"]
    else:
        found = dict(document.table(TOPOLOGY_KEYS, *keys))
        found["topology"] = path = expand(document, found["topology"], *keys, "topology")
        allowed = set(TOPOLOGY_KEYS)
    for key in values.keys() - allowed:
        raise document.error(f"there is no such key; there are {', '.join(sorted(allowed))}", *keys, key)
    if not Path(path).exists():
        raise document.error(f"there is no {path}", *keys)
    return found


def read_memory(document):
    if not isinstance(document.values.get("memory"), str):
        raise document.error("is not set: the file of assumptions about buffers and DRAM", "memory")
    memory = Document(expand(document, document.values["memory"], "memory"))
    for section, names in MEMORY_KEYS.items():
        if section not in memory.values:
            raise memory.error(f"there is no table [{section}]")
        memory.table({name: str if name == "source" else (int, float) for name in names}, section)
    return {section: dict(memory.values[section]) for section in MEMORY_KEYS} | {"file": str(memory.path)}


def read_conditions(document, spec):
    texts = document.values.get("require")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise document.error("is not set: a list of conditions, which may be empty", "require")
    try:
        return [spec.condition(text) for text in texts]
    except ExpressionError as error:
        raise document.error(str(error), "require") from None


def read_accuracy(document, spec):
    accuracy = document.table({"acts": str, "weights": str}, "accuracy")
    for key in accuracy.keys() - {"acts", "weights", *ENCODER_KEYS}:
        raise document.error("there is no such key", "accuracy", key)
    for key in ("acts", "weights"):
        spec.accuracy[key] = expand(document, accuracy[key], "accuracy", key)
        if not Path(spec.accuracy[key].rpartition(":")[0] or spec.accuracy[key]).is_file():
            raise document.error(f"there is no file {spec.accuracy[key].rpartition(':')[0]}, as in FILE:NAME", "accuracy", key)
    if not accuracy.keys() & ENCODER_KEYS.keys():
        return
    document.table(ENCODER_KEYS, "accuracy")
    description, sentences = (expand(document, accuracy[key], "accuracy", key) for key in ENCODER_KEYS)
    if not Path(sentences).is_file():
        raise document.error(f"there is no file {sentences}", "accuracy", "sentences")
    if Path(description).is_file():
        spec.encoder = {"description": description, "sentences": sentences}
        if True in (*spec.axes["rht"], *spec.axes["scales_2d"]):
            spec.notes.append("points with rht or scales_2d have no figures of a network: `if4 network` has neither")
    else:
        spec.notes.append(f"no point has figures of a network: there is no file {accuracy['network']}; `make run-network` fetches "
                          "build/network/use_lite")


def make_points(document, spec):
    """The points that conditions on axes alone let through."""
    count = 1
    for values in spec.axes.values():
        count *= len(values)
    if count > MOST_POINTS:
        raise SpecError(f"{document.path}: the axes make {count} points, more than {MOST_POINTS}")
    early = [condition for condition in spec.conditions if condition.names <= spec.axes.keys()]
    points = []
    for values in itertools.product(*spec.axes.values()):
        axes = dict(zip(spec.axes, values))
        try:
            if all(condition.holds(axes) for condition in early):
                points.append(Point(axes, point_name(axes)))
        except (ExpressionError, Unknown) as error:
            raise document.error(str(error), "require") from None
    if not points:
        raise document.error("the conditions leave no point", "require")
    return points


def read(path, axes):
    """The spec of a file; raises SpecError."""
    document, places = Document(path), Document(PLACES_FILE)
    for key in document.values:
        if key not in SECTIONS:
            raise document.error(f"there is no such key; there are {', '.join(SECTIONS)}", key)
    spec = Spec(Path(path), read_axes(document, axes), {}, {}, {}, {}, [], read_memory(document), [], [])
    for kind, target, reader in (("liberty", spec.liberties, read_liberty), ("network", spec.networks, read_network)):
        for name in spec.axes[kind]:
            target[name] = reader(owner((document, places), kind, name, document), name)
    check_libraries(document, spec)
    if not isinstance(document.values.get("accuracy"), dict):
        raise SpecError(f"{document.path}: there is no table [accuracy]")
    read_accuracy(document, spec)
    spec.conditions = read_conditions(document, spec)
    spec.points = make_points(document, spec)
    assert not {*PLACES} - spec.axes.keys()
    return spec
