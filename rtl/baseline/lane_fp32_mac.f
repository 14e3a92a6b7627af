// The lane-FP32 unit, in the order that tools need.
rtl/if4_stage.sv
rtl/baseline/fp32_lzc.sv
rtl/baseline/fp32_mul.sv
rtl/baseline/fp32_add.sv
rtl/baseline/lane_fp32_product.sv
rtl/baseline/lane_fp32_scale.sv
rtl/baseline/lane_fp32_tree.sv
rtl/baseline/lane_fp32_mac.sv
