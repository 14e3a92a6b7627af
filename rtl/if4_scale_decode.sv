// Takes an E4M3 magnitude apart: s = m * 2^(x - 10). Combinational.
module if4_scale_decode (
  input  logic [if4_pkg::ScaleMagWidth-1:0] scale_i,  // exponent field in 6:3, mantissa in 2:0
  output logic                              nan_o,    // 0x7F; sig_o and exp_o are then those of the bits, 15 and 14
  output logic [if4_pkg::ScaleSigWidth-1:0] sig_o,    // m = {field != 0, mantissa}
  output logic [if4_pkg::ScaleExpWidth-1:0] exp_o     // x - 1: the field less one, or 0 where the field is 0
);

  logic normal;

  assign normal = |scale_i[6:3];
  assign nan_o  = scale_i == if4_pkg::ScaleNaN;
  assign sig_o  = {normal, scale_i[2:0]};
  assign exp_o  = scale_i[6:3] - 4'(normal);

endmodule
