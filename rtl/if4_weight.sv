// D * m times k, the product of the weights of both types (if4_pkg.sv), each of the form (2^n - 1) << z; of IF4 k is
// 49, 84 or 144. Combinational, exact.
/* verilator lint_off TIMESCALEMOD */ module if4_weight #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic                                            a_int_i,   // type of the activations: 1 int, 0 float
  input  logic                                            w_int_i,   // type of the weights, likewise
  input  logic signed [if4_pkg::scaled_width(Format)-1:0] scaled_i,  // D * m
  output logic [if4_pkg::block_width(Format)-1:0]         sum_o,     // sum_o + carry_o = D * m * k, modulo their width
  output logic [if4_pkg::block_width(Format)-1:0]         carry_o
);

  localparam int BlockWidth = if4_pkg::block_width(Format);

  logic signed [BlockWidth-1:0] x;  // D * m
  assign x = BlockWidth'(scaled_i);

  if (!if4_pkg::has_both(Format)) begin : gen_one_type
    assign sum_o   = x;
    assign carry_o = '0;
    logic unused;
    assign unused = a_int_i ^ w_int_i;
  end else if (Format == if4_pkg::FormatIF4) begin : gen_terms
    // 49 = 16 + 32 + 1, 84 = 16 + 64 + 4, 144 = 16 + 128: the sum of three terms, which the types select.
    logic fp_fp, mixed, int_int;  // both floats, one of each, both ints
    assign fp_fp   = ~(a_int_i | w_int_i);
    assign mixed   = a_int_i ^ w_int_i;
    assign int_int = a_int_i & w_int_i;
    logic [BlockWidth-1:0] term1, term2, term3;
    assign term1   = x <<< 4;
    assign term2   = ((x <<< 5) & {BlockWidth{fp_fp}}) | ((x <<< 6) & {BlockWidth{mixed}})
                   | ((x <<< 7) & {BlockWidth{int_int}});
    assign term3   = (x & {BlockWidth{fp_fp}}) | ((x <<< 2) & {BlockWidth{mixed}});
    assign sum_o   = term1 ^ term2 ^ term3;
    assign carry_o = ((term1 & term2) | (term1 & term3) | (term2 & term3)) << 1;
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
    assign sum_o   = by_w;
    assign carry_o = '0;
  end

endmodule
