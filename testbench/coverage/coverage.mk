# `make coverage`: the test program with classes of the MAC unit that count. All else in it is the objects of build/if4_tests.

ifneq ($(filter $(BUILD)/coverage/if4_tests,$(MAKECMDGOALS)),)
COVERED := $(foreach build,$(BUILDS_simulated),$(if $(filter if4_mac,$(MODULE_$(build))),$(build)))
COUNTERS := $(BUILD)/coverage

# Verilator counts the lines. Toggles we count ourselves, for which all signals are public: it leaves out what is declared
# in generate blocks, and does not tell a rise from a fall. -O0: the tests run for seconds, and what compiles for minutes otherwise
# takes half as long.
define covered_rules
$(COUNTERS)/$1/V$1.all.cpp: $(V)/$1.stamp
	@echo '  VERILATE $1 with counters'
	@rm -rf $$(@D); mkdir -p $$(@D)
	@$(VERILATE) --coverage-line --public-flat-rw --top-module if4_mac --prefix V$1 $(PARAMETERS_$1) $(call options,$1) \
	    -F $(LIST_$1) --Mdir $$(@D) >/dev/null
	@cd $$(@D) && $$(call one_source,V$1.all.cpp)
$(COUNTERS)/V$1.o: $(COUNTERS)/$1/V$1.all.cpp $(VO)/flags
	@echo '  CXX      $$(@F)'; $(COMPILE_VERILATED) -O0 $$< -o $$@
endef
$(foreach build,$(COVERED),$(eval $(call covered_rules,$(build))))

$(COUNTERS)/all_if4_mac.o: $(BUILD)/builds/all_if4_mac.cpp $(foreach build,$(COVERED),$(COUNTERS)/$(build)/V$(build).all.cpp)
	@echo '  CXX      $@'; $(COMPILE) -O0 $(COVERED:%=-isystem $(COUNTERS)/%) $< -o $@

$(COUNTERS)/if4_tests: $(call objects,$(SUITE)) $(COUNTERS)/all_if4_mac.o $(COVERED:%=$(COUNTERS)/V%.o) \
		$(filter-out $(COVERED:%=$(VO)/V%.o) $(O)/builds/all_if4_mac.o,$(all_build_objects)) \
		$(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))
-include $(wildcard $(COUNTERS)/*.d)
endif
