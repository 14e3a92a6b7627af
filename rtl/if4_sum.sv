// D, the sum of the 16 products of two blocks' operands, from the sums of its quarters: the two upper levels of a tree
// of adders, whose lower ones are in if4_quarters. Combinational, exact.
/* verilator lint_off TIMESCALEMOD */ module if4_sum #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic [4*if4_pkg::quarter_width(Format)-1:0]  quarters_i,  // of if4_quarters
  input  logic [2:0]                                   carries_i,   // likewise: that of quarter i in bit i
  output logic signed [if4_pkg::dot_width(Format)-1:0] dot_o        // D, in the product of the operands' units
);

  localparam int Width = if4_pkg::quarter_width(Format);

  logic signed [Width:0] low, high;

  if4_add_carry #(.Width(Width)) u_low (
    .a_i(quarters_i[0 +: Width]), .b_i(quarters_i[Width +: Width]), .carry_i(carries_i[0]), .sum_o(low)
  );
  if4_add_carry #(.Width(Width)) u_high (
    .a_i(quarters_i[2*Width +: Width]), .b_i(quarters_i[3*Width +: Width]), .carry_i(carries_i[2]), .sum_o(high)
  );
  if4_add_carry #(.Width(Width+1)) u_dot (.a_i(low), .b_i(high), .carry_i(carries_i[1]), .sum_o(dot_o));

endmodule
