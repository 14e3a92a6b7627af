// if4_mac_axis with the ports of if4_mac, so that the portable testbench drives it too: 16 lanes of IF4.
module if4_mac_of_axis (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  output logic        ready_o,
  input  logic        last_i,
  input  logic [63:0] a_codes_i,
  input  logic [7:0]  a_scale_i,
  input  logic [63:0] w_codes_i,
  input  logic [7:0]  w_scale_i,
  output logic        valid_o,
  input  logic        ready_i,
  output logic [31:0] result_o,
  output logic        nan_o,
  output logic        overflow_o
);

  logic unused;  // TLAST of the results, which is always 1

  if4_mac_axis u_axis (
    .clk_i(clk_i), .rst_ni(rst_ni), .s_axis_tvalid(valid_i), .s_axis_tready(ready_o),
    .s_axis_tdata({w_scale_i, w_codes_i, a_scale_i, a_codes_i}), .s_axis_tkeep(18'h3FFFF), .s_axis_tlast(last_i),
    .m_axis_tvalid(valid_o), .m_axis_tready(ready_i), .m_axis_tdata(result_o), .m_axis_tlast(unused),
    .m_axis_tuser({overflow_o, nan_o})
  );

endmodule
