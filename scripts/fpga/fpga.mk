# The unit on an FPGA: size and speed after routing, and a bitstream in which it tests itself.

.PHONY: fpga
fpga: ## the MAC unit placed and routed on an iCE40 FPGA, LUTs of ECP5 and Xilinx 7: CONFIGS="if4 nvfp4_iterative"
	@scripts/setup.sh fpga
	@exec python3 -B scripts/fpga/fpga.py $(CONFIGS:%='%')

.PHONY: fpga-selftest
fpga-selftest: ## bitstream in which the MAC unit tests itself, for the iCE40-HX8K breakout board, and its simulation: CONFIGS=
	@scripts/setup.sh default fpga
	@$(SUBMAKE) CONFIG=release $(BUILD)/fpga/signature
	@exec python3 -B scripts/fpga/selftest.py --program $(BUILD)/fpga/signature $(CONFIGS:%='%')

.PHONY: check-fpga
check-fpga: ## test the scripts of `make fpga`; the bits of a self-test's bitstream, and those with a bug in the RTL
	@scripts/setup.sh default fpga
	@$(SUBMAKE) CONFIG=release $(BUILD)/fpga/signature
	@python3 -B testbench/fpga/test_fpga.py
	@python3 -B testbench/fpga/test_flow.py
	@python3 -B testbench/fpga/test_selftest.py $(BUILD)/fpga/signature
