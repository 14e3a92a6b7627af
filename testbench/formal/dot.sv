// if4_dot equal to a naive signed sum of 16 naive products, in three parts:
//   lanes   element_product.sv: a lane's sign and product are those of the tables, (n ? -p : p) = a * w;
//   tree    here: D is x_0 + .. + x_15 + N - (N << ProductWidth), modulo 2^DotWidth, where x_i is p_i, or ~p_i where n_i
//           is set, and N the sum of the n_i. For all codes: the lanes are the real ones;
//   step    here: for any partial sums S and N, any p and n: one more lane adds (n ? -p : p) to S + N - (N <<
//           ProductWidth). The solver sees S and N as free inputs.
// By induction over the lanes from S = N = 0, D is the sum of the 16 products of the tables modulo 2^DotWidth; and
// 16 * largest^2 < 2^(DotWidth - 1), checked here, says that no sum leaves the range.
module dot #(
  parameter int Format = 0
) (
  input logic a_int_i,
  input logic w_int_i,
  input logic [16*formal_tables::width(Format)-1:0] a_codes_i,
  input logic [16*formal_tables::width(Format)-1:0] w_codes_i,
  // Of the step: S, N, p, n.
  input logic [if4_pkg::dot_width(Format)-1:0]     s_i,
  input logic [if4_pkg::dot_width(Format)-1:0]     negatives_i,
  input logic [if4_pkg::product_width(Format)-1:0] p_i,
  input logic                                      n_i
);

  localparam int CodeWidth    = formal_tables::width(Format);
  localparam int DotWidth     = if4_pkg::dot_width(Format);
  localparam int ProductWidth = if4_pkg::product_width(Format);

  logic [DotWidth-1:0]        dot;
  logic [16*ProductWidth-1:0] x;
  logic [15:0]                n;

  if4_dot #(.Format(Format)) u_dot (
    .a_int_i(a_int_i), .w_int_i(w_int_i), .a_codes_i(a_codes_i), .w_codes_i(w_codes_i), .dot_o(dot)
  );

  for (genvar i = 0; i < 16; i++) begin : gen_lane
    logic a_neg, w_neg;
    logic [if4_pkg::sig_width(Format)-1:0]   a_sig, w_sig;
    logic [if4_pkg::shift_width(Format)-1:0] a_shift, w_shift;
    logic [ProductWidth-1:0]                 p;
    if4_element #(.Format(Format)) u_a (
      .is_int_i(a_int_i), .code_i(a_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(a_neg), .sig_o(a_sig), .shift_o(a_shift)
    );
    if4_element #(.Format(Format)) u_w (
      .is_int_i(w_int_i), .code_i(w_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(w_neg), .sig_o(w_sig), .shift_o(w_shift)
    );
    if4_product #(.Format(Format)) u_product (
      .a_sig_i(a_sig), .a_shift_i(a_shift), .w_sig_i(w_sig), .w_shift_i(w_shift), .product_o(p)
    );
    assign n[i] = a_neg ^ w_neg;
    assign x[i*ProductWidth +: ProductWidth] = n[i] ? ~p : p;
  end

  logic [DotWidth-1:0] sum, negatives;
  always_comb begin
    sum       = '0;
    negatives = '0;
    for (int i = 0; i < 16; i++) begin
      sum       = sum + DotWidth'(x[i*ProductWidth +: ProductWidth]);
      negatives = negatives + DotWidth'(n[i]);
    end
    assert (dot == sum + negatives - (negatives << ProductWidth));
  end

  logic [DotWidth-1:0]     step_before, step_after, s_next, negatives_next;
  logic [ProductWidth-1:0] step_x;
  assign step_x         = n_i ? ~p_i : p_i;
  assign step_before    = s_i + negatives_i - (negatives_i << ProductWidth);
  assign s_next         = s_i + DotWidth'(step_x);
  assign negatives_next = negatives_i + DotWidth'(n_i);
  assign step_after     = s_next + negatives_next - (negatives_next << ProductWidth);
  always_comb begin
    assert (step_after == (n_i ? step_before - DotWidth'(p_i) : step_before + DotWidth'(p_i)));
  end

  for (genvar type_of = 0; type_of < 2; type_of++) begin : gen_bound
    logic [31:0] bound;
    assign bound = 16 * formal_tables::largest(Format, type_of == 1) * formal_tables::largest(Format, type_of == 1);
    always_comb assert (bound >> (DotWidth - 1) == 0);
  end

endmodule
