# What Verilator makes of the builds of rtl/builds.txt: a class V<build> in $(V)/<build>, its objects, and the object that
# adds it to the simulators of a program (scripts/builds.py).

# The files that the list $1 names, which are relative to its folder there.
listed = $(shell sed -E 's://.*::; /^[#+-]/d; s:^.+:$(dir $1)&:; s:[^/]+/\.\./::' $1)

# The table of builds as Make and C++ read it. An included makefile is made before anything else.
$(BUILD)/builds.mk: rtl/builds.txt scripts/builds.py model/core/format.hpp
	@mkdir -p $(@D); python3 -B scripts/builds.py --make $@ --cpp $(@D)/builds && touch $@
$(BUILD)/builds/%.cpp: $(BUILD)/builds.mk
	@:

ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)
include $(BUILD)/builds.mk

# Of which builds this run of make needs the classes: a program that holds all of them, or less.
WANTED := $(sort $(if $(filter $(addprefix $(BIN)/,if4 if4_tests if4_bench coverage/if4_tests) $(BUILD)/cuda/if4 \
	$(O)/suite,$(MAKECMDGOALS)),$(BUILDS_sim)) \
	$(if $(filter $(BIN)/run/if4,$(MAKECMDGOALS)),$(BUILDS_run)) \
	$(if $(filter $(BIN)/bits/lockstep_tests,$(MAKECMDGOALS)),$(UNITS)) \
	$(if $(filter $(GATES)/% $(BUILD)/faults/%,$(MAKECMDGOALS)),$(filter $(BUILDS_sim),$(GATED))))

V := $(BUILD)/verilated
# Functions of bounded size: GCC needs minutes for one that holds 64 lanes.
VERILATE := verilator --cc -O3 --output-split-cfuncs 2000 --x-assign fast -Wno-fatal --no-skip-identical
# One function for the logic of all cells, where Verilator would write one for each: a sixth of the code.
OPTIONS_if4_array := -fno-gate sim/verilated/if4_array.vlt
OPTIONS_if4_array_cell := $(OPTIONS_if4_array)
options = $(OPTIONS_$(MODULE_$1)) $(if $(filter $1,$(BUILDS_trace)),--trace-fst)
verilate = $(VERILATE) --top-module $(MODULE_$1) --prefix V$1 $(PARAMETERS_$1) $(call options,$1) -F $(LIST_$1) \
	--Mdir $(V)/$1

# The objects of Verilator's code are those of the release in every configuration: a sanitizer would look for faults of
# Verilator's in them, at twice the compiler's time. What our code does to them it sees in ours.
VO := $(subst $(BUILD)/asan,$(BUILD)/release,$(O))/verilated
OPTIMIZE_VERILATED := -O2
COMPILE_VERILATED = $(CXX) -std=gnu++17 -w $(OPTIMIZE_VERILATED) $(VERILATOR_INCLUDES) $(CXXFLAGS) -MD -MP -c \
	-DVERILATOR=1 -DVM_COVERAGE=1 -DVM_SC=0 \
	-DVM_TRACE=1 -DVM_TRACE_FST=1 -DVM_TRACE_VCD=0
compile_verilated = @echo '  CXX      $(basename $(@F))'; mkdir -p $(@D); $(COMPILE_VERILATED) $< -o $@

# All sources in a folder of Verilator's as one, since each would read Verilator's header again, for most of a second.
# What Verilator calls Slow runs once, at the start, and what writes waveforms seldom: neither is worth the time to
# optimize it.
define one_source
printf '#include "%s"\n' $$(ls *.cpp | grep -v -e Slow -e __Trace__) >all.txt; \
printf '%s\n' '#ifdef __clang__' '#pragma clang optimize off' '#else' '#pragma GCC optimize("O0")' '#endif' >>all.txt; \
printf '#include "%s"\n' $$(ls *.cpp | grep -e Slow -e __Trace__) >>all.txt; mv all.txt $1
endef

$(call remember,$(VO)/flags,$(COMPILE_VERILATED))
$(call remember,$(BUILD)/verilated.flags,$(VERILATE) $(shell verilator --version 2>/dev/null))

