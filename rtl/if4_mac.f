rtl/if4_pkg.sv
rtl/if4_element.sv
rtl/if4_dot.sv
rtl/if4_scale.sv
rtl/if4_div7.sv
rtl/if4_fp32.sv
rtl/if4_mac.sv
