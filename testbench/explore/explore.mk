# `make explore`: area, clock, energy, cycles and accuracy of a design space. `make check-explore`: the tests of its scripts.

## SPEC           the design space of `make explore` (default: scripts/explore/default.toml)
## WHERE          which points `make explore-best` looks at: WHERE="area_mm2 <= 5 and network == bert_base_512"
## MOST, LEAST    what the best one has most, or least, of: MOST=tokens_per_second
## POINT          the point that `make explore-point` shows
## EXPLORE_DIR    the folder of results and cache (default: build/explore)
SPEC ?=
WHERE ?=
MOST ?=
LEAST ?=
POINT ?=
EXPLORE_DIR ?=

ENERGY_COUNTER := $(BUILD)/energy/activity
explore_given = $(foreach one,spec.SPEC budget.BUDGET jobs.JOBS engine.ENGINE options.SLURM_OPTIONS folder.EXPLORE_DIR where.WHERE \
	most.MOST least.LEAST,$(if $(strip $($(subst .,,$(suffix $(one))))),--$(basename $(one))='$(call quoted,$(subst .,,$(suffix $(one))))'))
explore_run = exec python3 -B scripts/explore/explore.py $1 --program $(BIN)/if4 $(explore_given)
explore_needs = scripts/setup.sh default area $(if $(SPEC),,explore)

.PHONY: explore
explore: ## area, clock, energy, cycles, accuracy of a design space, in one page: SPEC=, BUDGET=10m, JOBS=; again: goes on
	@$(explore_needs)
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@$(call explore_run,run)

.PHONY: explore-plan
explore-plan: ## what `make explore` would do: SPEC=
	@$(explore_needs)
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@$(call explore_run,plan)

.PHONY: explore-best
explore-best: ## the best point of a design space, and what other formats give there: MOST=METRIC or LEAST=, WHERE=, SPEC=
	@$(explore_needs)
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@$(call explore_run,best)

.PHONY: explore-point
explore-point: ## one point of a design space, with the commands that repeat its numbers: POINT=, SPEC=
	$(if $(POINT),,$(error POINT= is missing: give the name of a point))
	@$(explore_needs)
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@$(call explore_run,point '$(call quoted,POINT)')

.PHONY: explore-axes
explore-axes: ## the axes and metrics of design spaces
	@scripts/setup.sh
	@$(SUBMAKE) $(BIN)/if4
	@$(call explore_run,axes)

# A part of `make test-slurm`.
.PHONY: test-slurm-explore
test-slurm: test-slurm-explore
test-slurm-explore:
	@scripts/setup.sh default area slurm
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_slurm.py $(BUILD)/slurm

.PHONY: check-explore
check-explore: ## test the scripts of `make explore`: specs, caching, failures, interrupts, the page; IF4_CHROMIUM=
	@scripts/setup.sh default area explore
	@$(SUBMAKE) $(BIN)/if4 $(ENERGY_COUNTER)
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_parts.py
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_spec.py
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_run.py
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_flow.py
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/explore/test_page.py
