"""The steps behind a point: what each reads, how it runs, and the command that repeats it. This is the only place that
knows the other tools: scripts/area for synthesis, scripts/energy for energy, the program `if4` for cycles and accuracy.
"""

import json
import math
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from axes import BANDWIDTH, GBYTES, ROOT, Axes
import records

sys.path[:0] = [str(ROOT / "scripts"), *(str(ROOT / "scripts" / room) for room in ("energy", "faults", "area"))]
import builds  # noqa: E402
from liberty import LibertyError  # noqa: E402
from tables import read_library  # noqa: E402
from tools import ToolError, versions  # noqa: E402

LIST = "rtl/array/if4_array.f"
COUNTER = ROOT / "build" / "energy" / "activity"  # which counts transitions
SIDE = 2  # of the array whose parts the energy is counted of
GRAIN = 16  # parts of a byte that a bandwidth is cut to, so that the program need not step through every tile
SECONDS = {"synthesis": 25.0, "energy": 30.0, "cycles": 0.15, "accuracy": 2.0, "network": 4.0}  # of a step, before any was measured


def digest(*parts):
    """A key: of the parts, and of this file, which says what a step does."""
    return records.digest(hash_of(__file__), *parts)


class StepError(RuntimeError):
    """A step failed; one line that says why."""


@dataclass(frozen=True)
class Step:
    kind: str
    key: str
    parameters: dict      # all that it needs, as JSON
    reads: tuple          # the files that it reads
    group: str = ""       # steps of one group share work, and run one after the other


@lru_cache(maxsize=None)
def hash_of(path):
    import hashlib
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(paths):
    return [hash_of(str(path)) for path in paths]


