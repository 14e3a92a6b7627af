// The stages of one block, if4_block, equal to a naive D * m * k: for every product m of two scale significands, every D
// that 16 products can have, and every pair of types. Proven by exhaustion: factor.cpp runs through all of them, 8 at a
// time, in the Verilated harness.
//
// if4_dot is replaced by wires: D comes from the codes' bits, as four equal quarters and as many carries as are left.
// dot.sv proves the real one, scale.sv the scales.
module if4_dot #(
  parameter int Format = 0,
  parameter int Depth  = 0  // of the stub only: its outputs do not depend on it
) (
  input  logic                                         a_int_i,
  input  logic                                         w_int_i,
  input  logic [16*if4_pkg::code_bits(Format)-1:0]    a_codes_i,
  input  logic [16*if4_pkg::code_bits(Format)-1:0]    w_codes_i,
  output logic [4*if4_pkg::quarter_width(Format)-1:0] quarters_o,
  output logic [2:0]                                  carries_o
);
  localparam int QuarterWidth = if4_pkg::quarter_width(Format);
  logic signed [QuarterWidth-1:0] quarter;
  assign quarter    = QuarterWidth'($signed(a_codes_i[if4_pkg::dot_width(Format)-1:2]));
  assign quarters_o = {4{quarter}};
  assign carries_o  = {a_codes_i[1:0] == 2'd3, a_codes_i[1], a_codes_i[1:0] != 2'd0};
endmodule

module factor #(
  parameter int Format = 0,
  parameter int Depth  = 0,
  localparam int Stages = if4_pkg::block_stages(Format, Depth)
) (
  input  logic               clk_i,
  input  logic               a_int_i,
  input  logic               w_int_i,
  input  logic [3:0]         a_significand_i,
  input  logic [3:0]         w_significand_i,
  input  logic signed [31:0] dot_i,     // the first of 8; those outside of -bound_o..bound_o do not count
  output logic signed [31:0] bound_o,   // of the types at hand
  output logic [7:0]         wrong_o,   // of what came stages_o clocks ago
  output logic [31:0]        stages_o
);

  localparam int CodesWidth = 16 * formal_tables::width(Format);

  assign stages_o = Stages;
  assign bound_o  = 16 * formal_tables::largest(Format, a_int_i) * formal_tables::largest(Format, w_int_i);

  logic signed [63:0] m, k;
  assign m = 64'(a_significand_i) * 64'(w_significand_i);
  assign k = 64'(formal_tables::weight(Format, a_int_i)) * 64'(formal_tables::weight(Format, w_int_i));

  for (genvar i = 0; i < 8; i++) begin : gen_case
    logic signed [31:0] dot;
    logic signed [63:0] expected_q [Stages];
    logic               counts_q [Stages];
    logic signed [if4_pkg::block_width(Format)-1:0] block;
    logic [4:0] shift;
    logic       nan;
    assign dot = dot_i + i;
    // An E4M3 byte with field 0 or 1 is its significand: exponent 1.
    if4_block #(.Format(Format), .Depth(Depth)) u_block (
      .clk_i(clk_i), .load_i({Stages{1'b1}}),
      .a_codes_i(CodesWidth'(dot)), .a_scale_i({a_int_i, 3'b000, a_significand_i}),
      .w_codes_i('0), .w_scale_i({w_int_i, 3'b000, w_significand_i}),
      .block_o(block), .shift_o(shift), .nan_o(nan)
    );
    always_ff @(posedge clk_i) begin
      expected_q[0] <= 64'(dot) * m * k;
      counts_q[0]   <= dot >= -bound_o && dot <= bound_o;
      for (int s = 1; s < Stages; s++) begin
        expected_q[s] <= expected_q[s-1];
        counts_q[s]   <= counts_q[s-1];
      end
    end
    assign wrong_o[i] = counts_q[Stages-1] && (64'(block) != expected_q[Stages-1] || shift != 0 || nan);
  end

endmodule
