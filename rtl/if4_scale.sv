// Combines the scales of both operands of a beat. Combinational.
//
// An E4M3 magnitude is s = m * 2^(x - 10) with m = {field != 0, mantissa} and
// x = max(exponent field, 1). The product of both scales is m_a * m_w * 2^(x_a + x_w - 20).
module if4_scale (
  input  logic [if4_pkg::ScaleMagWidth-1:0]     a_scale_i,  // E4M3 magnitude: exponent in 6:3, mantissa in 2:0
  input  logic [if4_pkg::ScaleMagWidth-1:0]     w_scale_i,
  output logic                                  nan_o,      // either scale is NaN (0x7F)
  output logic [if4_pkg::ScaleProductWidth-1:0] product_o,  // m_a * m_w, 0..225
  output logic [if4_pkg::ScaleShiftWidth-1:0]   shift_o     // x_a + x_w - 2, 0..28
);

  logic a_normal, w_normal;

  assign a_normal = |a_scale_i[6:3];
  assign w_normal = |w_scale_i[6:3];

  assign nan_o = (a_scale_i == if4_pkg::ScaleNaN) | (w_scale_i == if4_pkg::ScaleNaN);

  assign product_o = 8'({a_normal, a_scale_i[2:0]}) * 8'({w_normal, w_scale_i[2:0]});

  // x - 1 is the field less one, or 0 where the field is 0.
  assign shift_o = (5'(a_scale_i[6:3]) - 5'(a_normal)) + (5'(w_scale_i[6:3]) - 5'(w_normal));

endmodule
