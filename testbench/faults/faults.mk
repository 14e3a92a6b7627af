# `make faults`: the program that grades vectors against the faults of a netlist.

ifneq ($(filter $(BUILD)/faults/%,$(MAKECMDGOALS)),)
FAULT_SOURCES := $(filter-out testbench/faults/test_%.cpp,$(wildcard testbench/faults/*.cpp))

$(BUILD)/faults/fault_check: $(call objects,$(FAULT_SOURCES)) $(call verilated_objects,$(GATED)) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))
endif
