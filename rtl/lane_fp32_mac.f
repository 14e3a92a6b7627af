rtl/fp32_lzc.sv
rtl/fp32_mul.sv
rtl/fp32_add.sv
rtl/lane_fp32_product.sv
rtl/lane_fp32_scale.sv
rtl/lane_fp32_tree.sv
rtl/lane_fp32_mac.sv