def model_files(path):
    """What `if4 array --model` reads: (safetensors files, of which only the headers; their index and config.json)."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return (sorted(folder.glob("*.safetensors")) if Path(path).is_dir() else [Path(path)]), sorted(folder.glob("*.json"))


def described_files(description):
    """The files that `if4 network` reads of a description, and the description; of one that is none, it alone."""
    path = Path(description)
    try:
        found = json.loads(path.read_text())
        weights = found["weights"] if isinstance(found["weights"], list) else [found["weights"]]
        names = [str(path.parent / name) for name in (*weights, *([found["tokenizer"]] if "tokenizer" in found else []))]
    except (OSError, ValueError, TypeError, KeyError):
        names = []
    return [str(path), *(name for name in names if Path(name).is_file())]


def tensor_files(spec):
    return [text.rpartition(":")[0] or text for text in spec.accuracy.values()]


@lru_cache(maxsize=None)
def sample_files():
    """The tensors that the energy is counted with, those of `make run`."""
    from measure import REAL
    return tuple(str(ROOT / name) for name in REAL.files())


@lru_cache(maxsize=None)
def header_hash(path):
    with open(path, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        return records.digest(Path(path).name, stream.read(min(length, 1 << 28)).decode(errors="replace"))


class Context:
    """What all steps share: the program, the axes, the hashes of scripts and tools."""

    def __init__(self, program):
        self.program = Path(program).resolve()
        self.axes = Axes(self.program)

    @lru_cache(maxsize=None)
    def flow(self, *rooms):
        """The files of the RTL, and of the scripts that make a netlist of it."""
        scripts = [path for room in rooms for path in sorted((ROOT / "scripts" / room).glob("*.py"))]
        return [ROOT / name for name in builds.listed(LIST)] + sorted((ROOT / "rtl").glob("*.svh")) + scripts

    # --- Which step a point needs ---

    def array_parameters(self, point):
        """{parameter of the RTL: whole number}; an accumulator of 0 bits is the default one."""
        found = {}
        for axis, name in self.axes.parameters.items():
            value = point.axes[axis]
            if axis == "acc_width" and value == 0:
                continue
            found[name] = builds.format_names().index(value) if axis == "format" else int(value)
        return found

    def synthesis(self, spec, point):
        parameters = {"parameters": self.array_parameters(point), "files": spec.liberties[point.axes["liberty"]]["files"]}
        reads = (*self.flow("area"), *parameters["files"])
        return Step("synthesis", digest("synthesis", parameters["parameters"], versions(), hashes(reads)), parameters, reads,
                    self.group(parameters))

    def cycles(self, spec, point, clock_mhz):
        """`clock_mhz` turns GB/s into bytes a cycle."""
        knobs = {axis: point.axes[axis] for axis in self.axes.knobs if axis in point.axes}
        if GBYTES in point.axes:
            knobs[BANDWIDTH] = math.floor(GRAIN * 1000 * point.axes[GBYTES] / clock_mhz) / GRAIN
        network = spec.networks[point.axes["network"]]
        if "topology" in network:
            words, read, reads = ["--topology", network["topology"]], [], [network["topology"]]
        else:
            words = ["--model", network["model"], "--batch", str(network["batch"])]
            words += ["--tokens", str(network["tokens"])] if network["phase"] == "prefill" else \
                ["--decode", "--context", str(network["context"])]
            headers, reads = model_files(network["model"])
            read = [words[2:], [header_hash(str(path)) for path in headers]]
        parameters = {"words": words + self.axes.words(knobs), "program": str(self.program)}
        reads = (*reads, self.program)
        return Step("cycles", digest("cycles", self.axes.words(knobs), read, hashes(reads)), parameters, reads)

    def accuracy(self, spec, point):
        words = ["--rule", point.axes["rule"], *(["--rht"] if point.axes["rht"] else []),
                 *(["--2d"] if point.axes["scales_2d"] else [])]
        files = tensor_files(spec)
        names = [text.rpartition(":")[2] for text in spec.accuracy.values()]
        parameters = {"words": ["--acts", spec.accuracy["acts"], "--weights", spec.accuracy["weights"], *words],
                      "program": str(self.program)}
        reads = (*files, self.program)
        return Step("accuracy", digest("accuracy", words, names, hashes(reads)), parameters, reads)

    def network(self, spec, point):
        """What the format does to a whole network; None where there is none, or it does not run so."""
        axes = point.axes
        if not spec.encoder or axes["rht"] or axes["scales_2d"]:
            return None
        sentences = spec.encoder["sentences"]
        words = ["--format", axes["format"] + ("+search" if axes["search"] else ""), "--rule", axes["rule"]]
        files = [*described_files(spec.encoder["description"]), sentences]
        parameters = {"words": [spec.encoder["description"], "--input" if sentences.endswith(".safetensors") else "--sentences", sentences,
                                *words], "program": str(self.program)}
        reads = (*files, self.program)
        return Step("network", digest("network", words, hashes(reads)), parameters, reads)

    def energy(self, spec, point):
        """Of the parts that arrays of any size with these parameters are made of."""
        parameters = {"parameters": {name: value for name, value in self.array_parameters(point).items() if name != "SharedOutput"}
                      | {"Rows": SIDE, "Cols": SIDE}, "files": spec.liberties[point.axes["liberty"]]["files"]}
        reads = (*self.flow("area", "faults", "energy"), *parameters["files"], *sample_files(), COUNTER)
        return Step("energy", digest("energy", parameters["parameters"], versions(), hashes(reads)), parameters, reads,
                    self.group(parameters))

    def group(self, parameters):
        """What shares the parts of an array."""
        sizes = ("Rows", "Cols", "SharedOutput")
        return records.digest({name: value for name, value in parameters["parameters"].items() if name not in sizes}, parameters["files"])


# --- How it runs ---


def call(words, work, what):
    """Runs a program in the root of the project; StepError with what it says where it fails."""
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "not a word").splitlines()[-1]
        raise StepError(f"{what}: {said}")
    return done.stdout


def run_synthesis(parameters, work):
    import arrays
    result = arrays.compose(parameters["parameters"], read_library(" ".join(parameters["files"])))
    return {key: result[key] for key in ("area", "nand2", "flip_flops", "critical_path_ns", "from", "to", "modules", "surroundings")}


def run_cycles(parameters, work):
    report = work / "cycles.json"
    call([parameters["program"], "array", *parameters["words"], "--timing-only", "--json", str(report)], work, "cycles")
    found = json.loads(report.read_text())
    if not found["layers"] or any(layer["cycles"] <= 0 for layer in found["layers"]):
        raise StepError("cycles: the program counted none")
    return {"config": found["config"], "layers": found["layers"]}


def run_accuracy(parameters, work):
    report = work / "accuracy.json"
    call([parameters["program"], "compare", *parameters["words"], "--json", str(report)], work, "accuracy")
    found = json.loads(report.read_text())["formats"]
    return {"formats": [{key: one[key] for key in ("format", "search", "sqnr_db", "relative_mse", "int_share", "product")}
                        for one in found]}


def run_network(parameters, work):
    report = work / "network.json"
    call([parameters["program"], "network", *parameters["words"], "--json", str(report)], work, "network")
    found = json.loads(report.read_text())
    own, = found["formats"]
    return {"sentences": found["sentences"], "network": found["network"],
            **{key: own[key] for key in ("mean_cosine_distance", "largest_cosine_distance", "rank_correlation", "same_neighbour") if key in own}}


def run_energy(parameters, work):
    import compose
    return compose.kept_parts(parameters["parameters"], read_library(" ".join(parameters["files"])))


RUNNERS = {"synthesis": run_synthesis, "energy": run_energy, "cycles": run_cycles, "accuracy": run_accuracy, "network": run_network}


def run(kind, parameters, work):
    """The result of a step; StepError where there is none."""
    try:
        return RUNNERS[kind](parameters, work)
    except (ToolError, LibertyError) as error:
        raise StepError(f"{kind}: {error}") from None


def command(step):
    """What a user types to repeat a step, from the root of the project."""
    words = step.parameters.get("words")
    if step.kind == "cycles":
        return shlex.join(["build/if4", "array", *map(short, words), "--timing-only"])
    if step.kind == "accuracy":
        return shlex.join(["build/if4", "compare", *map(short, words)])
    if step.kind == "network":
        return shlex.join(["build/if4", "network", *map(short, words)])
    values = dict(step.parameters["parameters"])
    array = " ".join([builds.format_names()[values.pop("Format")], f"{values.pop('Rows')}x{values.pop('Cols')}",
                      *(f"{name}={value}" for name, value in values.items())])
    liberty = " ".join(map(short, step.parameters["files"]))
    if step.kind == "synthesis":
        return shlex.join(["make", "area", f"ARRAY={array}", f"LIBERTY={liberty}"])
    return shlex.join(["python3", "scripts/energy/compose.py", "--liberty", liberty, array])


def short(word):
    """A path below the project, relative to its root."""
    return word.removeprefix(f"{ROOT}/")
