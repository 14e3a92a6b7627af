# `make verify`: the testbench of this folder on anybody's MAC. `make check-kit`: its tests.

## DUT            what `make verify` verifies: source files, "-F list.f", +incdir+FOLDER, +define+NAME; relative to where you are
## TOP            its module, with the ports of if4_mac
## PARAMS         its parameters: PARAMS="Format=2 Iterative=1" (default: its own)
## FORMAT         its format: if4 (default), mixfp4, nvfp4, nvint4, if3, if6_e2m3, if6_e3m2, nvfp6_e2m3, nvfp6_e3m2
## LANES          its lanes: 16 (default), 32 or 64
## ACCWIDTH       bits of its accumulator (default: the least that hold 1,024 of the largest beats)
## SCALED         1: its results leave out the factor 1 / r^2 of the format, 1/49 for IF4 (default 0: they are values)
## SIM            verilator or icarus (default: verilator, if it is installed)
DUT ?=
TOP ?=
PARAMS ?=
FORMAT ?=
LANES ?=
ACCWIDTH ?=
SCALED ?=
SIM ?=

.PHONY: verify
verify: export IF4_DUT = $(DUT)
verify: export IF4_PARAMS = $(PARAMS)
verify: export IF4_CALLER = $(call caller)
verify: ## verify a MAC of your own: DUT="my_mac.sv more.sv" TOP=my_mac PARAMS= FORMAT= LANES= ACCWIDTH= SCALED= SIM= SEED=
	@scripts/setup.sh kit
	@$(SUBMAKE) $(BIN)/kit/if4
	@exec python3 -B scripts/kit/verify.py --dut="$$IF4_DUT" --top='$(call quoted,TOP)' --params="$$IF4_PARAMS" \
	    --format='$(call quoted,FORMAT)' --lanes='$(call quoted,LANES)' --accwidth='$(call quoted,ACCWIDTH)' \
	    --scaled='$(call quoted,SCALED)' --sim='$(call quoted,SIM)' --seed='$(SEED)' --caller="$$IF4_CALLER" --program $(BIN)/kit/if4 --out $(BUILD)/verify

# A user's text between single quotes.
quoted = $(subst ','\'',$($1))
# Where make was called from: with -C it is the folder that the shell names, otherwise this one.
caller = $(if $(shell tr '\0' '\n' </proc/$$PPID/cmdline | grep -E '^(-[a-zA-Z]*C|--directory)'),$(PWD),$(CURDIR))

.PHONY: check-kit
check-kit: ## test `make verify`: a MAC with each of its planted mistakes, our own units, bad input, in both simulators
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/kit/if4
	@python3 -B testbench/kit/test_verify.py
	@python3 -B testbench/kit/test_mistakes.py
	@python3 -B testbench/kit/test_units.py

ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)
# The program if4 with its command `vectors` alone, for whom neither Verilator nor SystemC is needed.
KIT_LIBS = $(shell pkg-config --libs fmt zlib libhwy) -pthread
$(eval $(call one_command,kit,kVectorsCommand,program/vectors_command.cpp program/dot_products.cpp,,KIT_LIBS))
endif
