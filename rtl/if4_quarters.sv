// The 16 products of two blocks' operands and the sums of each four of them, the quarters of D. Combinational, exact.
//
// A negative product enters the tree of adders as ~p, which is -p - 1. The one that is missing goes to the carry input
// of an adder. The tree has 15 adders, so one product, that of lane 15, is negated in full before it is added. The two
// upper levels of the tree are if4_sum: it gets the sums of the quarters and the three carries that its adders take.
/* verilator lint_off TIMESCALEMOD */ module if4_quarters #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Depth  = 0                    // 0 or 1 (if4_product)
) (
  // Operands of the activations, as 16 if4_element give them: element i in bit or slice i.
  input  logic [15:0]                                 a_neg_i,
  input  logic [16*if4_pkg::sig_width(Format)-1:0]    a_sig_i,
  input  logic [16*if4_pkg::shift_width(Format)-1:0]  a_shift_i,
  // Operands of the weights, likewise.
  input  logic [15:0]                                 w_neg_i,
  input  logic [16*if4_pkg::sig_width(Format)-1:0]    w_sig_i,
  input  logic [16*if4_pkg::shift_width(Format)-1:0]  w_shift_i,
  output logic [4*if4_pkg::quarter_width(Format)-1:0] quarters_o,  // of lanes 4i..4i + 3 in slice i, less carry i
  output logic [2:0]                                  carries_o    // 0 or 1; the last quarter has none
);

  localparam int SigWidth     = if4_pkg::sig_width(Format);
  localparam int ShiftWidth   = if4_pkg::shift_width(Format);
  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int TermWidth    = ProductWidth + 1;  // p or ~p, with a sign
  localparam int PairWidth    = TermWidth + 1;
  localparam int QuarterWidth = if4_pkg::quarter_width(Format);

  logic [15:0]             negative;
  logic [16*TermWidth-1:0] terms;
  logic [8*PairWidth-1:0]  pairs;

  assign negative = a_neg_i ^ w_neg_i;

  for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
    logic [ProductWidth-1:0] product;
    if4_product #(.Format(Format), .Depth(Depth)) u_product (
      .a_sig_i(a_sig_i[i*SigWidth +: SigWidth]), .a_shift_i(a_shift_i[i*ShiftWidth +: ShiftWidth]),
      .w_sig_i(w_sig_i[i*SigWidth +: SigWidth]), .w_shift_i(w_shift_i[i*ShiftWidth +: ShiftWidth]),
      .product_o(product)
    );
    if (i < if4_pkg::BlockSize - 1) begin : gen_inverted
      assign terms[i*TermWidth +: TermWidth] = {1'b0, product} ^ {TermWidth{negative[i]}};
    end else begin : gen_negated
      assign terms[i*TermWidth +: TermWidth] = ({1'b0, product} ^ {TermWidth{negative[i]}}) + TermWidth'(negative[i]);
    end
  end

  for (genvar i = 0; i < 8; i++) begin : gen_pair
    if4_add_carry #(.Width(TermWidth)) u_add (
      .a_i(terms[2*i*TermWidth +: TermWidth]), .b_i(terms[(2*i+1)*TermWidth +: TermWidth]), .carry_i(negative[2*i]),
      .sum_o(pairs[i*PairWidth +: PairWidth])
    );
  end

  for (genvar i = 0; i < 4; i++) begin : gen_quarter
    if4_add_carry #(.Width(PairWidth)) u_add (
      .a_i(pairs[2*i*PairWidth +: PairWidth]), .b_i(pairs[(2*i+1)*PairWidth +: PairWidth]), .carry_i(negative[4*i+1]),
      .sum_o(quarters_o[i*QuarterWidth +: QuarterWidth])
    );
    if (i < 3) begin : gen_carry
      assign carries_o[i] = negative[4*i+3];
    end
  end

endmodule
