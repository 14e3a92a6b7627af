// The scales of a block, in if4_block, equal to the definition, for all pairs of scale bytes: both E4M3 magnitudes are
// taken apart, and their significands multiplied and their exponents added. The codes are those of the block's smallest
// product, D = 1, which all types have: so the block is the product of the significands, times the types' weights.
//
// The tables: with exponent field 0 a magnitude is m/8 * 2^-6, else (1 + m/8) * 2^(field - 7), 0x7F is NaN. In units of
// 2^-9 that is an integer, at most 15 << 14; the product of both, in units of 2^-18, is m_a * m_w << shift_o.
//
// The scales are given in the first clock, and go through all stages of the block.
module scale #(
  parameter int Format = 0,
  parameter int Depth  = 0
) (
  input logic       clk_i,
  input logic [7:0] a_scale_i,
  input logic [7:0] w_scale_i
);

  localparam int Stages     = if4_pkg::block_stages(Format, Depth);
  localparam int CodesWidth = 16 * formal_tables::width(Format);

  logic                                           nan;
  logic signed [if4_pkg::block_width(Format)-1:0] block;
  logic [4:0]                                     shift;
  logic [2:0]                                     clock = '0;  // counts edges

  if4_block #(.Format(Format), .Depth(Depth)) u_block (
    .clk_i(clk_i), .load_i({Stages{1'b1}}),
    .a_codes_i(CodesWidth'(1)), .a_scale_i(a_scale_i), .w_codes_i(CodesWidth'(1)), .w_scale_i(w_scale_i),
    .block_o(block), .shift_o(shift), .nan_o(nan)
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

  logic [7:0]  a_q, w_q;  // the scales that were given
  logic [7:0]  a, w;
  logic [31:0] product;
  assign a       = parts(a_q[6:0]);
  assign w       = parts(w_q[6:0]);
  assign product = 32'(a[3:0]) * 32'(w[3:0]);

  always_ff @(posedge clk_i) begin
    clock <= clock + 3'd1;
    if (clock == 0) {a_q, w_q} <= {a_scale_i, w_scale_i};
  end

  always_comb begin
    if (clock == 3'(Stages)) begin
      assert (nan == (a_q[6:0] == 7'h7F || w_q[6:0] == 7'h7F));
      assert (32'(block) == product * formal_tables::weight(Format, a_q[7]) * formal_tables::weight(Format, w_q[7]));
      assert (32'(shift) == 32'(a[7:4]) + 32'(w[7:4]) && shift <= 28);
    end
  end

endmodule
