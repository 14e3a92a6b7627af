"""Medians over seeds: what abc makes of a design depends on the names in it, which mean nothing to the circuit.

A seed is a way of naming: 0 leaves the names as they are, any other gives all wires and cells random ones, before anything
else is done.
"""

from dataclasses import replace
from statistics import median

MEDIAN = ("area", "nand2", "cells", "flip_flop_area", "critical_path_ns")


def seeded(design, seed):
    """The same design under other names. Arrays have none: their parts are mapped by themselves, by name."""
    return design if seed == 0 or design.kept else replace(design, name=f"{design.name}.seed{seed}", seed=seed, counted=False)


def medians(designs, seeds, results_of, choose=median):
    """{name: result}, as of results_of(designs), with each figure of MEDIAN the median over so many seeds, or what else
    choose() makes of them, and what it is the median of under `seeds`. `results_of`: runs the flow for designs, {name: result}."""
    variants = {seeded(design, seed).name: seeded(design, seed) for design in designs for seed in range(seeds)}
    found = results_of(list(variants.values()))
    results = {}
    for design in designs:
        own = [found[name] for name in {seeded(design, seed).name: None for seed in range(seeds)}]
        result = dict(found[design.name])
        for figure in MEDIAN:
            if result[figure] is not None:
                result[figure] = choose(one[figure] for one in own)
        result["seeds"] = [{figure: one[figure] for figure in ("area", "critical_path_ns")} for one in own]
        results[design.name] = result
    return results
