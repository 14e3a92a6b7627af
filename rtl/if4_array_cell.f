// One cell of the array, in the order that tools need.
rtl/if4_pkg.sv
rtl/if4_element.sv
rtl/if4_product.sv
rtl/if4_sum.sv
rtl/if4_dot.sv
rtl/if4_booth.sv
rtl/if4_factor.sv
rtl/if4_align.sv
rtl/if4_adder.sv
rtl/if4_array_cell.sv
