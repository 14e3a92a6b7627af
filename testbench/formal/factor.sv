// if4_factor equal to a naive multiplication, D * m * k, for every product m of two scale significands, any D that 16
// products can have, and every pair of types. `scale_i` is set to each of 0..225 in turn: a constant for the solver.
//
// The reference multiplies by m and then by the weight of each type, in 48 bits: it cannot overflow. D * m is below
// 2^(scaled_width - 1), a constant checked here, so that cutting it to that width is no part of the meaning; it helps
// the solver to find the same number within the unit.
module factor #(
  parameter int Format = 0
) (
  input logic a_int_i,
  input logic w_int_i,
  input logic signed [if4_pkg::dot_width(Format)-1:0] dot_i,
  input logic [7:0] scale_i
);

  localparam int BlockWidth  = if4_pkg::block_width(Format);
  localparam int ScaledWidth = if4_pkg::scaled_width(Format);

  logic signed [BlockWidth-1:0] block;
  if4_factor #(.Format(Format)) u_factor (
    .a_int_i(a_int_i), .w_int_i(w_int_i), .dot_i(dot_i), .scale_i(scale_i), .block_o(block)
  );

  // Largest |D| of the types at hand.
  logic signed [31:0] dot, bound, bound_both;
  assign dot        = 32'(dot_i);
  assign bound      = 16 * formal_tables::largest(Format, a_int_i) * formal_tables::largest(Format, w_int_i);
  assign bound_both = 16 * formal_tables::largest(Format, 1'b0) * formal_tables::largest(Format, 1'b0);

  logic signed [31:0] scaled;
  logic signed [ScaledWidth-1:0] cut;
  logic signed [47:0] by_a, by_w;
  always_comb begin
    scaled = '0;
    for (int i = 0; i < 8; i++) begin
      if (scale_i[i]) scaled = scaled + (dot << i);
    end
    cut  = scaled[ScaledWidth-1:0];
    by_a = a_int_i ? cut * formal_tables::weight(Format, 1'b1) : cut * formal_tables::weight(Format, 1'b0);
    by_w = w_int_i ? by_a * formal_tables::weight(Format, 1'b1) : by_a * formal_tables::weight(Format, 1'b0);
    assume (dot <= bound && dot >= -bound);
    assert (block == BlockWidth'(by_w));
    assert ((bound_both * 225) >> (ScaledWidth - 1) == 0);
  end

endmodule
