// The lane-FP32 unit, in the order that tools need.
../if4_stage.sv
fp32_lzc.sv
fp32_mul.sv
fp32_add.sv
lane_fp32_product.sv
lane_fp32_scale.sv
lane_fp32_tree.sv
lane_fp32_mac.sv
