// The output stage: an exact sum in units of 2^-20 / 49, rounded once, to nearest even, to FP32.
//
// Three pipeline stages, one result a clock, valid/ready on both sides:
//   1. Normalise. The sum A (two's complement) is shifted left by s, the number of its redundant sign bits, and its
//      magnitude cut to N, 2^30 <= N <= 2^31, with one sticky bit for what was cut off:
//      |A| * 2^s = (N + f) * 2^32, 0 <= f < 1, sticky = (f != 0).
//   2. Divide by 7.   floor((N + f) / 49) = floor(floor(N / 7) / 7), so cutting before dividing changes no bit.
//   3. Divide by 7 again and round. The quotient Q has 25 or 26 bits, so 24 bits of significand and at least one
//      below it; every remainder and f go to the sticky bit. The result is Q * 2^(12 - s).
// The exponent cannot leave FP32's normal range: |A| >= 1 gives 2^-26 and |A| <= 2^63 gives 2^38. A zero sum is +0.
module if4_fp32 (
  input  logic                               clk_i,
  input  logic                               rst_ni,     // asynchronous, active low: drops what is in the stages
  input  logic                               valid_i,
  output logic                               ready_o,    // combinational from ready_i through full stages
  input  logic signed [if4_pkg::AccWidth-1:0] sum_i,     // A, units of 2^-20 / 49
  input  logic                               nan_i,      // a scale was NaN: the result is NaN
  input  logic                               overflow_i, // sum_i is not the exact sum: the result is NaN
  output logic                               valid_o,
  input  logic                               ready_i,
  output logic [31:0]                        result_o,   // FP32
  output logic                               nan_o,
  output logic                               overflow_o  // never together with nan_o
);

  logic ready1, ready2, ready3;
  logic valid1_q, valid2_q, valid3_q;

  // Stage 1: normalise ------------------------------------------------------------------------------------------------
  // Each step shifts by a power of two where that many bits below the sign repeat it, and drops from the window what
  // the smaller steps can no longer bring up to the 32 bits that are kept.
  logic        sign;
  logic [63:0] step32;
  logic [62:0] step16;  // window + what lies below it, less with each step: 63, 47, 39, 35, 33, 32 bits
  logic [46:0] step8;
  logic [38:0] step4;
  logic [34:0] step2;
  logic [32:0] step1;
  logic [31:0] window;
  logic        by32, by16, by8, by4, by2, by1;  // the steps taken: s in binary
  logic        lost32, lost16, lost8, lost4, lost2, lost1;  // ones among the bits that the step dropped
  logic        exact;   // nothing but zeros was dropped
  logic [31:0] magnitude_d, magnitude_q;  // N
  logic        zero_q, sign1_q, sticky1_q, special1_q, nan1_q;
  logic [5:0]  shift1_q;

  assign sign   = sum_i[63];
  assign step32 = sum_i;

  assign by32 = step32[62:31] == {32{sign}};
  assign step16   = by32 ? {step32[31:0], 31'b0} : step32[63:1];
  assign lost32 = ~by32 & step32[0];
  assign by16 = step16[61:46] == {16{sign}};
  assign step8    = by16 ? step16[46:0] : step16[62:16];
  assign lost16 = ~by16 & |step16[15:0];
  assign by8 = step8[45:38] == {8{sign}};
  assign step4    = by8 ? step8[38:0] : step8[46:8];
  assign lost8 = ~by8 & |step8[7:0];
  assign by4 = step4[37:34] == {4{sign}};
  assign step2    = by4 ? step4[34:0] : step4[38:4];
  assign lost4 = ~by4 & |step4[3:0];
  assign by2 = step2[33:32] == {2{sign}};
  assign step1    = by2 ? step2[32:0] : step2[34:2];
  assign lost2 = ~by2 & |step2[1:0];
  assign by1 = step1[31] == sign;
  assign window   = by1 ? step1[31:0] : step1[32:1];
  assign lost1 = ~by1 & step1[0];

  // |A| is ~A + 1 for a negative A; the carry reaches the window only where all the dropped bits were zero.
  assign exact       = ~(lost32 | lost16 | lost8 | lost4 | lost2 | lost1);
  assign magnitude_d = (window ^ {32{sign}}) + {31'b0, sign & exact};

  assign ready1  = ~valid1_q | ready2;
  assign ready_o = ready1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
    end else if (ready1) begin
      valid1_q <= valid_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready1 & valid_i) begin
      magnitude_q <= magnitude_d;
      zero_q      <= window[31] == window[30];
      sign1_q     <= sign;
      sticky1_q   <= ~exact;
      shift1_q    <= {by32, by16, by8, by4, by2, by1};
      special1_q  <= nan_i | overflow_i;
      nan1_q      <= nan_i;
    end
  end

  // Stage 2: divide by 7 ----------------------------------------------------------------------------------------------
  logic [32:0] quotient1;    // floor(N / 7), 29 bits
  logic [2:0]  rest1;
  logic [28:0] quotient1_q;
  logic        zero2_q, sign2_q, sticky2_q, special2_q, nan2_q;
  logic [5:0]  shift2_q;

  if4_div7 #(.Digits(11)) u_div_n (
    .dividend_i({1'b0, magnitude_q}), .quotient_o(quotient1), .rest_o(rest1)
  );

  assign ready2 = ~valid2_q | ready3;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid2_q <= 1'b0;
    end else if (ready2) begin
      valid2_q <= valid1_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready2 & valid1_q) begin
      quotient1_q <= quotient1[28:0];
      zero2_q     <= zero_q;
      sign2_q     <= sign1_q;
      sticky2_q   <= sticky1_q | (rest1 != '0);
      shift2_q    <= shift1_q;
      special2_q  <= special1_q;
      nan2_q      <= nan1_q;
    end
  end

  // Stage 3: divide by 7 and round ------------------------------------------------------------------------------------
  logic [29:0] quotient2;    // Q, 2^24 <= Q < 2^26
  logic [2:0]  rest2;
  logic        wide;         // Q has 26 bits
  logic [22:0] fraction;
  logic        half, sticky; // the first bit below the significand; anything below that
  logic        up;
  logic [7:0]  exponent;     // biased
  logic [30:0] rounded;
  logic [31:0] result_q;
  logic        nan3_q, overflow3_q;

  if4_div7 #(.Digits(10)) u_div_q (
    .dividend_i({1'b0, quotient1_q}), .quotient_o(quotient2), .rest_o(rest2)
  );

  assign wide     = quotient2[25];
  assign fraction = wide ? quotient2[24:2] : quotient2[23:1];
  assign half     = wide ? quotient2[1] : quotient2[0];
  assign sticky   = (wide & quotient2[0]) | sticky2_q | (rest2 != '0);
  assign up       = half & (sticky | fraction[0]);
  // Q = 1.fraction * 2^24 (2^25 if wide) and the result is Q * 2^(12 - s); a carry out of the fraction adds one.
  assign exponent = 8'd163 - {2'b00, shift2_q} + {7'b0, wide};
  assign rounded  = {exponent, fraction} + {30'b0, up};

  assign ready3 = ~valid3_q | ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid3_q <= 1'b0;
    end else if (ready3) begin
      valid3_q <= valid2_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready3 & valid2_q) begin
      if (special2_q) begin
        result_q <= if4_pkg::Fp32NaN;
      end else if (zero2_q) begin
        result_q <= '0;
      end else begin
        result_q <= {sign2_q, rounded};
      end
      nan3_q      <= nan2_q;
      overflow3_q <= special2_q & ~nan2_q;
    end
  end

  assign valid_o    = valid3_q;
  assign result_o   = result_q;
  assign nan_o      = nan3_q;
  assign overflow_o = overflow3_q;

  // What a correct division cannot produce.
  logic unused;
  assign unused = ^{quotient1[32:29], quotient2[29:26], quotient2[24]};

endmodule
