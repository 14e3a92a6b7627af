# How C++ is compiled: the configurations, the flags, and the objects of model/, sim/ and testbench/ in $(O), the folder
# of one configuration and compiler.

# Goals of the second step, which the top of the Makefile explains.
SECOND_STEP := $(filter $(BUILD)/% lint-%,$(MAKECMDGOALS))

MODEL_SOURCES := $(wildcard model/*/*.cpp)
SIM_SOURCES := $(filter-out sim/program/main.cpp,$(wildcard sim/*/*.cpp))
ALL_CXX := $(wildcard $(addsuffix /*.?pp,model/* sim/* testbench/*) $(addsuffix /cuda/*.cu*,model testbench))

# Contraction to FMA would make results depend on the machine, and the golden model is bit-exact.
FLAGS := -std=c++17 -Wall -Wextra -Wconversion -ffp-contract=off -I.
# -g1: lines in reports, at half the build time of -g. Sanitized code trips GCC's -Wmaybe-uninitialized in the headers
# of its own library.
SANITIZE := -g1 $(if $(findstring clang,$(CXX)),,-Wno-maybe-uninitialized) \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTIMIZE_release := -O2
OPTIMIZE_asan := -O1 $(SANITIZE)
OPTIMIZE_fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
OPTIMIZE := $(OPTIMIZE_$(CONFIG))
ifeq ($(OPTIMIZE),)
$(error CONFIG=$(CONFIG) is not one of: release asan)
endif

ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

# $1 holds the words $2, and is newer only if they changed. What depends on it is made again when flags change,
# or a source went away.
remember = $(shell mkdir -p $(dir $1) && echo '$2' | cmp -s - $1 || echo '$2' >$1)

# The libraries of Verilator itself. -isystem: no warnings of ours in code that is not ours.
VERILATOR_ROOT := $(shell verilator --getenv VERILATOR_ROOT 2>/dev/null)
VERILATOR_INCLUDES := -isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd
COMPILE = $(CXX) $(FLAGS) $(OPTIMIZE) $(VERILATOR_INCLUDES) $(CXXFLAGS) -MD -MP -c
LINK = $(CXX) $(OPTIMIZE) $(CXXFLAGS) $(LDFLAGS)
# Catch2 3 has a library to link, Catch2 2 has none; its pkg-config file knows.
# clang leaves Verilator's 16-byte atomics to libatomic.
LIBS := $(shell pkg-config --libs fmt zlib libhwy) -pthread -Wl,--as-needed $(shell pkg-config --libs systemc) -latomic
TEST_LIBS := $(shell pkg-config --libs catch2 gmpxx gmp)
BENCH_LIBS := $(shell pkg-config --libs benchmark)

$(call remember,$(O)/flags,$(COMPILE))
$(call remember,$(O)/sources,$(LINK) $(MODEL_SOURCES) $(SIM_SOURCES) $(wildcard testbench/*/*.cpp))

objects = $(patsubst %.cpp,$(O)/%.o,$1)
archive = @echo '  AR       $@'; rm -f $@; ar rcs $@ $(filter %.o,$^)
link = @echo '  LINK     $@'; mkdir -p $(@D); $(LINK) $(filter %.o,$^) $(filter %.a,$^) $1 -o $@

ifeq ($(CONFIG),release)
# The inner loops of the quantizer: unrolled they are a tenth faster; those of the product in FP64, three times as fast.
$(O)/model/quantize/fast_kernel.o $(O)/model/simd/simd_values.o: OPTIMIZE += -O3
$(O)/model/accuracy/product_reference.o: OPTIMIZE += -O3
# Options, reports and headers: much code from libraries, which compiles in two thirds of the time and runs for
# milliseconds.
$(addprefix $(O)/,sim/program/%.o sim/report/%.o sim/network/%.o model/files/%.o model/checkpoint/%.o): OPTIMIZE += -O1
endif

$(O)/libif4.a: $(call objects,$(MODEL_SOURCES)) $(O)/sources
	$(archive)

$(O)/%.o: %.cpp $(O)/flags
	@echo '  CXX      $<'; mkdir -p $(@D); $(COMPILE) $(INCLUDES) $< -o $@

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
endif
