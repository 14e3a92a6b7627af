// Divides an unsigned number by 7: quotient and remainder, exact. Combinational.
//
// Octal long division, most significant digit first. Since 8 = 7 + 1, a remainder r and the next digit d give the
// quotient digit r + (r + d >= 7) and the remainder (r + d) mod 7: the remainder before each digit is the sum of the
// digits above it modulo 7, which a parallel prefix (Sklansky) finds in log2(digits) steps. Inside the prefix a
// remainder is 0..7, where 7 also stands for 0, so that an addition modulo 7 is a 3-bit end-around-carry addition.
module if4_div7 #(
  parameter int Digits = 11  // octal digits of the dividend, at least 2
) (
  input  logic [3*Digits-1:0] dividend_i,
  output logic [3*Digits-1:0] quotient_o,  // floor(dividend / 7)
  output logic [2:0]          rest_o       // dividend mod 7, 0..6
);

  localparam int Levels = $clog2(Digits);

  // Digit k = 0 is the most significant one.
  logic [3*Digits-1:0] digits;
  logic [3*Digits-1:0] prefix;  // the sum of digits 0..k modulo 7, 0..7

  for (genvar k = 0; k < Digits; k++) begin : gen_digit
    assign digits[3*k +: 3] = dividend_i[3*(Digits-1-k) +: 3];
  end

  // Digits whose bit `l` is set add the last digit of the group to their left, which level l leaves as it is.
  for (genvar l = 0; l < Levels; l++) begin : gen_level
    logic [3*Digits-1:0] level_in, level_out;
    if (l == 0) begin : gen_first
      assign level_in = digits;
    end else begin : gen_next
      assign level_in = gen_level[l-1].level_out;
    end
    for (genvar k = 0; k < Digits; k++) begin : gen_sum
      if (((k >> l) & 1) == 1) begin : gen_add
        logic [3:0] sum;
        assign sum = {1'b0, level_in[3*(((k >> l) << l) - 1) +: 3]} + {1'b0, level_in[3*k +: 3]};
        assign level_out[3*k +: 3] = sum[2:0] + {2'b00, sum[3]};
      end else begin : gen_keep
        assign level_out[3*k +: 3] = level_in[3*k +: 3];
      end
    end
  end

  assign prefix = gen_level[Levels-1].level_out;

  for (genvar k = 0; k < Digits; k++) begin : gen_quotient
    logic [2:0] rest;   // the remainder before digit k, 0..6
    logic [3:0] place;  // 0..13
    if (k == 0) begin : gen_first
      assign rest = '0;
    end else begin : gen_next
      assign rest = prefix[3*(k-1) +: 3] & {3{prefix[3*(k-1) +: 3] != 3'd7}};
    end
    assign place = {1'b0, rest} + {1'b0, digits[3*k +: 3]};
    assign quotient_o[3*(Digits-1-k) +: 3] = rest + {2'b00, place >= 4'd7};
  end

  assign rest_o = prefix[3*(Digits-1) +: 3] & {3{prefix[3*(Digits-1) +: 3] != 3'd7}};

endmodule
