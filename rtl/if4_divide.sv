// Long division by r^2 with r = 2^Ones - 1, a slice of it: `Digits` digits in base 2^Ones. Combinational.
//
// Divides by r twice, digit by digit: the quotient digits of the first division are the dividend's of the second, so
// both run along the digits together. As 2^Ones = r + 1, a remainder R and the next digit d make R * r + (R + d): the
// quotient digit is R, the remainder R + d, or R + 1 and R + d - r if that is not negative.
module if4_divide #(
  parameter int Ones   = 3,
  parameter int Digits = 6
) (
  input  logic [Ones*Digits-1:0] dividend_i,
  input  logic [Ones-1:0]        rest1_i,     // remainders of both divisions so far, 0..r - 1
  input  logic [Ones-1:0]        rest2_i,
  output logic [Ones*Digits-1:0] quotient_o,  // of the second division
  output logic [Ones-1:0]        rest1_o,
  output logic [Ones-1:0]        rest2_o
);

  for (genvar k = 0; k < Digits; k++) begin : gen_digit  // k = 0 is the most significant one
    logic [Ones-1:0] digit, rest1_in, rest2_in, quotient1, rest1, rest2;
    logic [Ones-1:0] low1, low2;    // R + d
    logic [Ones:0]   high1, high2;  // R + d + 1, which carries out where R + d >= r

    assign digit = dividend_i[Ones*(Digits-1-k) +: Ones];
    if (k == 0) begin : gen_first
      assign rest1_in = rest1_i;
      assign rest2_in = rest2_i;
    end else begin : gen_next
      assign rest1_in = gen_digit[k-1].rest1;
      assign rest2_in = gen_digit[k-1].rest2;
    end

    assign low1      = rest1_in + digit;
    assign high1     = {1'b0, rest1_in} + {1'b0, digit} + (Ones+1)'(1);
    assign rest1     = high1[Ones] ? high1[Ones-1:0] : low1;
    assign quotient1 = rest1_in + Ones'(high1[Ones]);

    assign low2      = rest2_in + quotient1;
    assign high2     = {1'b0, rest2_in} + {1'b0, quotient1} + (Ones+1)'(1);
    assign rest2     = high2[Ones] ? high2[Ones-1:0] : low2;
    assign quotient_o[Ones*(Digits-1-k) +: Ones] = rest2_in + Ones'(high2[Ones]);
  end

  assign rest1_o = gen_digit[Digits-1].rest1;
  assign rest2_o = gen_digit[Digits-1].rest2;

endmodule
