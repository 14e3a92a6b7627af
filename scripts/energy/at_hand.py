"""The energies of a product that are at hand, for the table of `make area`, which counts none itself."""

import compose
import measure


def energies(configs, results, library):
    """{name: pJ a product on the sample} of those configurations whose energy is kept. `results`: of `make area`."""
    found = {}
    for config in configs:
        if config.design.top == "if4_array":
            parameters = {"Format": 0, "Rows": 8, "Cols": 8, **dict(config.design.parameters)}
            kept = compose.kept(parameters, library, 1000 / results[config.name]["critical_path_ns"])
        else:
            kept = measure.kept(config, library)
        if kept:
            found[config.name] = kept["pj_per_mac"]
    return found
