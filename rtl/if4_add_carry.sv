// The sum of two signed numbers and a carry. Combinational, exact.
//
// It is written as one addition with a bit more at the low end, so that every tool makes one adder of it, with the
// carry at its input, and not two.
/* verilator lint_off TIMESCALEMOD */ module if4_add_carry #(
  parameter int Width = 8  // bits of the numbers, 1 or more
) (
  input  logic signed [Width-1:0] a_i,
  input  logic signed [Width-1:0] b_i,
  input  logic                    carry_i,
  output logic signed [Width:0]   sum_o    // a_i + b_i + carry_i
);

  logic [Width+1:0] sum;
  assign sum   = {a_i[Width-1], a_i, 1'b1} + {b_i[Width-1], b_i, carry_i};
  assign sum_o = sum[Width+1:1];

  logic unused;
  assign unused = sum[0];

endmodule
