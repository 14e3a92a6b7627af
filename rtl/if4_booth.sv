// Booth's digits, radix 4, of the product m of two scale significands: m = sum of digit_j * 4^j + 256 * m[7], with four
// digits in -2..2. Combinational.
//
// A multiplication by m then adds half as many rows as m has bits; if4_factor does it.
/* verilator lint_off TIMESCALEMOD */ module if4_booth (
  input  logic [if4_pkg::ScaleProductWidth-1:0] scale_i,  // m = m_a * m_w, 0..225
  output logic [if4_pkg::BoothDigits-1:0]       one_o,    // bit j: the magnitude of digit j is 1
  output logic [if4_pkg::BoothDigits-1:0]       two_o,    // bit j: the magnitude is 2; it is 0 if neither bit is set
  output logic [if4_pkg::BoothDigits-1:0]       neg_o     // bit j: the digit is negative, or -0; bit 3 is m[7]
);

  for (genvar j = 0; j < if4_pkg::BoothDigits; j++) begin : gen_digit
    logic below;
    if (j == 0) begin : gen_first
      assign below = 1'b0;
    end else begin : gen_next
      assign below = scale_i[2*j-1];
    end
    assign one_o[j] = scale_i[2*j] ^ below;
    assign two_o[j] = (scale_i[2*j+1] ^ scale_i[2*j]) & ~one_o[j];
    assign neg_o[j] = scale_i[2*j+1];
  end

endmodule
