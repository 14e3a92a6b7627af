// if4_scale equal to the definition of a scale, for all pairs of E4M3 magnitudes (bit 7, the type, does not enter).
//
// The tables: with exponent field 0 a magnitude is m/8 * 2^-6, else (1 + m/8) * 2^(field - 7), 0x7F is NaN. In units of
// 2^-9 that is an integer, at most 15 << 14; the product of both, in units of 2^-18, is product_o << shift_o.
module scale (
  input logic [7:0] a_scale_i,
  input logic [7:0] w_scale_i
);

  logic       nan;
  logic [7:0] product;
  logic [4:0] shift;

  if4_scale u_scale (
    .a_scale_i(a_scale_i[6:0]), .w_scale_i(w_scale_i[6:0]), .nan_o(nan), .product_o(product), .shift_o(shift)
  );

  // {x - 1, m} of a magnitude.
  function automatic logic [7:0] parts(input logic [6:0] magnitude);
    case (magnitude[6:3])
      0: parts = {4'd0, 4'd0 + 4'(magnitude[2:0])};
      1: parts = {4'd0, 4'd8 + 4'(magnitude[2:0])};
      2: parts = {4'd1, 4'd8 + 4'(magnitude[2:0])};
      3: parts = {4'd2, 4'd8 + 4'(magnitude[2:0])};
      4: parts = {4'd3, 4'd8 + 4'(magnitude[2:0])};
      5: parts = {4'd4, 4'd8 + 4'(magnitude[2:0])};
      6: parts = {4'd5, 4'd8 + 4'(magnitude[2:0])};
      7: parts = {4'd6, 4'd8 + 4'(magnitude[2:0])};
      8: parts = {4'd7, 4'd8 + 4'(magnitude[2:0])};
      9: parts = {4'd8, 4'd8 + 4'(magnitude[2:0])};
      10: parts = {4'd9, 4'd8 + 4'(magnitude[2:0])};
      11: parts = {4'd10, 4'd8 + 4'(magnitude[2:0])};
      12: parts = {4'd11, 4'd8 + 4'(magnitude[2:0])};
      13: parts = {4'd12, 4'd8 + 4'(magnitude[2:0])};
      14: parts = {4'd13, 4'd8 + 4'(magnitude[2:0])};
      default: parts = {4'd14, 4'd8 + 4'(magnitude[2:0])};
    endcase
  endfunction

  logic [7:0] a, w;
  assign a = parts(a_scale_i[6:0]);
  assign w = parts(w_scale_i[6:0]);

  always_comb begin
    assert (nan == (a_scale_i == 8'h7F || a_scale_i == 8'hFF || w_scale_i == 8'h7F || w_scale_i == 8'hFF));
    assert (product == 8'(a[3:0] * w[3:0]) && product == 32'(a[3:0]) * 32'(w[3:0]));
    assert (32'(shift) == 32'(a[7:4]) + 32'(w[7:4]) && shift <= 28 && product <= 225);
  end

endmodule
