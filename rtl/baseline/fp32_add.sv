// FP32 adder (IEEE 754 binary32) that rounds to nearest even. Combinational.
//
// Fixed-point numbers below are unsigned; u1.23 has 1 bit before the binary point and 23 after it. Exponents are
// biased: a number is significand * 2^(exponent - 127), where a subnormal number has exponent 1.
/* verilator lint_off TIMESCALEMOD */ module fp32_add #(
  // 1: all of IEEE 754, with one NaN, 0x7FC00000, as a result.
  // 0: smaller; operands and result must be zero or normal numbers, otherwise the result is undefined.
  parameter int Ieee = 1
) (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] result_o  // a_i + b_i
);

  // Order: |x| >= |y| -------------------------------------------------------------------------------------------------
  logic        swap, x_normal, y_normal;  // b is the larger; the exponent field is not 0
  logic [31:0] x, y;
  logic [23:0] x_sig, y_sig;            // u1.23
  logic [7:0]  x_exp, y_exp;            // 1..255
  logic        subtract;

  assign swap     = b_i[30:0] > a_i[30:0];
  assign x        = swap ? b_i : a_i;
  assign y        = swap ? a_i : b_i;
  assign x_normal = |x[30:23];
  assign y_normal = |y[30:23];
  assign x_sig    = {x_normal, x[22:0]};
  assign y_sig    = {y_normal, y[22:0]};
  assign x_exp    = {x[30:24], x[23] | ~x_normal};
  assign y_exp    = {y[30:24], y[23] | ~y_normal};
  assign subtract = x[31] ^ y[31];

  // Align and add -----------------------------------------------------------------------------------------------------
  logic [7:0]  distance;
  logic [4:0]  right;                   // 31 if the distance is larger: nothing of y is kept from there on
  logic [25:0] y_kept;                  // u1.25
  logic [28:0] y_below;                 // what the shift moves below that
  logic [26:0] x_term, y_term;          // u1.26; the last bit of y_term is the OR of all below
  logic [27:0] sum;                     // u2.26

  assign distance = x_exp - y_exp;
  assign right    = |distance[7:5] ? '1 : distance[4:0];
  assign {y_kept, y_below} = {y_sig, 31'b0} >> right;
  assign x_term   = {x_sig, 3'b0};
  assign y_term   = {y_kept, |y_below};
  // One carry chain: x + ~y + 1 where y is subtracted.
  logic unused_carry;
  assign {sum, unused_carry} = {1'b0, x_term, 1'b1} + {subtract, y_term ^ {27{subtract}}, subtract};

  // Normalise: the leading one to bit 27, but the exponent no lower than 1 --------------------------------------------
  logic [4:0]  left;
  logic [27:0] normal;                  // u1.27; below 1 if the result is subnormal or zero
  logic [8:0]  normal_exp;              // of normal, if that is 1 or more

  if (Ieee != 0) begin : gen_stop
    fp32_lzc #(.Width(28)) u_lzc (
      .value_i(sum | (28'h800_0000 >> x_exp)), .count_o(left)
    );
  end else begin : gen_stop
    fp32_lzc #(.Width(28)) u_lzc (
      .value_i(sum), .count_o(left)
    );
  end

  assign normal     = sum << left;
  assign normal_exp = {1'b0, x_exp} + 9'd1 - {4'b0, left};

  // Round -------------------------------------------------------------------------------------------------------------
  logic        half, sticky;            // the first bit below the significand; anything below that
  logic [7:0]  field;                   // exponent field of the result
  logic [30:0] rounded;                 // a carry out of the fraction adds one to the field, up to infinity
  logic        sign;                    // x - x is +0

  assign half    = normal[3];
  assign sticky  = |normal[2:0];
  assign field   = normal[27] ? normal_exp[7:0] : '0;
  assign rounded = {field, normal[26:4]} + {30'b0, half & (sticky | normal[4])};
  assign sign    = x[31] & ~(subtract & (sum == '0));

  if (Ieee != 0) begin : gen_result
    logic x_top, y_top;                 // it is infinite or NaN; y can only be so if x is
    logic nan, infinite;

    assign x_top    = &x[30:23];
    assign y_top    = &y[30:23];
    assign nan      = x_top & (|x[22:0] | (y_top & subtract));
    assign infinite = x_top | (normal[27] & (normal_exp >= 9'd255));
    always_comb begin
      if (nan) begin
        result_o = 32'h7FC0_0000;
      end else if (infinite) begin
        result_o = {sign, 8'hFF, 23'b0};
      end else begin
        result_o = {sign, rounded};
      end
    end
  end else begin : gen_result
    assign result_o = {sign, rounded};

    logic unused;
    assign unused = normal_exp[8];
  end

endmodule
