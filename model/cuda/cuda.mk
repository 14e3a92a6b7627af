# The CUDA quantizer, the program with it, its tests and its benchmark: with CUDA=1 only, in $(BUILD)/cuda. Nothing that is
# built without it is built in another way with it: the kernels are linked before the library that has what stands in for
# them, which is then left out.
#
# No operation may be fused or approximated, as the bits are those of the scalar quantizer.
ifneq ($(filter $(BUILD)/%,$(MAKECMDGOALS)),)
ifeq ($(CUDA),1)

CUDA_O := $(O)/cuda
CUDA_FORMATS := $(shell seq 0 15)
CUDA_CODE := $(foreach arch,$(CUDA_ARCH),-gencode arch=compute_$(arch),code=sm_$(arch)) \
	$(foreach arch,$(CUDA_PTX),-gencode arch=compute_$(arch),code=compute_$(arch))
CUDA_COMPILE := $(NVCC) -std=c++17 -O3 $(CUDA_CODE) -fmad=false -prec-div=true -prec-sqrt=true -ftz=false \
	--expt-relaxed-constexpr -I. -Xcompiler -Wall,-Wextra,-ffp-contract=off,-O2 \
	-DIF4_CUDA_ARCH='"$(addprefix sm_,$(CUDA_ARCH))"' $(NVCCFLAGS) -c
CUDA_OBJECTS := $(patsubst %.cu,$(CUDA_O)/%.o,$(filter-out %/format_kernels.cu,$(wildcard model/cuda/*.cu))) \
	$(CUDA_FORMATS:%=$(CUDA_O)/model/cuda/format_%.o)
CUDA_LIBS := -L$(CUDA_HOME)/lib64 -lcudart_static -ldl -lrt

$(call remember,$(CUDA_O)/flags,$(CUDA_COMPILE))

cuda_compile = @echo '  NVCC     $@'; mkdir -p $(@D); $(CUDA_COMPILE) $1 -MD -MP -MF $(@:.o=.d) $< -o $@
$(CUDA_O)/model/cuda/format_%.o: model/cuda/format_kernels.cu $(CUDA_O)/flags
	$(call cuda_compile,-DIF4_CUDA_FORMAT=$*)
$(CUDA_O)/%.o: %.cu $(CUDA_O)/flags
	$(cuda_compile)

# For programs of others, with libif4.a and the CUDA runtime.
$(BUILD)/cuda/libif4_cuda.a: $(CUDA_OBJECTS)
	$(archive)

$(BUILD)/cuda/if4: $(call objects,sim/program/main.cpp) $(CUDA_OBJECTS) $(all_build_objects) $(O)/libif4_sim.a $(O)/libif4.a
	$(call link,$(LIBS) $(CUDA_LIBS))

CUDA_TESTS := $(call objects,$(wildcard testbench/cuda/*.cpp)) \
	$(patsubst %.cu,$(CUDA_O)/%.o,$(filter-out %/bench_cuda.cu,$(wildcard testbench/cuda/*.cu)))
$(BUILD)/cuda/if4_cuda_tests: $(CUDA_TESTS) $(call objects,$(addprefix testbench/support/,main.cpp tensor_testing.cpp) sim/terminal/interrupt.cpp) \
		$(CUDA_OBJECTS) $(O)/libif4.a
	$(call link,$(TEST_LIBS) $(LIBS) $(CUDA_LIBS))
$(BUILD)/cuda/if4_cuda_bench: $(CUDA_O)/testbench/cuda/bench_cuda.o $(CUDA_OBJECTS) $(O)/libif4.a
	$(call link,$(LIBS) $(CUDA_LIBS))

-include $(wildcard $(CUDA_O)/*/*/*.d)
endif
endif
