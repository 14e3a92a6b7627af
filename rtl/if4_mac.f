// The MAC unit, in the order that tools need.
if4_pkg.sv
if4_stage.sv
if4_element.sv
if4_product.sv
if4_sum.sv
if4_dot.sv
if4_scale_decode.sv
if4_scale.sv
if4_booth.sv
if4_factor.sv
if4_block.sv
if4_align.sv
if4_adder.sv
if4_divide.sv
if4_fp32.sv
if4_fp32_iterative.sv
if4_mac.sv
