// Combines the scales of two blocks: their product is m_a * m_w * 2^(x_a + x_w - 20). Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_scale (
  input  logic [if4_pkg::ScaleMagWidth-1:0]     a_scale_i,  // E4M3 magnitude: exponent field in 6:3, mantissa in 2:0
  input  logic [if4_pkg::ScaleMagWidth-1:0]     w_scale_i,  // likewise
  output logic                                  nan_o,      // either scale is NaN (0x7F)
  output logic [if4_pkg::ScaleProductWidth-1:0] product_o,  // m_a * m_w, 0..225
  output logic [if4_pkg::ScaleShiftWidth-1:0]   shift_o     // x_a + x_w - 2, 0..28
);

  logic a_nan, w_nan;
  logic [if4_pkg::ScaleSigWidth-1:0] a_sig, w_sig;
  logic [if4_pkg::ScaleExpWidth-1:0] a_exp, w_exp;

  if4_scale_decode u_a (.scale_i(a_scale_i), .nan_o(a_nan), .sig_o(a_sig), .exp_o(a_exp));
  if4_scale_decode u_w (.scale_i(w_scale_i), .nan_o(w_nan), .sig_o(w_sig), .exp_o(w_exp));

  assign nan_o     = a_nan | w_nan;
  assign product_o = 8'(a_sig) * 8'(w_sig);
  assign shift_o   = 5'(a_exp) + 5'(w_exp);

endmodule
