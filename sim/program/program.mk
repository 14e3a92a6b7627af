# The library of the simulators and the program if4.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

VERSION := $(shell scripts/version.sh)
$(call remember,$(O)/version,$(VERSION))
$(O)/sim/report/version.o: INCLUDES := -DIF4_VERSION='"$(VERSION)"'
$(O)/sim/report/version.o: $(O)/version

$(O)/libif4_sim.a: $(call objects,$(SIM_SOURCES)) $(O)/builds/table.o $(O)/sources
	$(archive)

# The simulators use the model: their archive comes first on every link line.
$(BIN)/if4: $(call objects,sim/program/main.cpp) $(all_verilated_objects) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))

# The same program with only the builds that `make run` needs, for a first result soon.
$(BIN)/run/if4: $(call objects,sim/program/main.cpp) $(call verilated_objects,$(BUILDS_run)) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))
endif
