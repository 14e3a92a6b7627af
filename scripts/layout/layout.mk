# `make layout`: units placed and routed. `make check-layout`: its tests, and the layout of a small block.

## BLOCK          a module of rtl/ that `make layout` lays out instead, with its parameters: BLOCK="if4_slice Width=4"
## PUBLISH        1: `make layout` puts its table and pictures into rtl/layout
BLOCK ?=
PUBLISH ?=

.PHONY: layout
layout: ## place, route, check and time units in osu018, with pictures and a GDS file: CONFIGS="if4_iterative nvfp4_iterative" or BLOCK=
	@scripts/setup.sh area layout
	@exec python3 -B scripts/layout/layout.py $(if $(strip $(BLOCK)),--block '$(call quoted,BLOCK)') $(if $(filter-out 0,$(PUBLISH)),--publish) $(CONFIGS:%='%')

.PHONY: check-layout
check-layout: ## test the scripts of `make layout`: nets left over, shorts, swapped pins, wires too close, each planted in a small block
	@scripts/setup.sh area layout
	@python3 -B testbench/layout/test_geometry.py
	@python3 -B testbench/layout/test_layout.py
	@python3 -B testbench/layout/test_program.py
	@python3 -B scripts/layout/layout.py --block if4_scale_decode
