# Goal lint-structure: how the tree is built, the table of builds, the manifests of package managers, the reader of
# netlists, and the pictures of the RTL. They read text alone, but for the pictures, which Icarus Verilog elaborates or simulates.
LINTS += lint-structure

.PHONY: lint-structure
lint-structure:
	@mkdir -p $(BUILD); python3 -B testbench/structure/check_structure.py >$(BUILD)/structure.log 2>&1 && \
	    python3 -B testbench/structure/test_builds.py >>$(BUILD)/structure.log 2>&1 && \
	    python3 -B testbench/structure/test_manifests.py >>$(BUILD)/structure.log 2>&1 && \
	    python3 -B testbench/bits/test_netlist.py >>$(BUILD)/structure.log 2>&1 && \
	    python3 -B scripts/draw_unit.py --check >>$(BUILD)/structure.log 2>&1 && \
	    python3 -B scripts/draw_waves.py --check >>$(BUILD)/structure.log 2>&1 || \
	    { cat $(BUILD)/structure.log; echo 'lint structure: FAILED'; exit 1; }
	@echo 'lint structure: OK'
