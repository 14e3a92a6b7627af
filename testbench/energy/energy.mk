# `make energy`: the program that counts what the cells of a netlist go through.

ifneq ($(filter $(BUILD)/energy/%,$(MAKECMDGOALS)),)
ENERGY_SOURCES := $(filter-out testbench/energy/test_%.cpp,$(wildcard testbench/energy/*.cpp)) sim/program/operands.cpp \
	$(addprefix testbench/faults/,circuit.cpp packed.cpp gates.cpp trace.cpp)

$(BUILD)/energy/activity: $(call objects,$(ENERGY_SOURCES)) $(O)/libif4.a
	$(call link,$(shell pkg-config --libs fmt zlib libhwy) -pthread)
endif
