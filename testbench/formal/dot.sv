// The sum of products, if4_dot and if4_sum, equal to a naive signed sum of 16 naive products, in four parts:
//   lanes     element_product.sv: a lane's sign and product are those of the tables, v = (n ? -p : p) = a * w;
//   terms     here: v is x + c, where x is p, or -p - 1 if n is set, and c is n; of lane 15 x is v and c is 0;
//   quarters  here: quarter i and its carry together are the sum of four x and four c, for all codes: the lanes are the real
//             ones. The naive sum takes them in the tree's order, as solvers are slow to see that another order is as good;
//   sum       here: D is the sum of four quarters and three carries, for any numbers of their widths, which the solver sees
//             as free inputs.
// So D is the sum of the 16 products of the tables. Everything is compared in 32 bits, in which nothing wraps: no sum of
// the unit leaves its width.
module dot #(
  parameter int Format = 0,
  parameter int Depth  = 0
) (
  input logic a_int_i,
  input logic w_int_i,
  input logic [16*formal_tables::width(Format)-1:0] a_codes_i,
  input logic [16*formal_tables::width(Format)-1:0] w_codes_i,
  // Of the sum.
  input logic [4*if4_pkg::quarter_width(Format)-1:0] quarters_i,
  input logic [2:0]                                  carries_i
);

  localparam int CodeWidth    = formal_tables::width(Format);
  localparam int DotWidth     = if4_pkg::dot_width(Format);
  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int QuarterWidth = if4_pkg::quarter_width(Format);

  logic [4*QuarterWidth-1:0] quarters;
  logic [2:0]                carries;

  if4_dot #(.Format(Format), .Depth(Depth)) u_dot (
    .a_int_i(a_int_i), .w_int_i(w_int_i), .a_codes_i(a_codes_i), .w_codes_i(w_codes_i),
    .quarters_o(quarters), .carries_o(carries)
  );

  logic [16*32-1:0] x, c;
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
    if4_product #(.Format(Format), .Depth(Depth)) u_product (
      .a_sig_i(a_sig), .a_shift_i(a_shift), .w_sig_i(w_sig), .w_shift_i(w_shift), .product_o(p)
    );
    logic        n;
    logic [31:0] magnitude, v;
    assign n         = a_neg ^ w_neg;
    assign magnitude = 32'(p);
    assign v         = n ? -magnitude : magnitude;
    assign x[i*32 +: 32] = i == 15 ? v : n ? ~magnitude : magnitude;
    assign c[i*32 +: 32] = i == 15 ? 32'd0 : 32'(n);
    always_comb assert (x[i*32 +: 32] + c[i*32 +: 32] == v);
  end

  for (genvar i = 0; i < 4; i++) begin : gen_quarter
    logic carry;
    assign carry = i < 3 ? carries[i] : 1'b0;
    always_comb begin
      assert (32'($signed(quarters[i*QuarterWidth +: QuarterWidth])) + 32'(carry) ==
              ((x[4*i*32 +: 32] + x[(4*i+1)*32 +: 32] + c[4*i*32 +: 32]) +
               (x[(4*i+2)*32 +: 32] + x[(4*i+3)*32 +: 32] + c[(4*i+2)*32 +: 32]) + c[(4*i+1)*32 +: 32]) +
              c[(4*i+3)*32 +: 32]);
    end
  end

  logic signed [DotWidth-1:0] dot;
  if4_sum #(.Format(Format)) u_sum (.quarters_i(quarters_i), .carries_i(carries_i), .dot_o(dot));

  logic [4*32-1:0] q;
  for (genvar i = 0; i < 4; i++) begin : gen_wide
    assign q[i*32 +: 32] = 32'($signed(quarters_i[i*QuarterWidth +: QuarterWidth]));
  end
  always_comb begin
    assert (32'(dot) == (q[0 +: 32] + q[32 +: 32] + 32'(carries_i[0])) + (q[64 +: 32] + q[96 +: 32] + 32'(carries_i[2])) +
            32'(carries_i[1]));
  end

endmodule
