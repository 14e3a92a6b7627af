// The four quarters of D, the sum of the 16 products of two blocks of codes: 16 decoders a side, and if4_quarters.
// if4_sum makes D of them. Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_dot #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Depth  = 0                    // 0 or 1 (if4_product)
) (
  input  logic                                        a_int_i,    // type of the activations: 1 int, 0 float
  input  logic                                        w_int_i,    // type of the weights, likewise
  input  logic [16*if4_pkg::code_bits(Format)-1:0]    a_codes_i,  // activations, element i in slice i
  input  logic [16*if4_pkg::code_bits(Format)-1:0]    w_codes_i,  // weights, likewise
  output logic [4*if4_pkg::quarter_width(Format)-1:0] quarters_o, // as if4_quarters gives them
  output logic [2:0]                                  carries_o
);

  localparam int CodeWidth  = if4_pkg::code_bits(Format);
  localparam int SigWidth   = if4_pkg::sig_width(Format);
  localparam int ShiftWidth = if4_pkg::shift_width(Format);

  logic [15:0]              a_neg, w_neg;
  logic [16*SigWidth-1:0]   a_sig, w_sig;
  logic [16*ShiftWidth-1:0] a_shift, w_shift;

  for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
    if4_element #(.Format(Format)) u_a (
      .is_int_i(a_int_i), .code_i(a_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(a_neg[i]), .sig_o(a_sig[i*SigWidth +: SigWidth]), .shift_o(a_shift[i*ShiftWidth +: ShiftWidth])
    );
    if4_element #(.Format(Format)) u_w (
      .is_int_i(w_int_i), .code_i(w_codes_i[i*CodeWidth +: CodeWidth]),
      .neg_o(w_neg[i]), .sig_o(w_sig[i*SigWidth +: SigWidth]), .shift_o(w_shift[i*ShiftWidth +: ShiftWidth])
    );
  end

  if4_quarters #(.Format(Format), .Depth(Depth)) u_quarters (
    .a_neg_i(a_neg), .a_sig_i(a_sig), .a_shift_i(a_shift),
    .w_neg_i(w_neg), .w_sig_i(w_sig), .w_shift_i(w_shift), .quarters_o(quarters_o), .carries_o(carries_o)
  );

endmodule
