# The bits engine: what scripts/bits makes of the netlists of the builds, as sources in $(BITS)/<build>.cpp and objects.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)
BITS := $(BUILD)/bits

# Of which builds this run of make needs the netlists: all units for the tests of the engine alone, few for other programs.
BITS_WANTED := $(sort $(if $(filter $(addprefix $(BIN)/,if4 if4_tests if4_bench coverage/if4_tests) $(BUILD)/cuda/if4,$(MAKECMDGOALS)),$(BUILDS_bits)) \
	$(if $(filter $(BIN)/bits/%,$(MAKECMDGOALS)),$(UNITS)))

# Objects, those of the release in any configuration. -w: code that nobody reads.
BO := $(subst $(BUILD)/asan,$(BUILD)/release,$(O))/bits
COMPILE_BITS := $(CXX) $(FLAGS) -w -O1 $(CXXFLAGS) -MD -MP -c
$(call remember,$(BO)/flags,$(COMPILE_BITS))
$(call remember,$(BITS)/tools,$(shell yosys -V 2>/dev/null))

# As with Verilator, what comes out as it was stays as old as it is.
define bits_rules
$$(call remember,$$(BITS)/$1.flags,$$(PARAMETERS_$1))
$$(BITS)/$1.stamp: $$(LIST_$1) $$(call listed,$$(LIST_$1)) $$(wildcard scripts/bits/*.py) scripts/area/functions.py \
		$$(BITS)/tools $$(BITS)/$1.flags
	@echo '  YOSYS    $1'
	@mkdir -p $$(@D); python3 -B scripts/bits/make.py $1 --out $$(BITS)/$1.cpp && touch $$@
$$(BITS)/$1.cpp: $$(BITS)/$1.stamp
	@:
$$(BO)/$1.o: $$(BITS)/$1.cpp $$(BO)/flags
	@echo '  CXX      $$<'; mkdir -p $$(@D); $$(COMPILE_BITS) $$< -o $$@
endef
$(foreach build,$(BITS_WANTED),$(eval $(call bits_rules,$(build))))

bits_objects = $(patsubst %,$(BO)/%.o,$1)
-include $(wildcard $(BO)/*.d)

# The engine beside Verilated units, and in their place under the tests of the RTL: both of all builds of the unit.
BITS_SUITE := $(wildcard testbench/bits/test_*.cpp)
BITS_RTL_SUITE := $(addprefix testbench/rtl/test_,flow.cpp sums.cpp tables.cpp) testbench/bits/in_place.cpp
$(BIN)/bits/lockstep_tests: $(call objects,$(BITS_SUITE) testbench/support/main.cpp) $(call class_objects,$(UNITS)) \
		$(O)/builds/all_if4_mac.o $(call bits_objects,$(UNITS)) $(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))
$(BIN)/bits/rtl_tests: $(call objects,$(BITS_RTL_SUITE) testbench/support/main.cpp) \
		$(call bits_objects,$(UNITS)) $(O)/libif4_testbench.a $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))
endif
