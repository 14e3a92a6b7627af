"""What a point is judged by: each metric with its unit, and how it follows from the records of the point's steps."""

from dataclasses import dataclass

MORE, LESS = 1, -1  # which is better; 0: neither


@dataclass(frozen=True)
class Metric:
    name: str
    title: str    # for people; {item} is what a network makes
    unit: str
    better: int
    text: str
    assumed: bool = False  # rests on the file of assumptions about memories, and not on a measurement


METRICS = [
    Metric("area_mm2", "area", "mm2", LESS, "cells of the array: cells, edges, output stages, control; no buffers, no layout"),
    Metric("flip_flops", "flip-flops", "", LESS, "of the array"),
    Metric("critical_path_ns", "critical path", "ns", LESS, "the longest path of the array"),
    Metric("clock_mhz", "clock", "MHz", MORE, "1000 / critical_path_ns"),
    Metric("peak_gmacs", "peak", "GMAC/s", MORE, "products a second if every lane had one each clock"),
    Metric("cycles", "cycles a run", "", LESS, "of one run of the network"),
    Metric("run_ms", "time a run", "ms", LESS, "time of one run of the network at the clock"),
    Metric("items_per_second", "{item}s a second", "", MORE, "tokens, images or clips a second, whatever the network makes"),
    Metric("tokens_per_second", "tokens a second", "", MORE, "the same, of networks that make tokens"),
    Metric("ms_per_item", "time a {item}", "ms", LESS, "run_ms over the items of a run"),
    Metric("gmacs", "products a second", "GMAC/s", MORE, "products a second that the network needs"),
    Metric("gmacs_per_mm2", "throughput density", "GMAC/s/mm2", MORE, "gmacs / area_mm2"),
    Metric("utilization", "utilization", "%", MORE, "gmacs / peak_gmacs"),
    Metric("waiting_share", "waiting", "%", LESS, "cycles in which the array waits for operands, for room for results, or for banks"),
    Metric("dram_bytes_per_cycle", "DRAM a cycle", "B", 0, "bandwidth of the DRAM at the clock, cut to 1/16"),
    Metric("dram_mbytes", "DRAM a run", "MB", LESS, "moved between DRAM and buffers in a run"),
    Metric("pj_per_mac", "energy a product", "pJ", LESS, "energy of the array a product, at full use"),
    Metric("uj_per_item", "energy a {item}", "uJ", LESS, "energy of the array an item: busy clocks, waiting clocks, leakage"),
    Metric("array_mw", "power of the array", "mW", LESS, "mean power of the array in the run"),
    Metric("sqnr_db", "SQNR of products", "dB", MORE, "of the product of two real tensors, against that of the unquantized ones"),
    Metric("relative_mse", "relative MSE of products", "", LESS, "of that product"),
    Metric("tensor_sqnr_db", "SQNR of tensors", "dB", MORE, "of the two tensors themselves"),
    Metric("cosine_distance", "1 - cosine of a network", "", LESS, "of a whole network in the format to FP32, mean of its sentences: `if4 network`"),
    Metric("largest_cosine_distance", "largest 1 - cosine", "", LESS, "of any sentence"),
    Metric("rank_correlation", "rank correlation", "", MORE, "of the similarities of all pairs of sentences, with those in FP32"),
    Metric("same_neighbour", "nearest neighbour kept", "%", MORE, "of the sentences, with that in FP32"),
    Metric("int_share", "integer blocks", "%", 0, "blocks of both tensors that are of the integer type"),
    Metric("buffers_mm2", "area of buffers", "mm2", LESS, "of the three buffers", True),
    Metric("buffers_uj_per_item", "energy of buffers a {item}", "uJ", LESS, "energy of the buffers an item, a write and a read each", True),
    Metric("dram_uj_per_item", "energy of DRAM a {item}", "uJ", LESS, "energy of the DRAM an item", True),
]
BY_NAME = {metric.name: metric for metric in METRICS}
WAITS = ("activation_wait_cycles", "weight_wait_cycles", "output_wait_cycles", "bank_cycles")
DRAM = ("dram_activation_bytes", "dram_weight_bytes", "dram_output_bytes")
BUFFERS = ("buffer_activation_bytes", "buffer_weight_bytes", "buffer_output_bytes")


def of_synthesis(result, liberty, axes):
    clock = 1000 / result["critical_path_ns"]
    return {"area_mm2": result["area"] * liberty["um2"] / 1e6, "flip_flops": result["flip_flops"],
            "critical_path_ns": result["critical_path_ns"], "clock_mhz": clock,
            "peak_gmacs": axes["rows"] * axes["columns"] * axes["lanes"] * clock / 1000}


