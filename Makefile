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
## FUZZ_SECONDS   how long `make fuzz` runs (default 60)
## CONFIG         release (default) or asan: address and undefined-behaviour sanitizer
## CXX, CXXFLAGS  compiler, and flags on top of the project's
## IF4_SETUP      0: never install packages
ACTS ?=
WEIGHTS ?=
ORACLE ?=
FILE ?=
SEED ?=
FUZZ_SECONDS ?= 60
MUTANTS ?=
CONFIG ?= release
BUILD ?= build
ifeq ($(origin CXX),default)
CXX := g++
endif

# One folder of objects for each configuration and compiler. The everyday programs are in $(BUILD) itself.
O := $(BUILD)/$(CONFIG)$(if $(filter-out fuzz,$(CONFIG)),$(addprefix -,$(filter-out g++,$(notdir $(CXX)))))
BIN := $(if $(filter $(BUILD)/release,$(O)),$(BUILD),$(O))

MODEL := $(wildcard model/*.cpp)
SIM := $(filter-out sim/main.cpp,$(wildcard sim/*.cpp))
ORACLE_MAIN := testbench/oracle_main.cpp
TESTS := $(filter-out $(ORACLE_MAIN),$(wildcard testbench/*.cpp))
TEST_HELPERS := $(filter-out testbench/main.cpp testbench/test_%.cpp,$(TESTS))
BENCH := $(wildcard testbench/bench/*.cpp)
RTL := $(wildcard rtl/*.sv rtl/*.svh)
RTL_LIST := rtl/if4_mac.f
WAIVERS := $(wildcard rtl/*.vlt)
ALL_CXX := $(wildcard $(addsuffix /*.?pp,model sim testbench testbench/bench testbench/fuzz))

# Contraction to FMA would make results depend on the machine, and the golden model is bit-exact.
FLAGS := -std=c++17 -Wall -Wextra -Wconversion -ffp-contract=off -I.
# -g1: lines in reports, at half the build time of -g. Sanitized code trips GCC's -Wmaybe-uninitialized in the headers
# of its own library.
SANITIZE := -g1 $(if $(findstring clang,$(CXX)),,-Wno-maybe-uninitialized) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE_release := -O2
OPTIMIZE_asan := -O1 $(SANITIZE)
OPTIMIZE_fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
OPTIMIZE := $(OPTIMIZE_$(CONFIG))
ifeq ($(OPTIMIZE),)
$(error CONFIG=$(CONFIG) is not one of: release asan)
endif

# Uses all cores unless the user chose a number of jobs.
SUBMAKE = +$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

export ACTS WEIGHTS ORACLE FILE

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

.PHONY: test
test: ## lint, then the whole test suite
	@scripts/setup.sh
	@$(SUBMAKE) lint-verilator lint-iverilog lint-yosys $(BIN)/if4 $(BIN)/if4_tests
	@$(run_tests)

run_tests = $(BIN)/if4_tests $(if $(SEED),--rng-seed $(SEED))

.PHONY: build
build: ## build every program
	@scripts/setup.sh
	@$(SUBMAKE) $(addprefix $(BIN)/,if4 if4_tests oracle_check if4_bench)

.PHONY: test-asan
test-asan: ## the test suite, model, program and Verilated RTL under both sanitizers
	@scripts/setup.sh
	@$(SUBMAKE) CONFIG=asan $(BUILD)/asan/if4 $(BUILD)/asan/if4_tests
	@$(MAKE) CONFIG=asan run-tests

# Internal: the suite without lint.
.PHONY: run-tests
run-tests:
	@$(run_tests)

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

.PHONY: bench
bench: ## measure speed; also written to build/bench.json
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4_bench
	@$(BIN)/if4_bench --benchmark_out=$(BUILD)/bench.json --benchmark_out_format=json

.PHONY: fuzz
fuzz: ## feed broken files to the readers: FUZZ_SECONDS=60
	@scripts/setup.sh default fuzz
	@$(SUBMAKE) CONFIG=fuzz CXX=clang++ $(BUILD)/fuzz/fuzz_readers $(BUILD)/fuzz/make_corpus
	@mkdir -p $(BUILD)/fuzz/corpus
	@$(BUILD)/fuzz/make_corpus $(BUILD)/fuzz/corpus
	@$(BUILD)/fuzz/fuzz_readers -max_total_time=$(FUZZ_SECONDS) -malloc_limit_mb=64 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus

.PHONY: lint
lint: ## check the RTL with Verilator, Icarus Verilog and Yosys
	@scripts/setup.sh
	@$(SUBMAKE) --keep-going lint-verilator lint-iverilog lint-yosys

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

# Quiet on success; what the tool said on failure. $1 tool, $2 command.
lint = out=$$({ $2; } 2>&1) && [ -z "$$out" ] && echo "lint $1: OK" || { echo "$$out"; echo "lint $1: FAILED"; exit 1; }

.PHONY: lint-verilator lint-iverilog lint-yosys
# Newer Verilators report their own statistics on stdout; warnings go to stderr.
lint-verilator:
	@$(call lint,verilator,verilator --lint-only -Wall --top-module if4_mac $(WAIVERS) -f $(RTL_LIST) >/dev/null)

lint-iverilog:
	@$(call lint,iverilog,iverilog -g2012 -Wall -t null -s if4_mac -f $(RTL_LIST))

# Icarus and Verilator do not look for latches as synthesis would build them.
lint-yosys:
	@$(call lint,yosys,yosys -q -p 'read_verilog -sv $(shell sed -E 's://.*::; /^[#+-]/d' $(RTL_LIST)); \
	    synth -top if4_mac; check -assert; select -assert-none t:$$_DLATCH* t:$$dlatch* t:$$adlatch*')

# ------------------------------------------------------------------------------- second step: goals in $(BUILD)/
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

# $1 holds the words $2, and is newer only if they changed. What depends on it is made again when flags change,
# or a source went away.
remember = $(shell mkdir -p $(dir $1) && echo '$2' | cmp -s - $1 || echo '$2' >$1)

V := $(BUILD)/verilated
VERILATE := verilator --cc --trace-fst -O3 --x-assign fast -Wno-fatal --no-skip-identical \
	--top-module if4_mac --prefix Vif4_mac --Mdir $(V)
VERILATOR_ROOT := $(shell verilator --getenv VERILATOR_ROOT)
# -isystem: no warnings of ours in code that is not ours.
VERILATED_INCLUDES := -isystem $(V) -isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd

COMPILE = $(CXX) $(FLAGS) $(OPTIMIZE) $(VERILATED_INCLUDES) $(CXXFLAGS) -MD -MP -c
COMPILE_VERILATED = $(CXX) -std=gnu++17 -w $(OPTIMIZE) $(VERILATED_INCLUDES) $(CXXFLAGS) -MD -MP -c \
	-DVERILATOR=1 -DVM_COVERAGE=0 -DVM_SC=0 -DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_TRACE_VCD=0
LINK = $(CXX) $(OPTIMIZE) $(CXXFLAGS) $(LDFLAGS)
# Catch2 3 has a library to link, Catch2 2 has none; its pkg-config file knows.
# clang leaves Verilator's 16-byte atomics to libatomic.
LIBS := $(shell pkg-config --libs fmt zlib) -pthread -Wl,--as-needed -latomic
TEST_LIBS := $(shell pkg-config --libs catch2 gmpxx gmp)
BENCH_LIBS := $(shell pkg-config --libs benchmark)

$(call remember,$(BUILD)/verilated.flags,$(VERILATE) $(WAIVERS) $(shell verilator --version))
$(call remember,$(O)/flags,$(COMPILE) $(COMPILE_VERILATED))
$(call remember,$(O)/sources,$(LINK) $(MODEL) $(SIM) $(TESTS) $(BENCH))

# Names the generated sources (VM_*). As an included makefile it is made before anything else.
$(V)/Vif4_mac_classes.mk: $(RTL) $(RTL_LIST) $(WAIVERS) $(BUILD)/verilated.flags
	@echo '  VERILATE $(RTL_LIST)'
	@rm -rf $(V)
	@$(VERILATE) $(WAIVERS) -f $(RTL_LIST) >/dev/null
include $(V)/Vif4_mac_classes.mk

VERILATED := $(VM_CLASSES_FAST) $(VM_CLASSES_SLOW) $(VM_SUPPORT_FAST) $(VM_SUPPORT_SLOW) \
	$(VM_GLOBAL_FAST) $(VM_GLOBAL_SLOW)
VERILATED_OBJECTS := $(VERILATED:%=$(O)/verilated/%.o)

objects = $(patsubst %.cpp,$(O)/%.o,$1)
ifneq ($(CONFIG),release)
# Verilator's waveform writer uses words at odd addresses and shifts negative numbers; that is not ours to find.
$(VERILATED_OBJECTS): OPTIMIZE += -fno-sanitize=alignment,shift
# Catch2 itself, which takes the compiler a minute otherwise.
$(O)/testbench/main.o: OPTIMIZE += -O0
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
$(BIN)/if4: $(call objects,sim/main.cpp) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))

$(BIN)/if4_tests: $(call objects,$(TESTS)) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

$(BIN)/oracle_check: $(call objects,$(ORACLE_MAIN)) $(O)/libif4_testbench.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

$(BIN)/if4_bench: $(call objects,$(BENCH)) $(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(BENCH_LIBS) $(TEST_LIBS) $(LIBS))

$(O)/fuzz_readers: $(call objects,testbench/fuzz/fuzz_readers.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))

$(O)/make_corpus: $(call objects,testbench/fuzz/make_corpus.cpp) $(O)/libif4.a
	$(call link,$(LIBS))

# What Verilator calls Slow runs once, at the start: not worth the time to optimize it.
$(O)/verilated/%.o: $(V)/%.cpp $(O)/flags
	@echo '  CXX      $*'; mkdir -p $(@D); $(COMPILE_VERILATED) $(if $(findstring Slow,$*),-O0) $< -o $@

$(O)/verilated/%.o: $(VERILATOR_ROOT)/include/%.cpp $(O)/flags
	@echo '  CXX      $*'; mkdir -p $(@D); $(COMPILE_VERILATED) $< -o $@

$(O)/%.o: %.cpp $(O)/flags
	@echo '  CXX      $<'; mkdir -p $(@D); $(COMPILE) $< -o $@

-include $(wildcard $(addprefix $(O)/,model/*.d sim/*.d testbench/*.d testbench/bench/*.d testbench/fuzz/*.d verilated/*.d))
endif
