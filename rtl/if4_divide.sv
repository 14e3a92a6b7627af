// Long division by r = 2^Ones - 1: `Digits` digits of the dividend in base 2^Ones. Combinational.
//
// As 2^Ones = r + 1, a remainder R and the next digit d are the number R * 2^Ones + d = R * r + (R + d). So the
// quotient's digit is R and the next remainder R + d; or, if R + d is r or more, they are R + 1 and R + d - r.
/* verilator lint_off TIMESCALEMOD */ module if4_divide #(
  parameter int Ones   = 3,  // n of r = 2^n - 1, at least 2
  parameter int Digits = 6   // digits of dividend and quotient, at least 1
) (
  input  logic [Ones*Digits-1:0] dividend_i,  // the next digits, the first on top
  input  logic [Ones-1:0]        rest_i,      // remainder of the digits before, 0..r - 1
  output logic [Ones*Digits-1:0] quotient_o,  // the quotient's digits, one for each of the dividend's
  output logic [Ones-1:0]        rest_o       // remainder after the last digit, 0..r - 1
);

  for (genvar k = 0; k < Digits; k++) begin : gen_digit  // k = 0 is the most significant one
    logic [Ones-1:0] digit, rest_in, rest;
    logic [Ones-1:0] low;   // R + d
    logic [Ones:0]   high;  // R + d + 1, which carries out where R + d >= r

    assign digit = dividend_i[Ones*(Digits-1-k) +: Ones];
    if (k == 0) begin : gen_first
      assign rest_in = rest_i;
    end else begin : gen_next
      assign rest_in = gen_digit[k-1].rest;
    end

    assign low  = rest_in + digit;
    assign high = {1'b0, rest_in} + {1'b0, digit} + (Ones+1)'(1);
    assign rest = high[Ones] ? high[Ones-1:0] : low;
    assign quotient_o[Ones*(Digits-1-k) +: Ones] = rest_in + Ones'(high[Ones]);
  end

  assign rest_o = gen_digit[Digits-1].rest;

endmodule
