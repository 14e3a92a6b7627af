// Stages 1 and 2 of the unit for one block of activations and one of weights: D * m_a * m_w * k and its exponent.
//
// Latency: 2 clocks. The unit says when each of the two stages takes a new beat. No reset: whether a stage holds a beat
// is for the unit to know.
/* verilator lint_off TIMESCALEMOD */ module if4_block #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic                                           clk_i,
  input  logic                                           load1_i,    // stage 1 takes the inputs at this edge
  input  logic                                           load2_i,    // stage 2 takes what stage 1 holds
  input  logic [16*if4_pkg::code_bits(Format)-1:0]       a_codes_i,  // activations, element i in slice i
  input  logic [if4_pkg::ScaleWidth-1:0]                 a_scale_i,  // bit 7: 1 int, 0 float; bits 6:0: E4M3 magnitude
  input  logic [16*if4_pkg::code_bits(Format)-1:0]       w_codes_i,  // weights, likewise
  input  logic [if4_pkg::ScaleWidth-1:0]                 w_scale_i,
  output logic signed [if4_pkg::block_width(Format)-1:0] block_o,    // register of stage 2: D * m_a * m_w * k
  output logic [if4_pkg::ScaleShiftWidth-1:0]            shift_o,    // register of stage 2: x_a + x_w - 2, 0..28
  output logic                                           nan_o       // register of stage 2: a scale is NaN
);

  // Stage 1: products and their sum -----------------------------------------------------------------------------------
  logic signed [if4_pkg::dot_width(Format)-1:0] dot, dot_q;  // D
  logic [if4_pkg::ScaleProductWidth-1:0]        scale_product;
  logic [if4_pkg::BoothDigits-1:0]              one, two, neg, one_q, two_q, neg_q;  // its Booth digits
  logic [if4_pkg::ScaleShiftWidth-1:0]          shift, shift1_q;
  logic nan, nan1_q, a_int_q, w_int_q;

  if4_dot #(.Format(Format)) u_dot (
    .a_int_i(a_scale_i[7]), .w_int_i(w_scale_i[7]), .a_codes_i(a_codes_i), .w_codes_i(w_codes_i), .dot_o(dot)
  );

  if4_scale u_scale (
    .a_scale_i(a_scale_i[6:0]), .w_scale_i(w_scale_i[6:0]), .nan_o(nan), .product_o(scale_product), .shift_o(shift)
  );

  // Recoded here and not in stage 2, whose path is the longer one.
  if4_booth u_booth (.scale_i(scale_product), .one_o(one), .two_o(two), .neg_o(neg));

  always_ff @(posedge clk_i) begin
    if (load1_i) begin
      dot_q    <= dot;
      one_q    <= one;
      two_q    <= two;
      neg_q    <= neg;
      shift1_q <= shift;
      a_int_q  <= a_scale_i[7];
      w_int_q  <= w_scale_i[7];
      nan1_q   <= nan;
    end
  end

  // Stage 2: times the scale significands and the weights of the types ------------------------------------------------
  logic signed [if4_pkg::block_width(Format)-1:0] block;

  if4_factor #(.Format(Format)) u_factor (
    .a_int_i(a_int_q), .w_int_i(w_int_q), .dot_i(dot_q), .one_i(one_q), .two_i(two_q), .neg_i(neg_q), .block_o(block)
  );

  always_ff @(posedge clk_i) begin
    if (load2_i) begin
      block_o <= block;
      shift_o <= shift1_q;
      nan_o   <= nan1_q;
    end
  end

endmodule
