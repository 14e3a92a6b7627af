// The stages of the unit for one block of activations and one of weights, up to D * m_a * m_w * k and its exponent: the
// decoders and the products, and if4_scaled, whose latency it has.
/* verilator lint_off TIMESCALEMOD */ module if4_block #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Depth  = 0                    // 0 or 1 (if4_mac)
) (
  input  logic                                           clk_i,
  input  logic [if4_pkg::block_stages(Format, Depth)-1:0] load_i,    // stage s takes a block at this edge
  input  logic [16*if4_pkg::code_bits(Format)-1:0]       a_codes_i,  // activations, element i in slice i
  input  logic [if4_pkg::ScaleWidth-1:0]                 a_scale_i,  // bit 7: 1 int, 0 float; bits 6:0: E4M3 magnitude
  input  logic [16*if4_pkg::code_bits(Format)-1:0]       w_codes_i,  // weights, likewise
  input  logic [if4_pkg::ScaleWidth-1:0]                 w_scale_i,
  output logic signed [if4_pkg::block_width(Format)-1:0] block_o,    // register: D * m_a * m_w * k
  output logic [if4_pkg::ScaleShiftWidth-1:0]            shift_o,    // register: x_a + x_w - 2, 0..28
  output logic                                           nan_o       // register: a scale is NaN
);

  logic [4*if4_pkg::quarter_width(Format)-1:0] quarters;
  logic [2:0]                                  carries;
  logic                                        a_nan, w_nan;
  logic [if4_pkg::ScaleSigWidth-1:0]           a_sig, w_sig;
  logic [if4_pkg::ScaleExpWidth-1:0]           a_exp, w_exp;

  if4_dot #(.Format(Format), .Depth(Depth)) u_dot (
    .a_int_i(a_scale_i[7]), .w_int_i(w_scale_i[7]), .a_codes_i(a_codes_i), .w_codes_i(w_codes_i),
    .quarters_o(quarters), .carries_o(carries)
  );

  if4_scale_decode u_a (.scale_i(a_scale_i[6:0]), .nan_o(a_nan), .sig_o(a_sig), .exp_o(a_exp));
  if4_scale_decode u_w (.scale_i(w_scale_i[6:0]), .nan_o(w_nan), .sig_o(w_sig), .exp_o(w_exp));

  if4_scaled #(.Format(Format), .Depth(Depth)) u_scaled (
    .clk_i(clk_i), .load_i(load_i), .quarters_i(quarters), .carries_i(carries),
    .a_int_i(a_scale_i[7]), .a_nan_i(a_nan), .a_sig_i(a_sig), .a_exp_i(a_exp),
    .w_int_i(w_scale_i[7]), .w_nan_i(w_nan), .w_sig_i(w_sig), .w_exp_i(w_exp),
    .block_o(block_o), .shift_o(shift_o), .nan_o(nan_o)
  );

endmodule
