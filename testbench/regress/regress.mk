# `make regress`: suites with many seeds, in parallel. `make check-regress`: the tests of its scripts.

## SEEDS          cases of each suite of `make regress` (default: 10, where there is no BUDGET)
## BUDGET         how long `make regress` starts cases instead: 90s, 10m, 1.5h
## SUITES         which suites it runs: SUITES="unit array" (default: those of testbench/regress/suites.txt without "default no")
## JOBS           cases at a time (default: as many as there are cores)
## BASE           a number that all seeds are made from (default: a new one, which the run prints)
## CASE           1 case alone, as a failure names it: CASE=unit-17 BASE=4711
## FAILED         1: the cases that failed in the last run, the first failure first
## ENGINE         local (default), or slurm
## SLURM_OPTIONS  options of sbatch for it: SLURM_OPTIONS="--partition=short --account=me"
## COVERAGE       1: the suites that leave coverage, in a build with counters
## REGRESS_DIR    the folder of the run (default: build/regress)
SEEDS ?=
BUDGET ?=
SUITES ?=
JOBS ?=
BASE ?=
CASE ?=
FAILED ?=
ENGINE ?=
SLURM_OPTIONS ?=
COVERAGE ?=
REGRESS_DIR ?=

regress_bin = $(if $(filter-out 0,$(COVERAGE)),$(BUILD)/coverage,$(BIN))
regress_given = $(foreach one,seeds.SEEDS budget.BUDGET suites.SUITES jobs.JOBS base.BASE case.CASE failed.FAILED \
	engine.ENGINE options.SLURM_OPTIONS coverage.COVERAGE folder.REGRESS_DIR,$(if $(strip $($(subst .,,$(suffix $(one))))),\
	--$(basename $(one))='$(call quoted,$(subst .,,$(suffix $(one))))'))
regress = python3 -B scripts/regress/regress.py --bin $(regress_bin) $(regress_given)

# What is asked for is checked before anything is built. Fuzzers have a configuration of their own.
.PHONY: regress
regress: ## suites with many seeds, in parallel: SEEDS= or BUDGET=10m, SUITES=, JOBS=; again: goes on; FAILED=1, CASE=
	+@needs=$$($(regress) --needs) || exit; \
	fuzzers=$$(sed -n 's|^fuzz/|$(BUILD)/fuzz/|p' <<<"$$needs"); \
	programs=$$(sed -n '/^fuzz\//!s|^|$(regress_bin)/|p' <<<"$$needs"); \
	scripts/setup.sh default $${fuzzers:+fuzz} || exit; \
	[ -z "$$programs" ] || $(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) $$programs || exit; \
	[ -z "$$fuzzers" ] || $(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) CONFIG=fuzz CXX=clang++ $$fuzzers
	@exec $(regress)

.PHONY: check-regress
check-regress: ## test the scripts of `make regress`: found bugs, hangs, crashes, cut records, interrupts, two workers
	@python3 -B testbench/regress/test_records.py
	@python3 -B testbench/regress/test_plan.py
	@python3 -B testbench/regress/test_regress.py
	@python3 -B testbench/regress/test_local.py
	@python3 -B testbench/regress/test_stop.py
	@python3 -B testbench/page/test_page.py
	@python3 -B testbench/regress/test_report_page.py
	@python3 -B testbench/regress/test_report_junit.py
	@python3 -B testbench/regress/test_report_runs.py
	@python3 -B testbench/regress/test_report_coverage.py
	@python3 -B testbench/regress/test_workflows.py
