# Builds, tests and runs IF4. Everything generated goes to build/.
#
# The targets a user types install missing packages, then start make again for the files they need: which
# libraries there are, and what Verilator generates, is known only then. Goals in $(BUILD)/ are this second step.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# --silent: not a word where nothing is to be done. Recipes say themselves what they build.
MAKEFLAGS += --no-builtin-rules --no-print-directory --silent
SHELL := /bin/bash

## ACTS           activations of `make run`, an FP32 tensor: file.safetensors:name
## WEIGHTS        weights of `make run`, likewise; both or neither
## ORACLE         file or folder of reference results, for test-oracle
## FILE           vector file, for test-vectors
## SEED           seed of the random tests (default: a new one, which the run prints)
## MUTANTS        how many of the planted bugs `make test-mutants` tries (default: all)
## PROOFS         which proofs `make formal` runs (default: all; scripts/formal.py --list)
## FUZZ_SECONDS   how long `make fuzz` runs (default 60)
## LIBERTY        Liberty file with the cells of `make area` and `make gates` (default: osu018 of Debian)
## CONFIGS        configurations of `make area`, names or patterns (default: all)
## MODULES        1: `make area` also gives the area by module
## COVERAGE_TESTS which tests `make coverage` runs (default [coverage]: more of them can only cover more)
## CONFIG         release (default) or asan: address and undefined-behaviour sanitizer
## CXX, CXXFLAGS  compiler, and flags on top of the project's
## IF4_SETUP      0: never install packages
ACTS ?=
WEIGHTS ?=
ORACLE ?=
FILE ?=
SEED ?=
LIBERTY ?=
CONFIGS ?=
MODULES ?=
FUZZ_SECONDS ?= 60
MUTANTS ?=
COVERAGE_TESTS ?= [coverage]
PROOFS ?=
CONFIG ?= release
# What Verilator generates for coverage differs, so it has a build folder of its own.
BUILD ?= build$(if $(filter coverage,$(CONFIG)),/coverage)
ifeq ($(origin CXX),default)
CXX := g++
endif

# One folder of objects for each configuration and compiler. The everyday programs are in $(BUILD) itself.
O := $(BUILD)/$(CONFIG)$(if $(filter-out fuzz,$(CONFIG)),$(addprefix -,$(filter-out g++,$(notdir $(CXX)))))
BIN := $(if $(filter $(BUILD)/release,$(O)),$(BUILD),$(O))

