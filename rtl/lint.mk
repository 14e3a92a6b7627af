# Lint of the RTL in three tools: goals lint-verilator, lint-iverilog and lint-yosys.
RTL_LINTS := lint-verilator lint-iverilog lint-yosys
LINTS := $(RTL_LINTS)

ifneq ($(filter lint-%,$(MAKECMDGOALS)),)
include $(BUILD)/builds.mk

# Each build of the table that has the use `lint`, in each tool, is a goal of its own, so that they run in parallel. Quiet
# on success; what the tool said on failure.
lint_goals = $(BUILDS_lint:%=lint/$1/%)

# Newer Verilators report their own statistics on stdout; warnings go to stderr.
lint_verilator = verilator --lint-only -Wall --top-module $(MODULE_$1) $(PARAMETERS_$1) -F $(LIST_$1) >/dev/null
lint_iverilog = iverilog -g2012 -Wall -t null -s $(MODULE_$1) $(PARAMETERS_$1:-G%=-P$(MODULE_$1).%) \
	$(call listed,$(LIST_$1))
# Icarus and Verilator do not look for latches as synthesis would build them. Nothing is flattened, which takes as long as
# all the rest: loops of logic that cross modules are for Verilator to find (UNOPTFLAT).
lint_yosys = yosys -q -p 'read_verilog -sv -defer $(call listed,$(LIST_$1)); hierarchy -check \
	$(subst =, ,$(PARAMETERS_$1:-G%=-chparam %)) -top $(MODULE_$1); proc; opt_clean; check -assert; \
	select -assert-none t:$$dlatch* t:$$adlatch*'

define lint_rule
.PHONY: lint/$1/$2
lint/$1/$2:
	@out=$$$$({ $$(call lint_$1,$2); } 2>&1) && [ -z "$$$$out" ] || { echo "$$$$out"; echo 'lint $1 $2: FAILED'; exit 1; }
endef
$(foreach tool,verilator iverilog yosys,$(foreach build,$(BUILDS_lint),$(eval $(call lint_rule,$(tool),$(build)))))

.PHONY: $(RTL_LINTS)
.SECONDEXPANSION:
$(RTL_LINTS): lint-%: $$(call lint_goals,$$*)
	@echo 'lint $*: OK'
endif