def total(layers, *names):
    """Of one run of the network, in which a layer has its number of runs."""
    return sum(layer[name] * layer["runs"] for layer in layers for name in names)


def of_cycles(result, network, values):
    """`values`: those of_synthesis()."""
    layers = result["layers"]
    cycles = total(layers, "cycles")
    seconds = cycles / (values["clock_mhz"] * 1e6)
    gmacs = total(layers, "macs") / seconds / 1e9
    return {"cycles": cycles, "run_ms": 1000 * seconds, "items_per_second": network["items"] / seconds,
            "tokens_per_second": network["items"] / seconds if network["item"] == "token" else None,
            "ms_per_item": 1000 * seconds / network["items"], "gmacs": gmacs,
            "gmacs_per_mm2": gmacs / values["area_mm2"], "utilization": 100 * gmacs / values["peak_gmacs"],
            "waiting_share": 100 * total(layers, *WAITS) / cycles, "dram_bytes_per_cycle": result["config"]["dram-bandwidth"],
            "dram_mbytes": total(layers, *DRAM) / 1e6}


def of_accuracy(result, axes):
    """Of the entry of the format, with its scales searched or not."""
    own, = (one for one in result["formats"] if (one["format"], one["search"]) == (axes["format"], axes["search"]))
    return {"sqnr_db": own["product"]["sqnr_db"], "relative_mse": own["product"]["relative_mse"],
            "tensor_sqnr_db": own["sqnr_db"], "int_share": 100 * own["int_share"]}


def of_network(result):
    found = {"cosine_distance": result["mean_cosine_distance"], "largest_cosine_distance": result["largest_cosine_distance"]}
    if "rank_correlation" in result:  # which takes three sentences
        found |= {"rank_correlation": result["rank_correlation"], "same_neighbour": 100 * result["same_neighbour"]}
    return found


def of_energy(parts, cycles, network, axes, values):
    """`parts`: what scripts/energy/compose.py composes arrays of."""
    import compose
    parameters = {"Rows": axes["rows"], "Cols": axes["columns"], "Lanes": axes["lanes"], "SharedOutput": int(axes["shared_output"])}
    found = {"pj_per_mac": compose.composed(parameters, parts, values["clock_mhz"], compose.TILE)["pj_per_mac"]}
    if cycles:
        layers = cycles["layers"]
        beats = total(layers, "beat_cycles")
        seconds = values["run_ms"] / 1000
        own = compose.terms(parameters, parts)
        microjoules = compose.run_pj(own, values["cycles"], beats, total(layers, "tiles"), seconds) / 1e6
        found["uj_per_item"] = microjoules / network["items"]
        found["array_mw"] = microjoules / seconds / 1000
    return found


def of_memory(memory, liberty, cycles, network):
    """What rests on assumptions alone."""
    buffer, config, layers = memory["buffer"], cycles["config"], cycles["layers"]
    size = sum(config[name] for name in ("acts-buffer", "weights-buffer", "output-buffer"))
    bit = buffer["bit_squares"] * (liberty["feature_nm"] / 1000) ** 2
    energy = buffer["pj_per_byte_45nm"] * (liberty["feature_nm"] / 45) ** buffer["power_of_feature"]
    moved = total(layers, *DRAM)
    return {"buffers_mm2": 8 * size * bit / buffer["cells_of_area"] / 1e6,
            "buffers_uj_per_item": (moved + total(layers, *BUFFERS)) * energy / 1e6 / network["items"],
            "dram_uj_per_item": moved * memory["dram"]["pj_per_byte"] / 1e6 / network["items"]}


def of_point(point, spec, results):
    """All metrics that follow from {kind of step: result} of a point."""
    liberty, network = spec.liberties[point.axes["liberty"]], spec.networks[point.axes["network"]]
    values = {}
    if "synthesis" in results:
        values |= of_synthesis(results["synthesis"], liberty, point.axes)
    if "accuracy" in results:
        values |= of_accuracy(results["accuracy"], point.axes)
    if "network" in results:
        values |= of_network(results["network"])
    cycles = results.get("cycles")
    if cycles and "synthesis" in results:
        values |= of_cycles(cycles, network, values)
    if "energy" in results and "synthesis" in results:
        values |= of_energy(results["energy"], cycles, network, point.axes, values)
    if cycles:
        values |= of_memory(spec.memory, liberty, cycles, network)
    return values
