// FP32 multiplier (IEEE 754 binary32) that rounds to nearest even. Combinational.
//
// Fixed-point numbers below are unsigned; u1.23 has 1 bit before the binary point and 23 after it. Exponents are
// biased: a number is significand * 2^(exponent - 127), where a subnormal number has exponent 1.
/* verilator lint_off TIMESCALEMOD */ module fp32_mul #(
  // 1: all of IEEE 754, with one NaN, 0x7FC00000, as a result.
  // 0: smaller; operands and result must be zero or normal numbers, otherwise the result is undefined.
  parameter int Ieee = 1
) (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] result_o  // a_i * b_i
);

  logic        sign, a_normal, b_normal;
  logic [23:0] a_sig, b_sig;            // u1.23
  logic [7:0]  a_exp, b_exp;            // 1..255
  logic [47:0] product;                 // u2.46
  logic [9:0]  exponent;                // of product taken as u1.47; signed, -124..384

  assign sign     = a_i[31] ^ b_i[31];
  assign a_normal = |a_i[30:23];
  assign b_normal = |b_i[30:23];
  assign a_sig    = {a_normal, a_i[22:0]};
  assign b_sig    = {b_normal, b_i[22:0]};
  assign a_exp    = {a_i[30:24], a_i[23] | ~a_normal};
  assign b_exp    = {b_i[30:24], b_i[23] | ~b_normal};
  assign product  = 48'(a_sig) * 48'(b_sig);
  assign exponent = {2'b00, a_exp} + {2'b00, b_exp} - 10'd126;

  // Align: the leading one to bit 47, but the exponent no lower than 1 ------------------------------------------------
  logic [5:0]  left;                    // how far the product is shifted up; 0 where it must be shifted down
  logic [47:0] aligned;                 // u1.47; below 1 if the result is subnormal or zero
  logic        lost;                    // a bit that is shifted out below is 1
  logic [9:0]  aligned_exp;             // of aligned, if that is 1 or more; signed

  if (Ieee != 0) begin : gen_align
    logic        tiny;                  // the exponent is below 1: the product is shifted down
    logic [9:0]  most, missing;         // how far it may be shifted up; how far it must be shifted down
    logic [47:0] stop;                  // the lowest bit that may come to bit 47
    logic [4:0]  right;                 // 31 if more is missing: nothing is kept from there on
    logic [30:0] below;

    assign tiny    = $signed(exponent) < 10'sd1;
    assign most    = tiny ? '0 : exponent - 10'd1;
    assign missing = tiny ? 10'd1 - exponent : '0;
    assign stop    = 48'h8000_0000_0000 >> most;
    assign right   = |missing[9:5] ? '1 : missing[4:0];

    fp32_lzc #(.Width(48)) u_lzc (
      .value_i(product | stop), .count_o(left)
    );

    assign {aligned, below} = {product << left, 31'b0} >> right;
    assign lost = |below;
  end else begin : gen_align
    assign left    = {5'b0, ~product[47]};
    assign aligned = product[47] ? product : product << 1;
    assign lost    = 1'b0;
  end

  assign aligned_exp = exponent - {4'b0, left};

  // Round -------------------------------------------------------------------------------------------------------------
  logic        half, sticky;            // the first bit below the significand; anything below that
  logic [7:0]  field;                   // exponent field of the result
  logic [30:0] rounded;                 // a carry out of the fraction adds one to the field, up to infinity

  assign half    = aligned[23];
  assign sticky  = |aligned[22:0] | lost;
  assign field   = aligned[47] ? aligned_exp[7:0] : '0;
  assign rounded = {field, aligned[46:24]} + {30'b0, half & (sticky | aligned[24])};

  if (Ieee != 0) begin : gen_result
    logic a_top, b_top;                 // it is infinite or NaN
    logic nan, infinite;

    assign a_top = &a_i[30:23];
    assign b_top = &b_i[30:23];
    assign nan = (a_top & |a_i[22:0]) | (b_top & |b_i[22:0]) | (a_top & (b_sig == '0)) | (b_top & (a_sig == '0));
    assign infinite = a_top | b_top | (aligned[47] & ($signed(aligned_exp) >= 10'sd255));
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
    assign unused = ^aligned_exp[9:8];
  end

endmodule
