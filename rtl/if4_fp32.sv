// The pipelined output stage: an exact sum in units of 2^SumExponent / r^2, rounded once, to nearest even, to FP32.
//
// Three pipeline stages with valid/ready on both sides. Throughput: a result a clock. Latency, without stalls: 3 clocks
// from the edge that takes the sum to the first edge at which the result can be taken.
//   1. Normalise. The sum A is shifted left by s, the number of its redundant sign bits, and cut to a window W of Bits
//      bits and the sign: A * 2^s = (W + f) * 2^(Width-1-Bits) with 0 <= f < 1, so 2^(Bits-1) <= |W + f| <= 2^Bits.
//   2. Divide the upper digits of W by r^2.
//   3. Divide the lower ones, and round. floor((W + f) / r^2) = floor(W / r^2), so cutting before dividing changes no
//      bit of the quotient Q. Bits is such that |Q| has 25 or 26 bits: 24 of significand and at least one below.
// A negative sum begins the division with the remainder r^2 - 1, and the bits of its quotient are inverted. They are
// then those of |A| / r^2, cut off, but for one case: if the division leaves no remainder and f = 0, they are one unit
// of the last bit too small, and the remaining bits of the quotient are all 1.
//
// The result is +0 for a zero sum, else a normal number: never subnormal or infinite.
/* verilator lint_off TIMESCALEMOD */ module if4_fp32 #(
  parameter int Width       = 64,   // bits of the sum, up to if4_pkg::AccWidthMax
  parameter int Ones        = 3,    // n of r = 2^n - 1 (if4_pkg::divisor_ones); 1: there is nothing to divide by
  parameter int SumExponent = -20   // exponent of the sum's unit (if4_pkg::sum_exponent)
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,     // asynchronous, active low: drops what is in the stages
  input  logic                    valid_i,    // a sum is offered, with its flags
  output logic                    ready_o,    // it is taken; combinational from ready_i through full stages
  input  logic signed [Width-1:0] sum_i,      // A, in units of 2^SumExponent / r^2
  input  logic                    nan_i,      // a scale was NaN: the result is NaN
  input  logic                    overflow_i, // sum_i is not the exact sum: the result is NaN
  output logic                    valid_o,    // a result is there; it stays until it is taken
  input  logic                    ready_i,    // it is taken at this edge
  output logic [31:0]             result_o,   // FP32; the quiet NaN 0x7FC00000 where a flag is set
  output logic                    nan_o,      // nan_i of this result's sum
  output logic                    overflow_o  // overflow_i of it, unless nan_i: never together with nan_o
);

  localparam int Levels    = $clog2(Width);  // bits of s
  // Bits of the window. r^2 has 2 * Ones bits and is above 2^(2 * Ones - 1), so |Q| has 25 or 26; without r^2 just 25.
  localparam int Bits      = Ones == 1 ? 25 : 25 + 2 * Ones;
  localparam int Digits    = (Bits + Ones - 1) / Ones;               // of the window, in base 2^Ones
  localparam int LowDigits = Ones == 1 ? Digits : (Digits - 1) / 2;  // of them, those that are divided in stage 3
  localparam int QuotientWidth = Ones == 1 ? 24 : 26;  // of |Q|, without its leading one if that is known to be bit 24
  // FP32's exponent field of |Q| = 2^24 at s = 0.
  localparam int Field     = 127 + 24 + (Width - 1 - Bits) + SumExponent;

  logic ready2, ready3;          // stages 2 and 3 take a value
  logic valid1, valid2;          // stages 1 and 2 hold one
  logic load1, load2, load3;     // the stage takes a value at this edge

  if4_stage u_stage1 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready_o), .valid_o(valid1), .ready_i(ready2)
  );
  if4_stage u_stage2 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid1), .ready_o(ready2), .valid_o(valid2), .ready_i(ready3)
  );
  if4_stage u_stage3 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid2), .ready_o(ready3), .valid_o(valid_o), .ready_i(ready_i)
  );

  assign load1 = valid_i & ready_o;
  assign load2 = valid1 & ready2;
  assign load3 = valid2 & ready3;

  // Stage 1: normalise ------------------------------------------------------------------------------------------------
  // Level l shifts up by 2^l if that many bits below the sign repeat it. If not, it drops as many bits at the low end,
  // which the smaller steps that follow can no longer bring up into the window.
  logic [Levels-1:0] shift;  // s
  logic [Levels-1:0] lost;   // a bit that level l dropped was 1
  logic [Bits:0]     window;

  for (genvar l = Levels - 1; l >= 0; l--) begin : gen_level
    localparam int Step = 1 << l;
    logic [Bits+2*Step-1:0] level_in;
    logic [Bits+Step-1:0]   level_out;
    if (l == Levels - 1) begin : gen_first
      assign level_in = {sum_i, {(Bits+2*Step-Width){1'b0}}};
    end else begin : gen_next
      assign level_in = gen_level[l+1].level_out;
    end
    assign shift[l]  = level_in[Bits+2*Step-2 -: Step] == {Step{level_in[Bits+2*Step-1]}};
    assign level_out = shift[l] ? level_in[Bits+Step-1:0] : level_in[Bits+2*Step-1:Step];
    assign lost[l]   = ~shift[l] & (|level_in[Step-1:0]);
  end

  assign window = gen_level[0].level_out;

  logic [Bits:0]     window_q;
  logic              exact1_q, special1_q, nan1_q;
  logic [Levels-1:0] shift1_q;

  always_ff @(posedge clk_i) begin
    if (load1) begin
      window_q   <= window;
      exact1_q   <= ~|lost;
      shift1_q   <= shift;
      special1_q <= nan_i | overflow_i;
      nan1_q     <= nan_i;
    end
  end

  // Stages 2 and 3: divide --------------------------------------------------------------------------------------------
  logic [QuotientWidth-1:0] quotient;  // |Q|
  logic                     exact;     // the division leaves no remainder, and f = 0
  logic                     sign2_q;

  if (Ones > 1) begin : gen_divide
    // W is divided by r, and the quotient by r again. The digits of the first quotient are the dividend of the second
    // division, which runs a digit behind: so in stage 2 the first division does one digit more than the second.
    localparam int HighDigits = Digits - LowDigits;           // of the second division, in stage 2
    localparam int HighWidth  = QuotientWidth - Ones * LowDigits;  // bits of |Q| from them; those above are 0
    logic [Ones*Digits-1:0]        dividend;
    logic [Ones*(HighDigits+1)-1:0] between_high;             // quotient of the first division
    logic [Ones*(LowDigits-1)-1:0] between_low, dividend_q;
    logic [Ones*HighDigits-1:0]    high;                      // quotient of the second
    logic [Ones*LowDigits-1:0]     low;
    logic [HighWidth-1:0]          high_q;
    logic [Ones-1:0] rest, rest1, rest2, rest1_q, rest2_q, rest1_end, rest2_end, between_q;
    logic            exact2_q;

    // The window is normalised, so the bit below the sign is its inverse, which saves logic in the first digit. That of
    // a zero sum is not, but its quotient does not matter.
    assign dividend = (Ones*Digits)'($signed({window_q[Bits], ~window_q[Bits], window_q[Bits-2:0]}));
    assign rest     = {{(Ones-1){window_q[Bits]}}, 1'b0};  // r - 1 in both divisions is r^2 - 1 in all

    if4_divide #(.Ones(Ones), .Digits(HighDigits + 1)) u_high1 (
      .dividend_i(dividend[Ones*Digits-1:Ones*(LowDigits-1)]), .rest_i(rest), .quotient_o(between_high), .rest_o(rest1)
    );
    if4_divide #(.Ones(Ones), .Digits(HighDigits)) u_high2 (
      .dividend_i(between_high[Ones*(HighDigits+1)-1:Ones]), .rest_i(rest), .quotient_o(high), .rest_o(rest2)
    );

    always_ff @(posedge clk_i) begin
      if (load2) begin
        high_q     <= high[HighWidth-1:0] ^ {HighWidth{window_q[Bits]}};
        between_q  <= between_high[Ones-1:0];
        dividend_q <= dividend[Ones*(LowDigits-1)-1:0];
        rest1_q    <= rest1;
        rest2_q    <= rest2;
        exact2_q   <= exact1_q;
      end
    end

    if4_divide #(.Ones(Ones), .Digits(LowDigits - 1)) u_low1 (
      .dividend_i(dividend_q), .rest_i(rest1_q), .quotient_o(between_low), .rest_o(rest1_end)
    );
    if4_divide #(.Ones(Ones), .Digits(LowDigits)) u_low2 (
      .dividend_i({between_q, between_low}), .rest_i(rest2_q), .quotient_o(low), .rest_o(rest2_end)
    );

    assign quotient = {high_q, low ^ {(Ones*LowDigits){sign2_q}}};
    assign exact    = exact2_q & ~((|rest1_end) | (|rest2_end));
    logic unused;
    assign unused = ^high[Ones*HighDigits-1:HighWidth];
  end else begin : gen_bits
    logic [QuotientWidth-1:0] bits_q;
    logic            exact2_q;
    always_ff @(posedge clk_i) begin
      if (load2) begin
        bits_q   <= window_q[QuotientWidth-1:0] ^ {QuotientWidth{window_q[Bits]}};
        exact2_q <= exact1_q;
      end
    end
    assign quotient = bits_q;
    assign exact    = exact2_q;
  end

  logic              zero2_q, special2_q, nan2_q;
  logic [Levels-1:0] shift2_q;

  always_ff @(posedge clk_i) begin
    if (load2) begin
      sign2_q    <= window_q[Bits];
      shift2_q   <= shift1_q;
      zero2_q    <= window_q[Bits-1] == window_q[Bits];
      special2_q <= special1_q;
      nan2_q     <= nan1_q;
    end
  end

  // Stage 3: round ----------------------------------------------------------------------------------------------------
  logic        wide;         // |Q| has 26 bits
  logic [22:0] fraction;     // of the significand, whose leading one is implied
  logic        half, below;  // the first bit below the significand; the second, if there is one
  logic [7:0]  exponent;     // biased
  logic        sign3_q, half3_q, ones3_q, tie3_q, nan3_q, overflow3_q;
  logic        up;           // the significand is rounded away from 0
  logic [7:0]  exponent3_q;
  logic [22:0] fraction3_q;

  if (QuotientWidth == 26) begin : gen_wide
    assign wide     = quotient[25];
    assign fraction = wide ? quotient[24:2] : quotient[23:1];
    assign half     = wide ? quotient[1] : quotient[0];
    assign below    = wide & quotient[0];
  end else begin : gen_narrow
    assign wide     = 1'b0;
    assign fraction = quotient[23:1];
    assign half     = quotient[0];
    assign below    = 1'b0;
  end

  // |A| / r^2 is above the bits of |Q| by less than one unit of the last; or by just one, if a negative sum is exact:
  // then the bits that follow are all 1, and one unit more carries through all of them.
  logic ones;  // of a negative sum: the bits below `half` are all 1, with those that follow
  logic tie;   // of a positive sum: the bits below `half` are all 0, with those that follow
  assign ones = exact & (below | ~wide);
  assign tie  = exact & ~below;

  // |Q| = 1.fraction * 2^24, or 2^25 if wide.
  assign exponent = 8'(Field) - 8'(shift2_q) + {7'b0, wide};

  always_ff @(posedge clk_i) begin
    if (load3) begin
      // A sum with a flag gives the quiet NaN 0x7FC00000.
      sign3_q     <= sign2_q & ~special2_q;
      exponent3_q <= special2_q ? '1 : zero2_q ? '0 : exponent;
      fraction3_q <= special2_q ? {1'b1, 22'b0} : zero2_q ? '0 : fraction;
      half3_q     <= half & ~special2_q & ~zero2_q;
      ones3_q     <= ones & ~special2_q & ~zero2_q;
      tie3_q      <= tie;
      nan3_q      <= nan2_q;
      overflow3_q <= special2_q & ~nan2_q;
    end
  end

  assign up         = half3_q ? fraction3_q[0] | sign3_q | ~tie3_q : fraction3_q[0] & sign3_q & ones3_q;
  assign result_o   = if4_pkg::fp32(sign3_q, exponent3_q, fraction3_q, up);
  assign nan_o      = nan3_q;
  assign overflow_o = overflow3_q;

endmodule
