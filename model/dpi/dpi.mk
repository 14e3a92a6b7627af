# libif4_dpi.so: the golden model for testbenches of others, in one file that needs nothing but the C library.
#
# Whoever loads it, a simulator of another vendor perhaps, may bring its own C++ library, an older one: ours is linked in
# and stays hidden. Highway, whose library Debian has as a shared one only, is compiled for the one instruction set that
# every machine has (HWY_COMPILE_ONLY_STATIC), so that nothing of it is needed at run time; the bits are the same with
# any. Blocks are quantized one at a time here, which needs no speed.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

DPI := $(addprefix model/,$(addsuffix .cpp,core/format core/tensor mac/lane_fp32 mac/mac \
	quantize/candidates quantize/fast_kernel quantize/options dpi/if4_dpi))
# Sanitizers cannot be loaded into a program without them, so the library is always built without.
DPI_COMPILE := $(CXX) $(FLAGS) $(OPTIMIZE_release) -fPIC -ffunction-sections -DHWY_COMPILE_ONLY_STATIC \
	-include model/quantize/simd_targets.hpp $(CXXFLAGS) -MD -MP -c
DPI_LINK := $(CXX) $(CXXFLAGS) $(LDFLAGS) -shared -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-z,defs \
	-Wl,-soname,libif4_dpi.so -Wl,--version-script=model/dpi/if4_dpi.map

$(call remember,$(O)/dpi/flags,$(DPI_COMPILE) $(DPI_LINK) $(DPI))

$(O)/dpi/%.o: %.cpp $(O)/dpi/flags
	@echo '  CXX      $< for libif4_dpi'; mkdir -p $(@D); $(DPI_COMPILE) $< -o $@

$(BIN)/libif4_dpi.so: $(DPI:%.cpp=$(O)/dpi/%.o) model/dpi/if4_dpi.map
	@echo '  LINK     $@'; mkdir -p $(@D); $(DPI_LINK) $(filter %.o,$^) -o $@

-include $(DPI:%.cpp=$(O)/dpi/%.d)
endif
