# The programs of the testbench: the test suite, the comparison with reference results, benchmarks and fuzzers.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

ORACLE_MAIN := testbench/oracle/main.cpp
SUITE := $(filter-out $(ORACLE_MAIN) testbench/faults/main.cpp testbench/energy/main.cpp testbench/fpga/main.cpp testbench/bits/in_place.cpp testbench/cuda/test_cuda_quantizer.cpp,\
	$(wildcard $(addsuffix /*.cpp,$(addprefix testbench/,model cuda vectors kit rtl bits sim network dpi install faults energy fpga regress support oracle \
	coverage))))
TEST_HELPERS := $(filter-out testbench/support/main.cpp %/test_main.cpp %/test_oracle.cpp,\
	$(filter testbench/support/% testbench/oracle/%,$(SUITE)))
BENCH := $(wildcard testbench/bench/*.cpp)

# The tests of modules that no simulator has a class for name Verilator's classes themselves.
TESTED := $(filter-out $(BUILDS_simulated),$(BUILDS_sim))
$(O)/testbench/rtl/%.o: INCLUDES := $(TESTED:%=-isystem $(V)/%)
$(call objects,$(wildcard testbench/rtl/*.cpp)): $(filter $(WANTED:%=$(V)/%.stamp),$(TESTED:%=$(V)/%.stamp))

# Catch2 itself, which takes the compiler half a minute otherwise, and the tests, whose time is spent in what they call;
# most of all those of commands, which are programs of their own.
$(O)/testbench/support/main.o: OPTIMIZE += -O0
ifeq ($(CONFIG),release)
$(filter-out $(O)/testbench/support/%,$(call objects,$(SUITE))): OPTIMIZE += -O1
$(call objects,$(filter-out $(addprefix testbench/sim/test_,array.cpp mac_unit.cpp system.cpp),$(wildcard testbench/sim/*.cpp)) \
	$(filter-out %/test_lockstep.cpp,$(wildcard testbench/bits/*.cpp)) testbench/cuda/test_block_code.cpp): \
	OPTIMIZE += -O0
endif

$(O)/libif4_testbench.a: $(call objects,$(TEST_HELPERS)) $(O)/sources
	$(archive)

# With sanitizers the tests themselves are those of the release, which a make before this one has built (target suite): what
# is looked for is in what they call, and the compiler needs longest for them. The archives come first and whole, so that
# an inline function that is in both is the one with checks.
ifeq ($(CONFIG),asan)
$(BIN)/if4_tests: $(patsubst $(O)/%,$(subst $(BUILD)/asan,$(BUILD)/release,$(O))/%,$(call objects,$(SUITE))) \
		$(all_build_objects) $(O)/libif4_sim.a $(O)/libif4.a
	@echo '  LINK     $@'; $(LINK) -Wl,--whole-archive $(filter %.a,$^) -Wl,--no-whole-archive $(filter %.o,$^) \
	    $(TEST_LIBS) $(LIBS) -o $@
else
$(BIN)/if4_tests: $(call objects,$(SUITE)) $(all_build_objects) \
		$(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))
endif

$(BIN)/if4_tests: | $(BIN)/libif4_dpi.so

.PHONY: $(O)/suite
$(O)/suite: $(call objects,$(SUITE))

$(BIN)/oracle_check: $(call objects,$(ORACLE_MAIN)) $(O)/libif4_testbench.a $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS))

$(BIN)/if4_bench: $(call objects,$(BENCH)) $(all_build_objects) $(O)/libif4_testbench.a \
		$(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(BENCH_LIBS) $(TEST_LIBS) $(LIBS))

# What fuzz_array needs of the simulators: what reads and counts without an array.
FUZZED_SIM := $(addprefix sim/,array/core.cpp mac/stages.cpp network/csv.cpp network/topology.cpp network/model_config.cpp \
	network/model_weights.cpp network/model_topology.cpp network/weight_role.cpp system/config.cpp system/geometry.cpp \
	system/schedule.cpp system/fast_memory.cpp system/fast_timing.cpp)
$(O)/fuzz_readers: $(call objects,testbench/fuzz/fuzz_readers.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))
$(O)/fuzz_vectors: $(call objects,testbench/fuzz/fuzz_vectors.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))
$(O)/fuzz_array: $(call objects,testbench/fuzz/fuzz_array.cpp $(FUZZED_SIM)) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))
$(O)/fuzz_network: $(call objects,testbench/fuzz/fuzz_network.cpp $(addprefix sim/,graph/description.cpp mac/stages.cpp graph/tokenizer.cpp graph/energy.cpp \
		array/core.cpp system/config.cpp)) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))
$(O)/fuzz_quantizer: $(call objects,testbench/fuzz/fuzz_quantizer.cpp) $(O)/libif4.a
	$(call link,-fsanitize=fuzzer $(LIBS))
$(O)/make_corpus: $(call objects,testbench/fuzz/make_corpus.cpp) $(O)/libif4.a
	$(call link,$(LIBS))
endif
