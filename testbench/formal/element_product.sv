// if4_element and if4_product equal to the tables: every code, every pair of codes, every pair of types.
module element_product #(
  parameter int Format = 0,
  parameter int Depth  = 0
) (
  input logic a_int_i,
  input logic w_int_i,
  input logic [formal_tables::width(Format)-1:0] a_code_i,
  input logic [formal_tables::width(Format)-1:0] w_code_i
);

  logic a_neg, w_neg;
  logic [if4_pkg::sig_width(Format)-1:0]     a_sig, w_sig;
  logic [if4_pkg::shift_width(Format)-1:0]   a_shift, w_shift;
  logic [if4_pkg::product_width(Format)-1:0] product;

  if4_element #(.Format(Format)) u_a (
    .is_int_i(a_int_i), .code_i(a_code_i), .neg_o(a_neg), .sig_o(a_sig), .shift_o(a_shift)
  );
  if4_element #(.Format(Format)) u_w (
    .is_int_i(w_int_i), .code_i(w_code_i), .neg_o(w_neg), .sig_o(w_sig), .shift_o(w_shift)
  );
  if4_product #(.Format(Format), .Depth(Depth)) u_product (
    .a_sig_i(a_sig), .a_shift_i(a_shift), .w_sig_i(w_sig), .w_shift_i(w_shift), .product_o(product)
  );

  logic signed [31:0] a, w, a_magnitude, magnitude;
  assign a = formal_tables::operand(Format, a_int_i, 6'(a_code_i));
  assign w = formal_tables::operand(Format, w_int_i, 6'(w_code_i));
  assign a_magnitude = 32'(a_sig) << a_shift;
  assign magnitude   = 32'(product);

  always_comb begin
    assert ((a_neg ? -a_magnitude : a_magnitude) == a);
    assert ((a_neg ^ w_neg ? -magnitude : magnitude) == a * w);
  end

endmodule