# The included makefile of a class also adds to VM_GLOBAL_* what it needs of Verilator itself. A file that comes out as it
# was stays as old as it is: a change of the RTL compiles only the builds that it changes.
define build_rules
$$(call remember,$$(V)/$1.flags,$$(call verilate,$1))
$$(V)/$1.stamp: $$(LIST_$1) $$(call listed,$$(LIST_$1)) $$(filter %.vlt,$$(call options,$1)) \
		$$(BUILD)/verilated.flags $$(V)/$1.flags
	@echo '  VERILATE $1'
	@rm -rf $$(V)/$1.new; mkdir -p $$(V)/$1
	@$$(call verilate,$1).new 2>&1 >/dev/null | sed '/^-Info: /d' >&2; exit $$$${PIPESTATUS[0]}
	@cd $$(V)/$1.new && $$(call one_source,V$1.all.cpp)
	@cd $$(V)/$1.new && for file in *; do cmp -s $$$$file ../$1/$$$$file || mv $$$$file ../$1/; done
	@rm -rf $$(V)/$1.new; touch $$@
$$(V)/$1/V$1_classes.mk $$(V)/$1/V$1.all.cpp: $$(V)/$1.stamp
	@:
include $$(V)/$1/V$1_classes.mk

$$(VO)/V$1.o: $$(V)/$1/V$1.all.cpp $$(VO)/flags
	$$(compile_verilated)
$$(O)/builds/$1.o: $$(BUILD)/builds/$1.cpp $$(V)/$1.stamp $$(O)/flags
	@echo '  CXX      $$<'; mkdir -p $$(@D); $$(COMPILE) -isystem $$(V)/$1 $$< -o $$@
endef
$(foreach build,$(WANTED),$(eval $(call build_rules,$(build))))

# What a program links to hold all builds, or only the builds $1.
class_objects = $(patsubst %,$(VO)/V%.o,$1) $(VERILATOR_OBJECTS)
verilated_objects = $(call class_objects,$1) $(patsubst %,$(O)/builds/%.o,$1)
all_build_objects = $(call class_objects,$(BUILDS_sim)) $(patsubst %,$(O)/builds/all_%.o,$(MODULES_simulated)) \
	$(call bits_objects,$(BUILDS_bits))
# Verilator's own sources: those that the classes name, of which sort removes the repetitions; verilated_cov, which only
# sim/verilated/model.cpp needs; and verilated_fst_c, which ours name in any program, and classes only if they write waveforms.
VERILATOR_OBJECTS := $(patsubst %,$(VO)/%.o,$(sort $(VM_GLOBAL_FAST) $(VM_GLOBAL_SLOW) verilated_cov verilated_fst_c))

define module_rules
$$(O)/builds/all_$1.o: $$(BUILD)/builds/all_$1.cpp $$(O)/flags \
		$$(foreach build,$$(BUILDS_simulated),$$(if $$(filter $1,$$(MODULE_$$(build))),$$(V)/$$(build).stamp))
	@echo '  CXX      $$<'; mkdir -p $$(@D); $$(COMPILE) $$(BUILDS_simulated:%=-isystem $$(V)/%) $$< -o $$@
endef
ifneq ($(filter $(BUILDS_sim),$(WANTED)),)
$(foreach module,$(MODULES_simulated),$(eval $(call module_rules,$(module))))
endif

$(O)/builds/table.o: $(BUILD)/builds/table.cpp $(O)/flags
	@echo '  CXX      $<'; mkdir -p $(@D); $(COMPILE) $< -o $@

$(VO)/%.o: $(VERILATOR_ROOT)/include/%.cpp $(VO)/flags
	$(compile_verilated)

# Arrays without waveforms, which are there for the tests alone: a quarter of the compiler's time less.
TESTED_ARRAYS := $(filter-out $(BUILDS_trace) if4_array_cell%,$(filter if4_array_%,$(BUILDS_sim)))
$(TESTED_ARRAYS:%=$(VO)/V%.o): OPTIMIZE_VERILATED := -O1
endif
