# The libraries that others link, which `make install` puts in place: position-independent and optimized, whatever CONFIG
# is, since sanitizers cannot be loaded into a program without them.
#
# libif4.a        C++: formats, MAC and quantizer in memory. Highway's library chooses the instruction set at run time.
# libif4_dpi.so   the functions of model/dpi/if4_dpi.h, in one file that needs nothing but the C library. Whoever loads it,
#                 a simulator of another vendor perhaps, may bring a C++ library of its own, an older one: ours is linked
#                 in and stays hidden. Highway, whose library Debian has as a shared one only, is compiled for the one
#                 instruction set that every machine has, so that nothing of it is needed at run time. The bits are the
#                 same with any, and blocks that are quantized one at a time need no speed.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)

# The scalar quantizer is for tests alone, and model/files and above need libraries that a user of a MAC does not.
LIBRARY := $(filter-out model/quantize/quantizer.cpp,$(foreach room,core mac quantize simd,$(wildcard model/$(room)/*.cpp)))
DPI := $(addprefix model/,$(addsuffix .cpp,core/format core/tensor mac/lane_fp32 mac/mac quantize/candidates \
	quantize/options dpi/if4_dpi))
DPI_STATIC := model/quantize/fast_kernel.cpp

PIC_COMPILE := $(CXX) $(FLAGS) $(OPTIMIZE_release) -fPIC -ffunction-sections $(CXXFLAGS) -MD -MP -c
STATIC_SIMD := -DHWY_COMPILE_ONLY_STATIC -include model/simd/simd_targets.hpp
DPI_LINK := $(CXX) $(CXXFLAGS) $(LDFLAGS) -shared -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-z,defs \
	-Wl,-soname,libif4_dpi.so -Wl,--version-script=model/dpi/if4_dpi.map

$(call remember,$(O)/pic/flags,$(PIC_COMPILE) $(STATIC_SIMD) $(DPI_LINK) $(LIBRARY) $(DPI) $(DPI_STATIC))

$(O)/pic/model/quantize/fast_kernel.o $(O)/pic/model/simd/simd_values.o: PIC_COMPILE += -O3
$(O)/pic/%.o: %.cpp $(O)/pic/flags
	@echo '  CXX pic  $<'; mkdir -p $(@D); $(PIC_COMPILE) $< -o $@
$(O)/pic/static/%.o: %.cpp $(O)/pic/flags
	@echo '  CXX pic  $<, one instruction set'; mkdir -p $(@D); $(PIC_COMPILE) $(STATIC_SIMD) $< -o $@

$(O)/pic/libif4.a: $(LIBRARY:%.cpp=$(O)/pic/%.o) $(O)/pic/flags
	$(archive)

$(BIN)/libif4_dpi.so: $(DPI:%.cpp=$(O)/pic/%.o) $(DPI_STATIC:%.cpp=$(O)/pic/static/%.o) model/dpi/if4_dpi.map
	@echo '  LINK     $@'; mkdir -p $(@D); $(DPI_LINK) $(filter %.o,$^) -o $@

-include $(patsubst %.cpp,$(O)/pic/%.d,$(LIBRARY) $(DPI) $(DPI_STATIC:%=static/%))
endif
