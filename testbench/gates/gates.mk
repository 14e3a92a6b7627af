# `make gates`: one program with the Verilated RTL and two with netlists (scripts/area/gates.py) in its place. `make
# check-plan`: the same program with a netlist that has mutants (scripts/netlist_mutants.py).

ifneq ($(filter $(GATES)/%,$(MAKECMDGOALS)),)
GATES_MAIN := testbench/gates/main.cpp
NETLISTS := good faulty mutated

$(GATES)/rtl/gates_check: $(call objects,$(GATES_MAIN)) $(call verilated_objects,$(GATED)) $(O)/libif4_testbench.a \
		$(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

# The class of a netlist has the name of the build's, so the source that adds that to the simulators takes it for it,
# compiled once more with its header.
define gates_rules
$(GATES)/$1/gates_check: $(call objects,$(GATES_MAIN)) $(foreach u,$(GATED),$(GATES)/$1/$u.o \
		$(GATES)/$1/V$u.o) $(VERILATOR_OBJECTS) $(O)/libif4_testbench.a \
		$(O)/libif4_sim.a $(O)/libif4.a
	$$(call link,$$(TEST_LIBS) $$(LIBS))
endef

# Verilator 5.006 loses inversions in trees of XOR gates: -fno-const-bit-op-tree (verilator/verilator issue 4059).
define gates_unit_rules
$(GATES)/$1/$2/V$2.all.cpp: $(GATES)/$1/$2.v $(BUILD)/verilated.flags
	@echo '  VERILATE $$<'
	@rm -rf $$(@D)
	@$(VERILATE) -fno-const-bit-op-tree -Wno-lint --top-module $(MODULE_$2) --prefix V$2 --Mdir $$(@D) $(call options,$2) $$< >/dev/null
	@cd $$(@D) && $$(call one_source,V$2.all.cpp)

$(GATES)/$1/$2.o: $(BUILD)/builds/$2.cpp $(GATES)/$1/$2/V$2.all.cpp $(O)/flags
	@echo '  CXX      $$@'; $(COMPILE) -isystem $(GATES)/$1/$2 $$< -o $$@
$(GATES)/$1/V$2.o: $(GATES)/$1/$2/V$2.all.cpp $(VO)/flags
	@echo '  CXX      $$@'; $(COMPILE_VERILATED) -O1 $$< -o $$@
endef
$(foreach k,$(NETLISTS),$(eval $(call gates_rules,$k)))
$(foreach k,$(NETLISTS),$(foreach u,$(GATED),$(eval $(call gates_unit_rules,$k,$u))))
-include $(wildcard $(GATES)/*/*.d)
endif
