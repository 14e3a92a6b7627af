// What an output stage owes for a sum A: A * 2^SumExponent / r^2, rounded to nearest even, to FP32. Combinational.
//
// By the book, not by the RTL's formulas:
//   N = A * 2^s, by steps of 32, 16, .. 1, each while the sign bit and as many below it are alike;
//   N / 2^(Width-1-Bits), cut to the integer W, is divided by r and its quotient by r, in long division with digits in
//   base 2^Ones: with remainder R and next digit d the quotient's digit is (R * 2^Ones + d) / r, by `/` and `%`. Of a
//   number in two's complement this gives the floor: the division begins with the sign's infinite row, whose remainder
//   is r - 1, as -1 = -1 * r + (r - 1).
//   The magnitude of the quotient is -floor where nothing is left, else -floor - 1 and something, if negative;
//   25 or 26 bits, of which 24 stay: rounded up if what goes is more than a half, or a half and the last bit is odd.
// Cutting before dividing, and dividing by r twice, is right as floor(floor(x) / n) = floor(x / n).
module fp32_reference #(
  parameter int Width       = 64,
  parameter int Ones        = 3,
  parameter int SumExponent = -20
) (
  input  logic [Width-1:0] sum_i,
  output logic [31:0]      result_o,
  output logic             fits_o    // the result is +0 or a normal FP32 number: nothing below is out of range
);

  localparam int Bits   = Ones == 1 ? 25 : 25 + 2 * Ones;
  localparam int Digits = (Bits + Ones - 1) / Ones;
  localparam int QuotientWidth = Ones == 1 ? Bits + 1 : Ones * Digits;  // with its sign, if nothing is divided
  localparam int R      = (1 << Ones) - 1;
  localparam logic [2*Ones-1:0] Root = (2*Ones)'(R);

  logic [127:0] normal;  // N at the top
  logic [31:0]  s;
  always_comb begin
    normal = {sum_i, {(128-Width){1'b0}}};
    s      = '0;
    for (int l = 6; l >= 0; l--) begin
      if ((1 << l) < Width) begin
        if ((normal >> (127 - (1 << l))) == 0 || (~normal >> (127 - (1 << l))) == 0) begin
          normal = normal << (1 << l);
          s      = s + (1 << l);
        end
      end
    end
  end

  logic                     sign, inexact;
  logic [Ones*Digits-1:0]   dividend;  // W
  logic [QuotientWidth-1:0] quotient;  // floor(W / r^2)
  logic [31:0]              magnitude;
  assign sign     = sum_i[Width-1];
  assign dividend = {{(Ones*Digits-Bits){sign}}, normal[126 -: Bits]};

  if (Ones == 1) begin : gen_whole
    assign quotient = {sign, dividend};
    assign inexact  = normal[126-Bits:0] != 0;
  end else begin : gen_divide
    for (genvar k = Digits - 1; k >= 0; k--) begin : gen_digit
      logic [Ones-1:0] high_in, low_in, high, low;  // remainders
      // remainder and digit, of the division by r and of that of its quotient by r
      logic [2*Ones-1:0] number, between;
      if (k == Digits - 1) begin : gen_first
        assign high_in = sign ? Ones'(R - 1) : '0;
        assign low_in  = sign ? Ones'(R - 1) : '0;
      end else begin : gen_next
        assign high_in = gen_digit[k+1].high;
        assign low_in  = gen_digit[k+1].low;
      end
      assign number  = {low_in, dividend[Ones*k +: Ones]};
      assign between = {high_in, Ones'(number / Root)};
      assign low     = Ones'(number % Root);
      assign high    = Ones'(between % Root);
      assign quotient[Ones*k +: Ones] = Ones'(between / Root);
    end
    assign inexact = normal[126-Bits:0] != 0 || gen_digit[0].high != 0 || gen_digit[0].low != 0;
  end

  logic        wide, up;
  logic [31:0] significand, left, half, exponent;
  always_comb begin
    magnitude   = {{(32-26){1'b0}}, 26'(sign ? (inexact ? ~quotient : -quotient) : quotient)};
    wide        = magnitude[25];
    significand = wide ? magnitude >> 2 : magnitude >> 1;
    left        = wide ? magnitude & 3 : magnitude & 1;
    half        = wide ? 2 : 1;
    up          = left > half || (left == half && (inexact || significand[0]));
    significand = significand + 32'(up);
    // magnitude * 2^(Width-1-Bits-s) in units of 2^SumExponent; significand * 2^(1 or 2) of it; bit 23 is FP32's one.
    exponent    = 127 + 23 + SumExponent + (Width - 1 - Bits) - s + (wide ? 2 : 1);
    if (significand[24]) begin
      significand = significand >> 1;
      exponent    = exponent + 1;
    end
    fits_o   = sum_i == 0 || (exponent[31:8] == 0 && exponent[7:0] != 0 && exponent[7:0] != 255 &&
                              significand[31:23] == 1);
    result_o = sum_i == 0 ? '0 : {sign, exponent[7:0], significand[22:0]};
  end

endmodule
