// One cell of the array, in the order that tools need.
../if4_pkg.sv
../if4_stage.sv
../if4_element.sv
../if4_product.sv
../if4_add_carry.sv
../if4_quarters.sv
../if4_sum.sv
../if4_dot.sv
../if4_booth.sv
../if4_split_register.sv
../if4_factor.sv
../if4_weight.sv
../if4_scaled.sv
../if4_align.sv
../if4_adder.sv
if4_array_accumulator.sv
if4_array_cell.sv
