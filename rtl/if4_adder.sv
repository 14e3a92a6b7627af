// Sum of two numbers, modulo 2^Width. Combinational.
//
// Carry select: the upper half is added with and without a carry from the lower half, which then chooses. Shortens the
// longest path of the accumulator by a quarter.
module if4_adder #(
  parameter int Width = 64  // at least 2
) (
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] sum_o
);

  localparam int Low  = Width * 9 / 16;
  localparam int High = Width - Low;

  logic [Low:0]    low;
  logic [High-1:0] high, high_carry;

  assign low        = {1'b0, a_i[Low-1:0]} + {1'b0, b_i[Low-1:0]};
  assign high       = a_i[Width-1:Low] + b_i[Width-1:Low];
  assign high_carry = a_i[Width-1:Low] + b_i[Width-1:Low] + High'(1);
  assign sum_o      = {low[Low] ? high_carry : high, low[Low-1:0]};

endmodule
