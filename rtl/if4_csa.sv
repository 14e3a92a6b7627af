// Three numbers to two with the same sum, modulo 2^Width: a row of full adders. Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_csa #(
  parameter int Width = 20
) (
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  input  logic [Width-1:0] c_i,
  output logic [Width-1:0] sum_o,   // sum_o + carry_o = a_i + b_i + c_i
  output logic [Width-1:0] carry_o
);

  assign sum_o   = a_i ^ b_i ^ c_i;
  assign carry_o = ((a_i & b_i) | (a_i & c_i) | (b_i & c_i)) << 1;

endmodule
