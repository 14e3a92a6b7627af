// Magnitude of the product of two operands. Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_product #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic [if4_pkg::sig_width(Format)-1:0]     a_sig_i,    // operand of the activations, as if4_element gives it
  input  logic [if4_pkg::shift_width(Format)-1:0]   a_shift_i,
  input  logic [if4_pkg::sig_width(Format)-1:0]     w_sig_i,    // operand of the weights
  input  logic [if4_pkg::shift_width(Format)-1:0]   w_shift_i,
  output logic [if4_pkg::product_width(Format)-1:0] product_o   // (a_sig << a_shift) * (w_sig << w_shift)
);

  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int ShiftWidth   = if4_pkg::shift_width(Format) + 1;

  if (if4_pkg::whole(Format)) begin : gen_whole
    // A magnitude is 0..8 or 12. If its bit 3 is set, its bits 1:0 are 0, so at most one term of each OR below is 1,
    // and the OR adds two partial products of the same place: there are three rows to add instead of four.
    logic [3:0] a, w;
    logic [7:0] row0, row1, row2;
    assign a = 4'(a_sig_i);
    assign w = 4'(w_sig_i);
    assign row0 = {1'b0, a[3] & w[3], a[3] & w[2], (a[3] & w[1]) | (a[1] & w[3]), (a[3] & w[0]) | (a[1] & w[2]),
                   a[2] & w[0], a[1] & w[0], a[0] & w[0]};
    assign row1 = {2'b00, a[2] & w[3], a[2] & w[2], (a[2] & w[1]) | (a[0] & w[3]), a[1] & w[1], a[0] & w[1], 1'b0};
    assign row2 = {5'b00000, a[0] & w[2], 2'b00};
    assign product_o = ProductWidth'(row0 + row1 + row2);
    logic unused;
    assign unused = a_shift_i[0] ^ w_shift_i[0];
  end else begin : gen_shifted
    logic [2*if4_pkg::sig_width(Format)-1:0] sigs;
    logic [ShiftWidth-1:0] shift;
    assign sigs      = a_sig_i * w_sig_i;
    assign shift     = {1'b0, a_shift_i} + {1'b0, w_shift_i};
    assign product_o = ProductWidth'(sigs) << shift;
  end

endmodule
