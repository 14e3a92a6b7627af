# The targets that map the RTL to cells of a library, and those that ask something of the netlists: area, energy, the
# vectors of the RTL, faults.

.PHONY: area
area: ## area and timing of the RTL in a library of cells: LIBERTY=, CONFIGS="if4 nvfp4*", SEEDS=5 for medians, MODULES=1; of arrays of any size: ARRAY=
	@scripts/setup.sh area
	@exec python3 $(if $(ARRAY),scripts/area/arrays.py $(area_liberty) '$(ARRAY)',scripts/area/area.py $(area_liberty) \
		$(if $(SEEDS),--seeds '$(SEEDS)') \
		$(if $(filter-out 0,$(MODULES)),--modules) $(CONFIGS:%='%'))

.PHONY: area-published
area-published: ## where the published +66.6 % comes from: lane-FP32 IF4 against NVFP4, by module
	@scripts/setup.sh area
	@exec python3 scripts/area/area.py $(area_liberty) --published

.PHONY: check-area
check-area: ## test the scripts of `make area`, and synthesize IF4 and NVFP4, iterative, scaled, and as arrays, against their limits
	@scripts/setup.sh area
	@python3 testbench/area/test_area.py
	@python3 testbench/area/test_liberty.py
	@python3 testbench/area/test_flow.py
	@python3 testbench/area/test_arrays.py
	@python3 scripts/area/area.py $(area_liberty) --check if4_iterative nvfp4_iterative if4_scaled nvfp4 if4_fast_iterative if4_array nvfp4_array

ENERGY_DIR := $(BUILD)/energy

.PHONY: energy
energy: ## pJ a product and mW of the units in a library of cells, from counted activity: CONFIGS=, LIBERTY=, ACTS= WEIGHTS=, ARRAY=, LAYOUT=1
	@scripts/setup.sh default area
	@$(SUBMAKE) CONFIG=release $(ENERGY_DIR)/activity
ifneq ($(strip $(ARRAY)),)
	$(if $(filter-out 0,$(LAYOUT)),$(error LAYOUT=1 is for units: arrays are not laid out))
	@exec python3 -B scripts/energy/compose.py $(area_liberty) $${ENERGY:+--json "$$ENERGY"} '$(ARRAY)'
else
	@exec python3 -B scripts/energy/energy.py $(area_liberty) $${ACTS:+--acts "$$ACTS"} $${WEIGHTS:+--weights "$$WEIGHTS"} \
		$(if $(filter-out 0,$(LAYOUT)),--layout) $(CONFIGS:%='%')
endif

.PHONY: check-energy
check-energy: ## test the scripts of `make energy`: cells by hand, two spellings of a library, the counter by brute force
	@scripts/setup.sh default area
	@$(SUBMAKE) CONFIG=release $(ENERGY_DIR)/activity $(BIN)/if4
	@IF4_PROGRAM=$(BIN)/if4 python3 -B testbench/energy/test_network.py
	@python3 -B testbench/energy/test_energy.py $(if $(SEED),--seed $(SEED))
	@python3 -B testbench/energy/test_routed.py

area_liberty = $${LIBERTY:+--liberty "$$LIBERTY"}

.PHONY: claims
claims: ## the paper's claims beside our figures, each recomputed: errors by format, area and path: LIBERTY=
	@scripts/setup.sh default area
	@$(SUBMAKE) $(BIN)/if4
	@IF4_PROGRAM="$(abspath $(BIN)/if4)" exec python3 -B scripts/claims/claims.py $(area_liberty)

# Verilated build, and the configuration of `make area` whose netlist takes its place.
GATE_UNITS := if4_mac=if4 if4_mac_iterative=if4_iterative if4_mac_fast=if4_fast if4_mac_fast_iterative=if4_fast_iterative
GATED := $(basename $(subst =,.,$(GATE_UNITS)))
GATE_FAULTS := 64
# The folder of a library has the name of its first file, and how many others there are, as in build/area.
liberty_name = $(basename $(patsubst %.gz,%,$(notdir $(firstword $1))))$(if $(word 2,$1),+$(words $(wordlist 2,$(words $1),$1)))
GATES := $(BUILD)/gates/$(or $(call liberty_name,$(LIBERTY)),osu018_stdcells)
# Printed when it is complete, and kept.
run_gates = echo 'gates_check on $2'; $(GATES)/$1/gates_check --vectors testbench/data/published_vectors.txt \
	--seed $(or $(SEED),1) $3 $(GATED) >$(GATES)/$1/result.txt; \
	status=$$?; cat $(GATES)/$1/result.txt; [ $$status = 0 ]

.PHONY: gates
gates: ## the vectors of the RTL on the netlists of IF4, as they are and with planted faults: LIBERTY=, SEED=
	@scripts/setup.sh default area
	@exec python3 scripts/area/gates.py $(area_liberty) --out $(GATES) --faults $(GATE_FAULTS) $(GATE_UNITS)
	@$(SUBMAKE) GATES=$(GATES) CONFIG=release $(addprefix $(GATES)/,rtl/gates_check good/gates_check faulty/gates_check)
	@$(call run_gates,rtl,the RTL) && $(call run_gates,good,the netlists)
	@cmp $(GATES)/rtl/result.txt $(GATES)/good/result.txt && echo 'the netlists give the same results in the same clocks'
	@$(call run_gates,faulty,the netlists with one fault at a time,--faults $(GATE_FAULTS))
	@echo 'gates: OK'

PLAN_MUTANTS := $(BUILD)/plan_mutants

# The program is linked anew, as that of another call may have other units.
.PHONY: check-plan
check-plan: ## how many of 500 random mutants of each IF4 netlist the vectors of the test plan kill: UNITS="if4_mac", ONLY="428" for some by number
	@scripts/setup.sh default area
	@exec python3 scripts/netlist_mutants.py make --out $(PLAN_MUTANTS)/mutated $(or $(UNITS),$(GATED))
	@rm -f $(PLAN_MUTANTS)/mutated/gates_check
	@$(SUBMAKE) GATES=$(PLAN_MUTANTS) CONFIG=release GATED='$(or $(UNITS),$(GATED))' $(PLAN_MUTANTS)/mutated/gates_check
	@exec python3 scripts/netlist_mutants.py judge --out $(PLAN_MUTANTS)/mutated \
		--program $(PLAN_MUTANTS)/mutated/gates_check $(ONLY:%=--only=%) $(or $(UNITS),$(GATED))

FAULTS := $(BUILD)/faults

.PHONY: faults
faults: ## which stuck-at faults of the mapped netlists the test plan's vectors detect: CONFIGS="if4 if4_iterative", LIBERTY=
	@scripts/setup.sh default area
	@$(SUBMAKE) CONFIG=release $(FAULTS)/fault_check
	@exec python3 -B scripts/faults/faults.py --program $(FAULTS)/fault_check --out $(FAULTS) $(area_liberty) \
		--seed $(or $(SEED),1) $(CONFIGS:%='%')

.PHONY: check-faults
check-faults: ## test the scripts of `make faults` and the fault simulator by brute force on small circuits
	@scripts/setup.sh default area
	@$(SUBMAKE) CONFIG=release $(FAULTS)/fault_check
	@python3 -B testbench/faults/test_faults.py $(FAULTS)/fault_check $(if $(SEED),--seed $(SEED))
