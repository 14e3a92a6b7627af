// D * m, with m = m_a * m_w the product of two scale significands. Combinational, exact.
/* verilator lint_off TIMESCALEMOD */ module if4_factor #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic signed [if4_pkg::dot_width(Format)-1:0]    dot_i,    // D
  input  logic [if4_pkg::BoothDigits-1:0]                 one_i,    // Booth's digits of m, as if4_booth gives them
  input  logic [if4_pkg::BoothDigits-1:0]                 two_i,
  input  logic [if4_pkg::BoothDigits-1:0]                 neg_i,
  output logic [if4_pkg::scaled_width(Format)-1:0]        sum_o,    // sum_o + carry_o = D * m, modulo their width
  output logic [if4_pkg::scaled_width(Format)-1:0]        carry_o
);

  localparam int DotWidth    = if4_pkg::dot_width(Format);
  localparam int ScaledWidth = if4_pkg::scaled_width(Format);

  // Row j is digit j of m times D, a signed number of RowWidth bits at place 2j. A negative digit inverts the bits of
  // the row, and the one that is missing to its negation is added in row4, which also has 256 * m[7] * D.
  //
  // Instead of extending the signs of the rows their sign bits are inverted, which adds 2^(RowWidth-1) = 2^DotWidth to
  // each. RowsBias takes it away from all four, TopBias from the part of row4, which has a
  // bit less and stands at place 8.
  localparam int RowWidth = DotWidth + 1;
  localparam logic [ScaledWidth-1:0] RowsBias = ScaledWidth'(1 + 4 + 16 + 64) << DotWidth;
  localparam logic [ScaledWidth-1:0] TopBias  = ScaledWidth'(1) << (DotWidth - 1 + 8);
  logic [4*RowWidth-1:0]  rows;
  logic [DotWidth-1:0]    top;  // m[7] * D, its sign bit inverted

  for (genvar j = 0; j < if4_pkg::BoothDigits; j++) begin : gen_row
    assign rows[j*RowWidth +: RowWidth] = {1'b1, {(RowWidth-1){1'b0}}} ^
        ((({dot_i[DotWidth-1], dot_i} & {RowWidth{one_i[j]}}) | ({dot_i, 1'b0} & {RowWidth{two_i[j]}})) ^
         {RowWidth{neg_i[j]}});
  end

  assign top = (dot_i & {DotWidth{neg_i[3]}}) ^ {1'b1, {(DotWidth-1){1'b0}}};

  logic [ScaledWidth-1:0] row0, row1, row2, row3, row4;
  assign row0 = ScaledWidth'(rows[0 +: RowWidth]);
  assign row1 = ScaledWidth'(rows[RowWidth +: RowWidth]) << 2;
  assign row2 = ScaledWidth'(rows[2*RowWidth +: RowWidth]) << 4;
  assign row3 = ScaledWidth'(rows[3*RowWidth +: RowWidth]) << 6;
  assign row4 = (ScaledWidth'(top) << 8) | ScaledWidth'({neg_i[3], 1'b0, neg_i[2], 1'b0, neg_i[1], 1'b0, neg_i[0]});

  // Six rows to two, in three levels of full adders: three numbers are the sum of their bits and of their carries.
  function automatic logic [ScaledWidth-1:0] carry_row(logic [ScaledWidth-1:0] a, logic [ScaledWidth-1:0] b,
                                                       logic [ScaledWidth-1:0] c);
    carry_row = ((a & b) | (a & c) | (b & c)) << 1;
  endfunction

  localparam logic [ScaledWidth-1:0] Bias = '0 - RowsBias - TopBias;
  logic [ScaledWidth-1:0] sum1, carry1, sum2, carry2, sum3, carry3;
  assign sum1    = row0 ^ row1 ^ row2;
  assign carry1  = carry_row(row0, row1, row2);
  assign sum2    = row3 ^ row4 ^ Bias;
  assign carry2  = carry_row(row3, row4, Bias);
  assign sum3    = sum1 ^ carry1 ^ sum2;
  assign carry3  = carry_row(sum1, carry1, sum2);
  assign sum_o   = sum3 ^ carry3 ^ carry2;
  assign carry_o = carry_row(sum3, carry3, carry2);

endmodule
