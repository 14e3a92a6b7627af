# The library of the simulators and the program if4.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

VERSION := $(shell scripts/version.sh)
$(call remember,$(O)/version,$(VERSION))
$(O)/sim/report/version.o: INCLUDES := -DIF4_VERSION='"$(VERSION)"'
$(O)/sim/report/version.o: $(O)/version

$(O)/libif4_sim.a: $(call objects,$(SIM_SOURCES)) $(O)/builds/table.o $(O)/sources
	$(archive)

# The simulators use the model: their archive comes first on every link line.
$(BIN)/if4: $(call objects,sim/program/main.cpp) $(all_build_objects) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS))

# The same program in $(BIN)/$1 with one command, $2, for a first result soon: the sources in sim/ that the command needs,
# $3, further objects, $4, and the libraries in the variable $5.
define one_command
$(O)/$1/main.o: sim/program/main.cpp $(O)/flags
	@echo '  CXX      $$@'; mkdir -p $$(@D); $$(COMPILE) -DIF4_ONLY_COMMAND=$2 $$< -o $$@

$(BIN)/$1/if4: $(O)/$1/main.o $$(call objects,$(addprefix sim/,$3 $(addprefix program/,operands.cpp options.cpp) \
		terminal/interrupt.cpp terminal/progress.cpp report/version.cpp)) $4 $(O)/libif4.a
	$$(call link,$$($5))
endef

# `make run`: the command cosim, with the builds that it needs.
$(eval $(call one_command,run,kCosimCommand,program/cosim_command.cpp program/dot_products.cpp bits/cosim.cpp bits/kernel.cpp bits/planes.cpp bits/product_run.cpp bits/units.cpp mac/cosim.cpp mac/mac_unit.cpp mac/stages.cpp report/cosim_report.cpp \
	report/text.cpp verilated/model.cpp verilated/wave_file.cpp,\
	$(call verilated_objects,$(BUILDS_run)) $(O)/builds/table.o,LIBS))
endif
