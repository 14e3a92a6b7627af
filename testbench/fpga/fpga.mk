# `make fpga-selftest`: the program that asks the golden model what the self-test of an FPGA must come to.

ifneq ($(filter $(BUILD)/fpga/%,$(MAKECMDGOALS)),)
$(BUILD)/fpga/signature: $(call objects,testbench/fpga/main.cpp testbench/fpga/signature.cpp) $(O)/libif4.a
	$(call link,$(shell pkg-config --libs fmt))
endif
