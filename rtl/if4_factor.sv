// One block's sum with everything but the exponents: D * m * k, with m = m_a * m_w. Combinational.
//
// k is the product of the weights of both types (if4_pkg.sv), each of the form (2^n - 1) << z; of
// IF4 it is 49, 84 or 144.
/* verilator lint_off TIMESCALEMOD */ module if4_factor #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic                                           a_int_i,  // type of the activations: 1 int, 0 float
  input  logic                                           w_int_i,  // type of the weights, likewise
  input  logic signed [if4_pkg::dot_width(Format)-1:0]   dot_i,    // D
  input  logic [if4_pkg::BoothDigits-1:0]                one_i,    // Booth's digits of m, as if4_booth gives them
  input  logic [if4_pkg::BoothDigits-1:0]                two_i,
  input  logic [if4_pkg::BoothDigits-1:0]                neg_i,
  output logic signed [if4_pkg::block_width(Format)-1:0] block_o   // D * m * k
);

  localparam int DotWidth    = if4_pkg::dot_width(Format);
  localparam int ScaledWidth = if4_pkg::scaled_width(Format);
  localparam int BlockWidth  = if4_pkg::block_width(Format);

  // Row j is digit j of m times D, a signed number of RowWidth bits at place 2j. A negative digit inverts the bits of
  // the row, and the one that is missing to its negation is added in row4, which also has 256 * m[7] * D.
  //
  // Instead of extending the signs of the rows their sign bits are inverted, which adds 2^(RowWidth-1) = 2^DotWidth to
  // each. RowsBias takes it away from all four, TopBias from the part of row4, which has a
  // bit less and stands at place 8.
  localparam int RowWidth = DotWidth + 1;
  localparam logic [ScaledWidth-1:0] RowsBias = ScaledWidth'(1 + 4 + 16 + 64) << DotWidth;
  localparam logic [ScaledWidth-1:0] TopBias  = ScaledWidth'(1) << (DotWidth - 1 + 8);
  logic [ScaledWidth-1:0] sum;
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
  assign sum = row0 + row1 + row2 + row3 + row4 - RowsBias - TopBias;
  logic signed [ScaledWidth-1:0] scaled;
  assign scaled = sum;

  logic signed [BlockWidth-1:0] x;  // D * m
  assign x = BlockWidth'(scaled);

  if (!if4_pkg::has_both(Format)) begin : gen_one_type
    assign block_o = x;
    logic unused;
    assign unused = a_int_i ^ w_int_i;
  end else if (Format == if4_pkg::FormatIF4) begin : gen_terms
    // 49 = 16 + 32 + 1, 84 = 16 + 64 + 4, 144 = 16 + 128: the sum of three terms, which the types select.
    logic fp_fp, mixed, int_int;  // both floats, one of each, both ints
    assign fp_fp   = ~(a_int_i | w_int_i);
    assign mixed   = a_int_i ^ w_int_i;
    assign int_int = a_int_i & w_int_i;
    assign block_o = (x <<< 4)
        + (((x <<< 5) & {BlockWidth{fp_fp}}) | ((x <<< 6) & {BlockWidth{mixed}}) | ((x <<< 7) & {BlockWidth{int_int}}))
        + ((x & {BlockWidth{fp_fp}}) | ((x <<< 2) & {BlockWidth{mixed}}));
  end else begin : gen_weights
    // One weight after the other: x * (2^n - 1) = (x << n) - x, then << z.
    localparam int FloatOnes = if4_pkg::float_ones(Format);
    localparam int IntOnes   = if4_pkg::int_ones(Format);
    localparam int IntZeros  = if4_pkg::int_zeros(Format);
    logic signed [BlockWidth-1:0] by_a, by_w;
    if (FloatOnes == 1 && IntOnes == 1) begin : gen_powers
      assign by_a = a_int_i ? x <<< IntZeros : x;
      assign by_w = w_int_i ? by_a <<< IntZeros : by_a;
    end else begin : gen_ones
      assign by_a = a_int_i ? ((x <<< IntOnes) - x) <<< IntZeros : (x <<< FloatOnes) - x;
      assign by_w = w_int_i ? ((by_a <<< IntOnes) - by_a) <<< IntZeros : (by_a <<< FloatOnes) - by_a;
    end
    assign block_o = by_w;
  end

endmodule
