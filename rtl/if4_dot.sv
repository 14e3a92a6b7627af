// D, the sum of the 16 products of two blocks' operands. Combinational.
module if4_dot #(
  parameter int Format = if4_pkg::FormatIF4
) (
  input  logic                                             a_int_i,    // type of the activations: 1 int, 0 float
  input  logic                                             w_int_i,    // type of the weights
  input  logic [16*if4_pkg::code_width(Format)-1:0]        a_codes_i,  // element i in slice i
  input  logic [16*if4_pkg::code_width(Format)-1:0]        w_codes_i,
  output logic signed [if4_pkg::dot_width(Format)-1:0]     dot_o       // D
);

  localparam int CodeWidth    = if4_pkg::code_width(Format);
  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int DotWidth     = if4_pkg::dot_width(Format);

  // -p is ~p + 1 - 2^ProductWidth in ProductWidth bits, so the negative products add as ~p, and their number corrects
  // the sum.
  logic [16*ProductWidth-1:0] products;  // p, or ~p where the product is negative
  logic [15:0]                negative;

  for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
    logic a_neg, w_neg;
    logic [if4_pkg::sig_width(Format)-1:0]   a_sig, w_sig;
    logic [if4_pkg::shift_width(Format)-1:0] a_shift, w_shift;
    logic [ProductWidth-1:0]                 product;

    if4_element #(.Format(Format)) u_a (
      .is_int_i(a_int_i), .code_i(a_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(a_neg), .sig_o(a_sig), .shift_o(a_shift)
    );
    if4_element #(.Format(Format)) u_w (
      .is_int_i(w_int_i), .code_i(w_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(w_neg), .sig_o(w_sig), .shift_o(w_shift)
    );
    if4_product #(.Format(Format)) u_product (
      .a_sig_i(a_sig), .a_shift_i(a_shift), .w_sig_i(w_sig), .w_shift_i(w_shift), .product_o(product)
    );

    assign negative[i] = a_neg ^ w_neg;
    assign products[i*ProductWidth +: ProductWidth] = product ^ {ProductWidth{negative[i]}};
  end

  logic [DotWidth-1:0] sum, negatives;

  always_comb begin
    sum       = '0;
    negatives = '0;
    for (int i = 0; i < if4_pkg::BlockSize; i++) begin
      sum       = sum + DotWidth'(products[i*ProductWidth +: ProductWidth]);
      negatives = negatives + DotWidth'(negative[i]);
    end
  end

  assign dot_o = sum + negatives - (negatives << ProductWidth);

endmodule
