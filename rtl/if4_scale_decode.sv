// Takes an E4M3 magnitude apart: s = m * 2^(x - 10), with x = max(field, 1). Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_scale_decode (
  input  logic [if4_pkg::ScaleMagWidth-1:0] scale_i,  // exponent field in 6:3, mantissa in 2:0
  output logic                              nan_o,    // it is 0x7F; the outputs below are then 15 and 14
  output logic [if4_pkg::ScaleSigWidth-1:0] sig_o,    // m = {field != 0, mantissa}, 0..15
  output logic [if4_pkg::ScaleExpWidth-1:0] exp_o     // x - 1, 0..14: the field less one, or 0 if the field is 0
);

  logic normal;  // the field is not 0

  assign normal = |scale_i[6:3];
  assign nan_o  = scale_i == if4_pkg::ScaleNaN;
  assign sig_o  = {normal, scale_i[2:0]};
  assign exp_o  = scale_i[6:3] - 4'(normal);

endmodule
