// D, the sum of the 16 products of two blocks' operands. Combinational, exact.
/* verilator lint_off TIMESCALEMOD */ module if4_sum #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  // Operands of the activations, as 16 if4_element give them: element i in bit or slice i.
  input  logic [15:0]                                  a_neg_i,
  input  logic [16*if4_pkg::sig_width(Format)-1:0]     a_sig_i,
  input  logic [16*if4_pkg::shift_width(Format)-1:0]   a_shift_i,
  // Operands of the weights, likewise.
  input  logic [15:0]                                  w_neg_i,
  input  logic [16*if4_pkg::sig_width(Format)-1:0]     w_sig_i,
  input  logic [16*if4_pkg::shift_width(Format)-1:0]   w_shift_i,
  output logic signed [if4_pkg::dot_width(Format)-1:0] dot_o       // D, in the product of the operands' units
);

  localparam int SigWidth     = if4_pkg::sig_width(Format);
  localparam int ShiftWidth   = if4_pkg::shift_width(Format);
  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int DotWidth     = if4_pkg::dot_width(Format);

  // With ~p the inverse of the ProductWidth bits of p, -p = ~p + 1 - 2^ProductWidth. So ~p is added for each negative
  // product, and at the end the number of negative products times 1 - 2^ProductWidth.
  logic [16*ProductWidth-1:0] products;  // p, or ~p if the product is negative
  logic [15:0]                negative;

  assign negative = a_neg_i ^ w_neg_i;

  for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
    logic [ProductWidth-1:0] product;
    if4_product #(.Format(Format)) u_product (
      .a_sig_i(a_sig_i[i*SigWidth +: SigWidth]), .a_shift_i(a_shift_i[i*ShiftWidth +: ShiftWidth]),
      .w_sig_i(w_sig_i[i*SigWidth +: SigWidth]), .w_shift_i(w_shift_i[i*ShiftWidth +: ShiftWidth]),
      .product_o(product)
    );
    assign products[i*ProductWidth +: ProductWidth] = product ^ {ProductWidth{negative[i]}};
  end

  logic [DotWidth-1:0] sum, negatives;  // of `products`; the number of negative ones

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