MODEL := $(wildcard model/*/*.cpp)
SIM := $(filter-out sim/program/main.cpp,$(wildcard sim/*/*.cpp))
ORACLE_MAIN := testbench/oracle/main.cpp
GATES_MAIN := testbench/gates/main.cpp
TESTS := $(filter-out $(ORACLE_MAIN),\
	$(wildcard $(addsuffix /*.cpp,$(addprefix testbench/,model rtl sim support oracle coverage))))
TEST_HELPERS := $(filter-out testbench/support/main.cpp testbench/oracle/test_oracle.cpp,\
	$(filter testbench/support/% testbench/oracle/%,$(TESTS)))
BENCH := $(wildcard testbench/bench/*.cpp)
WAIVERS := $(wildcard rtl/*.vlt)
ALL_CXX := $(wildcard $(addsuffix /*.?pp,model/* sim/* testbench/*))

# The RTL tops, one line each. Lint checks each with its parameters, and Verilator makes of it the C++ class V<name>.
#   name, top module, list of its files, parameters as -GName=value, options of Verilator: --trace-fst where the class
#   writes waveforms
unit = $(eval UNITS += $1)$(eval TOP_$1 := $2)$(eval LIST_$1 := $3)$(eval PARAMETERS_$1 := $4)$(eval TRACE_$1 := $5)
$(call unit,if4_mac, if4_mac, rtl/if4_mac.f,, --trace-fst)
$(call unit,if4_mac_mixfp4, if4_mac, rtl/if4_mac.f, -GFormat=1)
$(call unit,if4_mac_nvfp4, if4_mac, rtl/if4_mac.f, -GFormat=2)
$(call unit,if4_mac_nvint4, if4_mac, rtl/if4_mac.f, -GFormat=3)
$(call unit,if4_mac_if3, if4_mac, rtl/if4_mac.f, -GFormat=4)
$(call unit,if4_mac_if6_e2m3, if4_mac, rtl/if4_mac.f, -GFormat=5)
$(call unit,if4_mac_if6_e3m2, if4_mac, rtl/if4_mac.f, -GFormat=6)
$(call unit,if4_mac_nvfp6_e2m3, if4_mac, rtl/if4_mac.f, -GFormat=7)
$(call unit,if4_mac_nvfp6_e3m2, if4_mac, rtl/if4_mac.f, -GFormat=8)
$(call unit,if4_mac_iterative, if4_mac, rtl/if4_mac.f, -GIterative=1)
$(call unit,if4_mac_nvfp4_iterative, if4_mac, rtl/if4_mac.f, -GFormat=2 -GIterative=1)
$(call unit,if4_mac_if3_iterative, if4_mac, rtl/if4_mac.f, -GFormat=4 -GIterative=1)
$(call unit,if4_mac_if6_e3m2_iterative, if4_mac, rtl/if4_mac.f, -GFormat=6 -GIterative=1)
$(call unit,if4_mac_32, if4_mac, rtl/if4_mac.f, -GLanes=32)
$(call unit,if4_mac_64_iterative, if4_mac, rtl/if4_mac.f, -GLanes=64 -GIterative=1)
$(call unit,if4_mac_if6_e2m3_64, if4_mac, rtl/if4_mac.f, -GFormat=5 -GLanes=64)
$(call unit,if4_mac_nvfp4_narrow, if4_mac, rtl/if4_mac.f, -GFormat=2 -GAccWidth=49)
$(call unit,lane_fp32_if4, lane_fp32_mac, rtl/baseline/lane_fp32_mac.f, -GFormat=0)
$(call unit,lane_fp32_nvfp4, lane_fp32_mac, rtl/baseline/lane_fp32_mac.f, -GFormat=2)
$(call unit,lane_fp32_ieee, lane_fp32_mac, rtl/baseline/lane_fp32_mac.f, -GFormat=0 -GIeee=1)
$(call unit,fp32_mul, fp32_mul, rtl/baseline/lane_fp32_mac.f, -GIeee=1)
$(call unit,fp32_add, fp32_add, rtl/baseline/lane_fp32_mac.f, -GIeee=1)
$(call unit,fp32_mul_normal, fp32_mul, rtl/baseline/lane_fp32_mac.f, -GIeee=0)
$(call unit,fp32_add_normal, fp32_add, rtl/baseline/lane_fp32_mac.f, -GIeee=0)

# One function for the logic of all cells, where Verilator would write one for each: a sixth of the code.
ARRAY_VERILATE := -fno-gate sim/verilated/if4_array.vlt
$(call unit,if4_array_8x8, if4_array, rtl/if4_array.f,, $(ARRAY_VERILATE) --trace-fst)
$(call unit,if4_array_1x1, if4_array, rtl/if4_array.f, -GRows=1 -GCols=1, $(ARRAY_VERILATE))
$(call unit,if4_array_3x5_mixfp4, if4_array, rtl/if4_array.f, -GFormat=1 -GRows=3 -GCols=5, $(ARRAY_VERILATE))
$(call unit,if4_array_5x2_nvfp4, if4_array, rtl/if4_array.f, -GFormat=2 -GRows=5 -GCols=2, $(ARRAY_VERILATE))
$(call unit,if4_array_1x7_nvint4, if4_array, rtl/if4_array.f, -GFormat=3 -GRows=1 -GCols=7, $(ARRAY_VERILATE))
$(call unit,if4_array_7x1_if3, if4_array, rtl/if4_array.f, -GFormat=4 -GRows=7 -GCols=1, $(ARRAY_VERILATE))
$(call unit,if4_array_2x3_if6_e2m3, if4_array, rtl/if4_array.f, -GFormat=5 -GRows=2 -GCols=3, $(ARRAY_VERILATE))
$(call unit,if4_array_3x2_if6_e3m2_shared, if4_array, rtl/if4_array.f, -GFormat=6 -GRows=3 -GCols=2 -GSharedOutput=1, \
	$(ARRAY_VERILATE))
$(call unit,if4_array_4x4_nvfp6_e2m3, if4_array, rtl/if4_array.f, -GFormat=7 -GRows=4 -GCols=4, $(ARRAY_VERILATE))
$(call unit,if4_array_2x5_nvfp6_e3m2, if4_array, rtl/if4_array.f, -GFormat=8 -GRows=2 -GCols=5, $(ARRAY_VERILATE))
$(call unit,if4_array_2x2_32_shared, if4_array, rtl/if4_array.f, -GLanes=32 -GRows=2 -GCols=2 -GSharedOutput=1, \
	$(ARRAY_VERILATE))
$(call unit,if4_array_cell, if4_array_cell, rtl/if4_array_cell.f,, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_mixfp4, if4_array_cell, rtl/if4_array_cell.f, -GFormat=1, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_nvfp4, if4_array_cell, rtl/if4_array_cell.f, -GFormat=2, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_nvint4, if4_array_cell, rtl/if4_array_cell.f, -GFormat=3, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_if3, if4_array_cell, rtl/if4_array_cell.f, -GFormat=4, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_if6_e2m3, if4_array_cell, rtl/if4_array_cell.f, -GFormat=5, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_if6_e3m2, if4_array_cell, rtl/if4_array_cell.f, -GFormat=6, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_nvfp6_e2m3, if4_array_cell, rtl/if4_array_cell.f, -GFormat=7, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_nvfp6_e3m2, if4_array_cell, rtl/if4_array_cell.f, -GFormat=8, $(ARRAY_VERILATE))
$(call unit,if4_array_cell_32, if4_array_cell, rtl/if4_array_cell.f, -GLanes=32, $(ARRAY_VERILATE))

# Verilator counts the lines of the MAC unit. Toggles we count ourselves, for which all signals are public: it leaves
# out what is declared in generate blocks, and does not tell a rise from a fall.
ifeq ($(CONFIG),coverage)
$(foreach u,$(UNITS),$(if $(filter if4_mac,$(TOP_$u)),$(eval TRACE_$u += --coverage-line --public-flat-rw)))
endif

# The files that list $1 names.
listed = $(shell sed -E 's://.*::; /^[#+-]/d' $1)

# Contraction to FMA would make results depend on the machine, and the golden model is bit-exact.
FLAGS := -std=c++17 -Wall -Wextra -Wconversion -ffp-contract=off -I.
# -g1: lines in reports, at half the build time of -g. Sanitized code trips GCC's -Wmaybe-uninitialized in the headers
# of its own library.
SANITIZE := -g1 $(if $(findstring clang,$(CXX)),,-Wno-maybe-uninitialized) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE_release := -O2
OPTIMIZE_asan := -O1 $(SANITIZE)
# Not -O2: the counters are in the way of optimizing, and compile slowly.
OPTIMIZE_coverage := -O1 -DIF4_COVERAGE
OPTIMIZE_fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
OPTIMIZE := $(OPTIMIZE_$(CONFIG))
ifeq ($(OPTIMIZE),)
$(error CONFIG=$(CONFIG) is not one of: release asan coverage)
endif

# Uses all cores unless the user chose a number of jobs.
SUBMAKE = +$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

export ACTS WEIGHTS ORACLE FILE LIBERTY

# ---------------------------------------------------------------------------------------------- what users type

.PHONY: run
run: ## quantize, run model and RTL on two tensor pairs (or ACTS, WEIGHTS), compare bit by bit
	$(if $(ACTS),$(if $(WEIGHTS),,$(error WEIGHTS= is missing: give both ACTS= and WEIGHTS=, or neither)))
	$(if $(WEIGHTS),$(if $(ACTS),,$(error ACTS= is missing: give both ACTS= and WEIGHTS=, or neither)))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@mkdir -p $(BUILD)/run
ifneq ($(ACTS)$(WEIGHTS),)
	@$(BIN)/if4 cosim --acts "$$ACTS" --weights "$$WEIGHTS" --json $(BUILD)/run/user.json
else
	@$(call cosim,attention,embedding.weight,layers.0.attention.qkv.weight)
	@$(call cosim,ffn,embedding.projected,layers.0.ffn.up.weight)
endif

DATA := testbench/data/use_lite_
cosim = $(BIN)/if4 cosim --acts $(DATA)$1.safetensors:$2 --weights $(DATA)$1.safetensors:$3 \
	--json $(BUILD)/run/$1.json --wave $(BUILD)/run/$1.fst

.PHONY: run-array
run-array: ## run a layer of the sample data through SystemC with the Verilated array, compare bit by bit
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@mkdir -p $(BUILD)/run
	@$(BIN)/if4 array --engine systemc-rtl --acts $(DATA)ffn.safetensors:embedding.projected \
	    --weights $(DATA)ffn.safetensors:layers.0.ffn.up.weight \
	    --json $(BUILD)/run/array.json --trace $(BUILD)/run/array.trace.json --svg $(BUILD)/run/array.svg

.PHONY: test
test: ## lint, then the whole test suite
	@scripts/setup.sh
	@$(SUBMAKE) $(LINTS) $(BIN)/if4 $(BIN)/if4_tests
	@$(run_tests)

run_tests = $(BIN)/if4_tests $(if $(SEED),--rng-seed $(SEED))

.PHONY: build
build: ## build every program
	@scripts/setup.sh
	@$(SUBMAKE) $(addprefix $(BIN)/,if4 if4_tests oracle_check if4_bench)

.PHONY: test-asan
test-asan: ## the test suite without its long runs, model, program and Verilated RTL under both sanitizers
	@scripts/setup.sh
	@$(SUBMAKE) CONFIG=asan $(BUILD)/asan/if4 $(BUILD)/asan/if4_tests
	@$(MAKE) CONFIG=asan run-tests

# Internal: the suite without lint, and without what runs long and only repeats what shorter tests do to our own code.
.PHONY: run-tests
run-tests:
	@$(run_tests) '~[long]'

.PHONY: test-oracle
test-oracle: ## compare the quantizer with reference results: ORACLE=<file or folder>
	$(if $(ORACLE),,$(error ORACLE= is missing: give a .safetensors file or a folder of them))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/oracle_check
	@$(BIN)/oracle_check "$$ORACLE"

.PHONY: test-vectors
test-vectors: ## replay a vector file on the lane-FP32 model and the RTL: FILE=<file>
	$(if $(FILE),,$(error FILE= is missing: give a vector file))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@$(BIN)/if4 replay "$$FILE"

.PHONY: test-mutants
test-mutants: ## plant bugs in RTL and model, one at a time; the tests must catch each
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4_tests
	@python3 scripts/mutants.py $(if $(MUTANTS),--sample $(MUTANTS))

.PHONY: area
area: ## area, time and power of the RTL in a library of cells: LIBERTY=, CONFIGS="if4 nvfp4*", MODULES=1
	@scripts/setup.sh area
	@python3 scripts/area/area.py $(area_liberty) $(if $(filter-out 0,$(MODULES)),--modules) $(CONFIGS:%='%')

.PHONY: area-published
area-published: ## where the published +66.6 % comes from: lane-FP32 IF4 against NVFP4, by module
	@scripts/setup.sh area
	@python3 scripts/area/area.py $(area_liberty) --published

.PHONY: check-area
check-area: ## test the scripts of `make area`, and synthesize IF4 and NVFP4, iterative and as arrays, against their limits
	@scripts/setup.sh area
	@python3 testbench/area/test_area.py
	@python3 scripts/area/area.py $(area_liberty) --check if4_iterative nvfp4_iterative if4_array nvfp4_array

.PHONY: gates
gates: ## the vectors of the RTL on the netlists of IF4, as they are and with planted faults: LIBERTY=, SEED=
	@scripts/setup.sh default area
	@python3 scripts/area/gates.py $(area_liberty) --out $(GATES) --faults $(GATE_FAULTS) $(GATE_UNITS)
	@$(SUBMAKE) GATES=$(GATES) CONFIG=release $(addprefix $(GATES)/,rtl/gates_check good/gates_check faulty/gates_check)
	@$(call run_gates,rtl,the RTL) && $(call run_gates,good,the netlists)
	@cmp $(GATES)/rtl/result.txt $(GATES)/good/result.txt && echo 'the netlists give the same results in the same clocks'
	@$(call run_gates,faulty,the netlists with one fault at a time,--faults $(GATE_FAULTS))
	@echo 'gates: OK'

# Printed when it is complete, and kept.
run_gates = echo 'gates_check on $2'; $(GATES)/$1/gates_check --vectors testbench/data/published_vectors.txt \
	--seed $(or $(SEED),1) $3 $(basename $(subst =,.,$(GATE_UNITS))) >$(GATES)/$1/result.txt; \
	status=$$?; cat $(GATES)/$1/result.txt; [ $$status = 0 ]

area_liberty = $${LIBERTY:+--liberty "$$LIBERTY"}
# Verilated unit, and the configuration of scripts/area/area.py whose netlist takes its place.
GATE_UNITS := if4_mac=if4 if4_mac_iterative=if4_iterative
GATE_FAULTS := 64
GATES := $(BUILD)/gates/$(or $(basename $(notdir $(LIBERTY))),osu018_stdcells)

.PHONY: coverage
coverage: ## what the tests cover of the MAC unit: lines, toggles, functional points; build/coverage/index.html
	@scripts/setup.sh
	@python3 -B scripts/coverage/coverage.py --self-test
	@$(SUBMAKE) CONFIG=coverage BUILD=$(BUILD)/coverage $(BUILD)/coverage/coverage/if4_tests
	@rm -rf $(BUILD)/coverage/data && mkdir -p $(BUILD)/coverage/data
	@IF4_COVERAGE=$(BUILD)/coverage/data $(BUILD)/coverage/coverage/if4_tests '$(COVERAGE_TESTS)' \
	    $(if $(SEED),--rng-seed $(SEED))
	@python3 -B scripts/coverage/coverage.py $(BUILD)/coverage/data $(BUILD)/coverage

.PHONY: formal
formal: ## prove the RTL right with open tools, and that a planted bug fails each proof: PROOFS="name ..."
	@scripts/setup.sh formal
	@python3 scripts/formal.py $(PROOFS)

.PHONY: bench
bench: ## measure speed; also written to build/bench.json
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4_bench
	@$(BIN)/if4_bench --benchmark_out=$(BUILD)/bench.json --benchmark_out_format=json

.PHONY: fuzz
fuzz: ## broken files to the readers, any tensor to the fast quantizer: FUZZ_SECONDS=60, a third of it each
	@scripts/setup.sh default fuzz
	@$(SUBMAKE) CONFIG=fuzz CXX=clang++ $(addprefix $(BUILD)/fuzz/,make_corpus fuzz_readers fuzz_array fuzz_quantizer)
	@mkdir -p $(BUILD)/fuzz/corpus_quantizer
	@$(BUILD)/fuzz/make_corpus $(BUILD)/fuzz/corpus
	@$(call fuzz,readers) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus
	@$(call fuzz,array) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus_array
	@$(call fuzz,quantizer) -max_len=16384 -len_control=1 $(BUILD)/fuzz/corpus_quantizer

fuzz = $(BUILD)/fuzz/fuzz_$1 -max_total_time=$$(($(FUZZ_SECONDS) / 3 + 1)) -artifact_prefix=$(BUILD)/fuzz/

.PHONY: lint
lint: ## check the RTL with Verilator, Icarus Verilog and Yosys
	@scripts/setup.sh
	@$(SUBMAKE) --keep-going $(LINTS)

.PHONY: format
format: ## lay out the C++ sources with clang-format
	@scripts/setup.sh format
	@clang-format -i $(ALL_CXX)

.PHONY: check-format
check-format: ## fail if `make format` would change something
	@scripts/setup.sh format
	@clang-format --dry-run -Werror $(ALL_CXX) && echo "format: OK"

.PHONY: clean
clean: ## remove everything generated
	@rm -rf $(BUILD)

.PHONY: setup
setup: ## install the packages that are missing; run and test do it by themselves
	@scripts/setup.sh

.PHONY: help
help: ## this text
	@echo 'Targets:'
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{printf "  %-15s %s\n", $$1, $$2}'
	@echo 'Variables (make run ACTS=... WEIGHTS=...):'
	@sed -nE 's/^## /  /p' $(firstword $(MAKEFILE_LIST))

# --------------------------------------------------------------------------------------------------------- lint

# Quiet on success; what the tool said on failure. $1 tool; lint_$1 is its command for the unit $u.
lint = out=$$({ $(foreach u,$(LINTED),{ $(lint_$1); } &&) :; } 2>&1) && [ -z "$$out" ] && echo "lint $1: OK" || \
	{ echo "$$out"; echo "lint $1: FAILED"; exit 1; }

# The arrays have every cell in them.
LINTED := $(filter-out if4_array_cell%,$(UNITS))

# Newer Verilators report their own statistics on stdout; warnings go to stderr.
lint_verilator = verilator --lint-only -Wall --top-module $(TOP_$u) $(PARAMETERS_$u) $(WAIVERS) -f $(LIST_$u) >/dev/null
lint_iverilog = iverilog -g2012 -Wall -t null -s $(TOP_$u) $(PARAMETERS_$u:-G%=-P$(TOP_$u).%) -f $(LIST_$u)
# Icarus and Verilator do not look for latches as synthesis would build them.
lint_yosys = yosys -q -p 'read_verilog -sv $(call listed,$(LIST_$u)); $(if $(PARAMETERS_$u),chparam \
	$(subst =, ,$(PARAMETERS_$u:-G%=-set %)) $(TOP_$u);) synth -top $(TOP_$u); check -assert; \
	select -assert-none t:$$_DLATCH* t:$$dlatch* t:$$adlatch*'

LINTS := lint-verilator lint-iverilog lint-yosys
.PHONY: $(LINTS)
$(LINTS): lint-%:
	@$(call lint,$*)

# ------------------------------------------------------------------------------- second step: goals in $(BUILD)/
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

# $1 holds the words $2, and is newer only if they changed. What depends on it is made again when flags change,
# or a source went away.
remember = $(shell mkdir -p $(dir $1) && echo '$2' | cmp -s - $1 || echo '$2' >$1)

V := $(BUILD)/verilated
# Functions of bounded size: GCC needs minutes for one that holds 64 lanes.
VERILATE := verilator --cc -O3 --output-split-cfuncs 2000 --x-assign fast -Wno-fatal --no-skip-identical
verilate = $(VERILATE) --top-module $(TOP_$1) --prefix V$1 $(PARAMETERS_$1) $(TRACE_$1) $(WAIVERS) -f $(LIST_$1) \
	--Mdir $(V)/$1
VERILATOR_ROOT := $(shell verilator --getenv VERILATOR_ROOT)
# -isystem: no warnings of ours in code that is not ours.
VERILATED_INCLUDES := $(UNITS:%=-isystem $(V)/%) \
	-isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd

COMPILE = $(CXX) $(FLAGS) $(OPTIMIZE) $(VERILATED_INCLUDES) $(CXXFLAGS) -MD -MP -c
COMPILE_VERILATED = $(CXX) -std=gnu++17 -w $(OPTIMIZE) $(VERILATED_INCLUDES) $(CXXFLAGS) -MD -MP -c \
	-DVERILATOR=1 -DVM_COVERAGE=$(if $(filter coverage,$(CONFIG)),1,0) -DVM_SC=0 \
	-DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_TRACE_VCD=0
LINK = $(CXX) $(OPTIMIZE) $(CXXFLAGS) $(LDFLAGS)
# Catch2 3 has a library to link, Catch2 2 has none; its pkg-config file knows.
# clang leaves Verilator's 16-byte atomics to libatomic.
LIBS := $(shell pkg-config --libs fmt zlib libhwy) -pthread -Wl,--as-needed $(shell pkg-config --libs systemc) -latomic
TEST_LIBS := $(shell pkg-config --libs catch2 gmpxx gmp)
BENCH_LIBS := $(shell pkg-config --libs benchmark)

$(call remember,$(BUILD)/verilated.flags,$(VERILATE) $(shell verilator --version))
# Without the folders of the units: one more of them compiles nothing else again.
$(call remember,$(O)/flags,$(subst $(VERILATED_INCLUDES),,$(COMPILE) $(COMPILE_VERILATED)))
$(call remember,$(O)/sources,$(LINK) $(MODEL) $(SIM) $(TESTS) $(BENCH))

# An included makefile is made before anything else: so are all generated headers. This one also adds to VM_GLOBAL_*
# what the unit needs of Verilator itself. Its sources become two, which compile in half the time of ten: what
# Verilator calls Slow runs once, at the start, and is not worth the time to optimize it. A file that comes out as it
# was stays as old as it is: a change of the RTL compiles only the units that it changes.
define unit_rules
$$(call remember,$$(V)/$1.flags,$$(call verilate,$1))
$$(V)/$1.stamp: $$(LIST_$1) $$(call listed,$$(LIST_$1)) $$(wildcard rtl/*.svh) $$(WAIVERS) \
		$$(filter %.vlt,$$(TRACE_$1)) $$(BUILD)/verilated.flags $$(V)/$1.flags
	@echo '  VERILATE $1'
	@rm -rf $$(V)/$1.new; mkdir -p $$(V)/$1
	@$$(call verilate,$1).new 2>&1 >/dev/null | sed '/^-Info: /d' >&2; exit $$$${PIPESTATUS[0]}
	@cd $$(V)/$1.new && printf '#include "%s"\n' $$$$(ls *.cpp | grep -v Slow) >V$1.fast.cpp
	@cd $$(V)/$1.new && printf '#include "%s"\n' *Slow*.cpp >V$1.slow.cpp
	@cd $$(V)/$1.new && for file in *; do cmp -s $$$$file ../$1/$$$$file || mv $$$$file ../$1/; done
	@rm -rf $$(V)/$1.new; touch $$@
$$(V)/$1/V$1_classes.mk $$(V)/$1/V$1.fast.cpp $$(V)/$1/V$1.slow.cpp: $$(V)/$1.stamp
	@:
include $$(V)/$1/V$1_classes.mk

$$(O)/verilated/V$1.%.o: $$(V)/$1/V$1.%.cpp $$(O)/flags
	$$(compile_verilated)
endef
compile_verilated = @echo '  CXX      $(basename $(@F))'; mkdir -p $(@D); \
	$(COMPILE_VERILATED) $(if $(filter slow,$*),-O0) $< -o $@
$(foreach u,$(UNITS),$(eval $(call unit_rules,$u)))

# All units name the same parts of Verilator itself: sort removes the repetitions.
VERILATED_OBJECTS := $(patsubst %,$(O)/verilated/%.o,$(UNITS:%=V%.fast) $(UNITS:%=V%.slow) \
	$(sort $(VM_GLOBAL_FAST) $(VM_GLOBAL_SLOW)))

objects = $(patsubst %.cpp,$(O)/%.o,$1)
ifneq ($(filter asan fuzz,$(CONFIG)),)
# Verilator's waveform writer uses words at odd addresses and shifts negative numbers; that is not ours to find.
$(VERILATED_OBJECTS): OPTIMIZE += -fno-sanitize=alignment,shift
# Of an array of 8 x 8 cells the compiler would need minutes and gigabytes; its parts are those of the units.
$(O)/verilated/Vif4_array_%.o: OPTIMIZE := -O1
# Catch2 itself, which takes the compiler a minute otherwise.
$(O)/testbench/main.o: OPTIMIZE += -O0
endif

ifeq ($(CONFIG),release)
# The inner loops of the quantizer: unrolled they are a tenth faster.
$(O)/model/fast_kernel.o $(O)/model/simd_values.o: OPTIMIZE += -O3
endif

archive = @echo '  AR       $@'; rm -f $@; ar rcs $@ $(filter %.o,$^)
link = @echo '  LINK     $@'; mkdir -p $(@D); $(LINK) $(filter %.o,$^) $(filter %.a,$^) $1 -o $@

$(O)/libif4.a: $(call objects,$(MODEL)) $(O)/sources
	$(archive)

$(O)/libif4_sim.a: $(call objects,$(SIM)) $(VERILATED_OBJECTS) $(O)/sources
	$(archive)

$(O)/libif4_testbench.a: $(call objects,$(TEST_HELPERS)) $(O)/sources
	$(archive)

# The simulation uses the model: its archive comes first on every link line.
$(BIN)/if4: $(call objects,sim/program/main.cpp) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))

$(BIN)/if4_tests: $(call objects,$(TESTS)) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

$(BIN)/oracle_check: $(call objects,$(ORACLE_MAIN)) $(O)/libif4_testbench.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

$(BIN)/if4_bench: $(call objects,$(BENCH)) $(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(BENCH_LIBS) $(TEST_LIBS) $(LIBS))

# Gates: one program with the Verilated RTL and two with netlists (scripts/area/gates.py) in its place. The class of a netlist
# has the name of the unit's, so sim/mac/mac_unit.cpp takes it for that, compiled once more with its header.
$(GATES)/rtl/gates_check: $(call objects,$(GATES_MAIN)) $(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

define gates_rules
$(GATES)/$1/gates_check: $(call objects,$(GATES_MAIN)) $(GATES)/$1/mac_unit.o \
		$(foreach u,$2,$(GATES)/$1/$u.fast.o $(GATES)/$1/$u.slow.o) \
		$(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$$(call link,$$(TEST_LIBS) $$(LIBS))

$(GATES)/$1/mac_unit.o: sim/mac/mac_unit.cpp $(foreach u,$2,$(GATES)/$1/$u/V$u.fast.cpp) $(O)/flags
	@echo '  CXX      $$@'
	@$(subst $(VERILATED_INCLUDES),$(addprefix -isystem $(GATES)/$1/,$2) $(VERILATED_INCLUDES),$(COMPILE)) $$< -o $$@
endef

# Verilator 5.006 loses inversions in trees of XOR gates: -fno-const-bit-op-tree (verilator/verilator issue 4059).
define gates_unit_rules
$(GATES)/$1/$2/V$2.fast.cpp $(GATES)/$1/$2/V$2.slow.cpp &: $(GATES)/$1/$2.v $(BUILD)/verilated.flags
	@echo '  VERILATE $$<'
	@rm -rf $$(@D)
	@$(VERILATE) -fno-const-bit-op-tree -Wno-lint --top-module $(strip $(TOP_$2)) --prefix V$2 --Mdir $$(@D) $(TRACE_$2) $$< >/dev/null
	@cd $$(@D) && printf '#include "%s"\n' $$$$(ls *.cpp | grep -v Slow) >V$2.fast.cpp
	@cd $$(@D) && printf '#include "%s"\n' *Slow*.cpp >V$2.slow.cpp

$(GATES)/$1/$2.%.o: $(GATES)/$1/$2/V$2.%.cpp $(O)/flags
	@echo '  CXX      $$@'
	@$(COMPILE_VERILATED) -O$$(if $$(filter slow,$$*),0,1) $$< -o $$@
endef
ifneq ($(filter $(GATES)/%,$(MAKECMDGOALS)),)
GATED := $(basename $(subst =,.,$(GATE_UNITS)))
$(foreach k,good faulty,$(eval $(call gates_rules,$k,$(GATED))))
$(foreach k,good faulty,$(foreach u,$(GATED),$(eval $(call gates_unit_rules,$k,$u))))
-include $(wildcard $(GATES)/*/*.d)
endif

$(O)/fuzz_readers: $(call objects,testbench/fuzz/fuzz_readers.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))

# What reads and counts without the array itself.
$(O)/fuzz_array: $(call objects,testbench/fuzz/fuzz_array.cpp $(addprefix sim/,system/topology.cpp system/config.cpp \
		system/schedule.cpp system/fast_timing.cpp array/core.cpp)) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))

$(O)/fuzz_quantizer: $(call objects,testbench/fuzz/fuzz_quantizer.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))

$(O)/make_corpus: $(call objects,testbench/fuzz/make_corpus.cpp) $(O)/libif4.a
	$(call link,$(LIBS))

$(O)/verilated/%.o: $(VERILATOR_ROOT)/include/%.cpp $(O)/flags
	$(compile_verilated)

$(O)/%.o: %.cpp $(O)/flags
	@echo '  CXX      $<'; mkdir -p $(@D); $(COMPILE) $< -o $@

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
endif
