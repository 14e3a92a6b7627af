// D, the sum of the 16 integer element products of two blocks. Combinational.
//
// An operand is h (FP4, magnitude in halves, |h| <= 12) or q (INT4, |q| <= 8), so a product is within +-144
// and D within +-16 * 144 = +-2304.
module if4_dot (
  input  logic                               a_int_i,    // element type of the activations, 1: INT4
  input  logic                               w_int_i,    // element type of the weights
  input  logic [if4_pkg::CodesWidth-1:0]     a_codes_i,  // element i in bits 4i+3:4i
  input  logic [if4_pkg::CodesWidth-1:0]     w_codes_i,
  output logic signed [if4_pkg::DotWidth-1:0] dot_o      // D
);

  logic [if4_pkg::BlockSize*if4_pkg::ProductWidth-1:0] products;  // signed, lane i in slice i

  for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
    logic a_neg, w_neg;
    logic [if4_pkg::SigWidth-1:0]   a_sig, w_sig;
    logic [if4_pkg::ShiftWidth-1:0] a_shift, w_shift;
    logic [5:0] sig_product;  // 0..49
    logic [2:0] shift;        // 0..4
    logic [7:0] magnitude;    // 0..144: at most 9 << 4 (FP4) or 16 << 2 (INT4)

    if4_element u_a (
      .is_int_i(a_int_i), .code_i(a_codes_i[i*if4_pkg::CodeWidth +: if4_pkg::CodeWidth]),
      .neg_o(a_neg), .sig_o(a_sig), .shift_o(a_shift)
    );
    if4_element u_w (
      .is_int_i(w_int_i), .code_i(w_codes_i[i*if4_pkg::CodeWidth +: if4_pkg::CodeWidth]),
      .neg_o(w_neg), .sig_o(w_sig), .shift_o(w_shift)
    );

    assign sig_product = 6'(a_sig) * 6'(w_sig);
    assign shift       = 3'(a_shift) + 3'(w_shift);
    assign magnitude   = 8'(sig_product) << shift;
    assign products[i*if4_pkg::ProductWidth +: if4_pkg::ProductWidth] =
        (a_neg ^ w_neg) ? -{1'b0, magnitude} : {1'b0, magnitude};
  end

  always_comb begin
    dot_o = '0;
    for (int i = 0; i < if4_pkg::BlockSize; i++) begin
      dot_o = dot_o + if4_pkg::DotWidth'($signed(products[i*if4_pkg::ProductWidth +: if4_pkg::ProductWidth]));
    end
  end

endmodule
