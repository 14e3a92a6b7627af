// Two units side by side, for proofs about mutants of a netlist (scripts/netlist_mutants.py): `gold` as it is, `gate` with
// the change, both of IF4 with 16 lanes. differ_o is 1 in a clock in which a port shows the change: a result and its flags
// count only while the unit offers them. The first clock is one of reset, so that all starts from a state that is reached.
module mutant_miter (
  input logic clk_i, rst_ni, valid_i, last_i, ready_i,
  input logic [63:0] a_codes_i, w_codes_i, input logic [7:0] a_scale_i, w_scale_i,
  output logic differ_o
);
  logic started_q = 1'b0;
  logic [1:0] ready, valid, nan, overflow;
  logic [31:0] result0, result1;
  always @(posedge clk_i) started_q <= 1'b1;
  wire rst_n = rst_ni & started_q;
  gold u_gold (.clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready[0]), .last_i, .a_codes_i, .a_scale_i, .w_codes_i, .w_scale_i,
    .valid_o(valid[0]), .ready_i, .result_o(result0), .nan_o(nan[0]), .overflow_o(overflow[0]));
  gate u_gate (.clk_i, .rst_ni(rst_n), .valid_i, .ready_o(ready[1]), .last_i, .a_codes_i, .a_scale_i, .w_codes_i, .w_scale_i,
    .valid_o(valid[1]), .ready_i, .result_o(result1), .nan_o(nan[1]), .overflow_o(overflow[1]));
  assign differ_o = started_q & ((ready[0] != ready[1]) | (valid[0] != valid[1]) |
    (valid[0] & ((result0 != result1) | (nan[0] != nan[1]) | (overflow[0] != overflow[1]))));
endmodule
