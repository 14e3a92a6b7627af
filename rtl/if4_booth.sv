// Booth's digits of the product of two scale significands, radix 4: -2..2, four of them. Combinational.
//
// m = sum of digit_j * 4^j + 256 * m[7]. Half as many rows to add in if4_factor as bits of m.
module if4_booth (
  input  logic [if4_pkg::ScaleProductWidth-1:0] scale_i,  // m = m_a * m_w
  output logic [if4_pkg::BoothDigits-1:0]       one_o,    // magnitude of digit j is 1
  output logic [if4_pkg::BoothDigits-1:0]       two_o,    // magnitude is 2; 0 if neither
  output logic [if4_pkg::BoothDigits-1:0]       neg_o     // digit is negative, or -0; that of digit 3 is m[7]
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
