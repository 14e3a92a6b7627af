// Magnitude of the product of two operands. Combinational.
/* verilator lint_off TIMESCALEMOD */ module if4_product #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Depth  = 0                    // 0: small; 1: fewer levels of logic
) (
  input  logic [if4_pkg::sig_width(Format)-1:0]     a_sig_i,    // operand of the activations, as if4_element gives it
  input  logic [if4_pkg::shift_width(Format)-1:0]   a_shift_i,
  input  logic [if4_pkg::sig_width(Format)-1:0]     w_sig_i,    // operand of the weights
  input  logic [if4_pkg::shift_width(Format)-1:0]   w_shift_i,
  output logic [if4_pkg::product_width(Format)-1:0] product_o   // (a_sig << a_shift) * (w_sig << w_shift)
);

  localparam int ProductWidth = if4_pkg::product_width(Format);
  localparam int ShiftWidth   = if4_pkg::shift_width(Format) + 1;

  if (if4_pkg::whole(Format) && Depth == 0) begin : gen_digits
    // In digits of base 4 a product is 16 * high + 4 * (products of an upper and a lower digit) + low. A magnitude is
    // 0..8 or 12: an upper digit of 2 or 3 goes with a lower digit of 0. So terms exclude each other, and every OR adds
    // such terms. The adders are written bit by bit, as what abc makes of the arithmetic is larger.
    logic [3:0] a, w;
    logic [3:0] low, high;       // product of the lower digits, at place 0; of the upper digits, at place 4
    logic       low0, high0;     // their lowest bits
    logic [1:0] row0, row1;      // products of an upper and a lower digit, at place 2
    logic       top;             // the rest of them, at place 4
    logic       sum2, sum3;      // row0 + row1
    logic       carry3, carry4;  // of row0 + row1, into the place that the name says
    logic       low3, low4;      // what is added to that sum at the place that the name says
    logic       carry5;          // into place 5, of all
    assign a = 4'(a_sig_i);
    assign w = 4'(w_sig_i);

    assign low0  = a[0] & w[0];
    assign high0 = a[2] & w[2];
    assign low   = {a[1] & w[1] & low0, a[1] & w[1] & ~low0, (a[1] & w[0]) ^ (a[0] & w[1]), low0};
    assign high  = {a[3] & w[3] & high0, a[3] & w[3] & ~high0, (a[3] & w[2]) ^ (a[2] & w[3]), high0};

    assign row0 = {(a[2] & w[1]) | (a[0] & w[3]), a[2] & w[0]};
    assign row1 = {(a[1] & w[2]) | (a[3] & w[0]), a[0] & w[2]};
    assign top  = (a[3] & w[1]) | (a[1] & w[3]);

    assign sum2   = row0[0] ^ row1[0];
    assign carry3 = row0[0] & row1[0];
    assign sum3   = row0[1] ^ row1[1] ^ carry3;
    assign carry4 = (row0[1] & row1[1]) | (carry3 & (row0[1] ^ row1[1]));
    assign low3   = low[3] | (low[2] & sum2);
    assign low4   = top | (sum3 & low3);
    assign carry5 = (high[0] & carry4) | (low4 & (high[0] ^ carry4));

    assign product_o = ProductWidth'({high[3], high[2] | (high[1] & carry5), high[1] ^ carry5,
                                      (high[0] ^ carry4) ^ low4, sum3 ^ low3, low[2] ^ sum2, low[1:0]});
    logic unused;
    assign unused = a_shift_i[0] ^ w_shift_i[0];
  end else if (if4_pkg::whole(Format)) begin : gen_rows
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
