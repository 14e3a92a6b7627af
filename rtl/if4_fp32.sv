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
  parameter int SumExponent = -20,  // exponent of the sum's unit (if4_pkg::sum_exponent)
  parameter int Depth       = 0     // 0: three stages; 1: more, faster ones (if4_pkg::fp32_stages)
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
  // Of them, those that are divided in the last stage.
  localparam int LowDigits = Ones == 1 ? Digits : Depth == 0 ? (Digits - 1) / 2 : (Digits + 1) / 4;
  localparam int QuotientWidth = Ones == 1 ? 24 : 26;  // of |Q|, without its leading one if that is known to be bit 24
  // FP32's exponent field of |Q| = 2^24 at s = 0.
  localparam int Field     = 127 + 24 + (Width - 1 - Bits) + SumExponent;

  localparam int Cut       = Depth == 0 ? Levels : 3;  // at Depth 1 a register stands in front of the last three levels
  localparam int Divisions = Ones == 1 ? 0 : Depth == 0 ? 2 : 3;  // stages that divide
  localparam int Stages    = if4_pkg::fp32_stages(Ones, Depth);
  localparam int Window    = Depth == 0 ? 0 : 1;       // the stage whose register is the window
  localparam int Before    = Stages - 2;               // the one in front of the last

  logic [Stages:0]   valid;  // valid[s]: a value is offered to stage s, counted from 0; the last bit: a result is there
  logic [Stages:0]   ready;  // ready[s]: it is taken
  logic [Stages-1:0] load;   // stage s takes a value at this edge

  assign valid[0]      = valid_i;
  assign ready_o       = ready[0];
  assign valid_o       = valid[Stages];
  assign ready[Stages] = ready_i;
  assign load          = valid[Stages-1:0] & ready[Stages-1:0];

  for (genvar s = 0; s < Stages; s++) begin : gen_stage
    if4_stage u_stage (
      .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid[s]), .ready_o(ready[s]), .valid_o(valid[s+1]), .ready_i(ready[s+1])
    );
  end

  // Normalise ------------------------------------------------------------------------------------------------
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
    end else if (l == Cut - 1) begin : gen_cut
      always_ff @(posedge clk_i) begin
        if (load[0]) level_in <= gen_level[l+1].level_out;
      end
    end else begin : gen_next
      assign level_in = gen_level[l+1].level_out;
    end
    assign shift[l]  = level_in[Bits+2*Step-2 -: Step] == {Step{level_in[Bits+2*Step-1]}};
    assign level_out = shift[l] ? level_in[Bits+Step-1:0] : level_in[Bits+2*Step-1:Step];
    assign lost[l]   = ~shift[l] & (|level_in[Step-1:0]);
  end

  assign window = gen_level[0].level_out;

  // Of the value whose last level this is.
  logic [Levels-1:0] shift1;
  logic              lost1, special1, nan1;

  if (Depth == 0) begin : gen_at_once
    assign shift1           = shift;
    assign lost1            = |lost;
    assign {special1, nan1} = {nan_i | overflow_i, nan_i};
  end else begin : gen_normalise_q
    logic [Levels-Cut-1:0] shift_q;
    logic                  lost_q, special_q, nan_q;
    always_ff @(posedge clk_i) begin
      if (load[0]) begin
        shift_q   <= shift[Levels-1:Cut];
        lost_q    <= |lost[Levels-1:Cut];
        special_q <= nan_i | overflow_i;
        nan_q     <= nan_i;
      end
    end
    assign shift1           = {shift_q, shift[Cut-1:0]};
    assign lost1            = lost_q | (|lost[Cut-1:0]);
    assign {special1, nan1} = {special_q, nan_q};
  end

  logic [Bits:0]     window_q;
  logic              exact1_q, special1_q, nan1_q;
  logic [Levels-1:0] shift1_q;

  always_ff @(posedge clk_i) begin
    if (load[Window]) begin
      window_q   <= window;
      exact1_q   <= ~lost1;
      shift1_q   <= shift1;
      special1_q <= special1;
      nan1_q     <= nan1;
    end
  end

  // Divide ------------------------------------------------------------------------------------------------------------
  logic [QuotientWidth-1:0] quotient;  // |Q|
  logic                     exact;     // the division leaves no remainder, and f = 0
  logic                     sign2_q;

  if (Ones > 1) begin : gen_divide
    // W is divided by r, and the quotient by r again. The digits of the first quotient are the dividend of the second
    // division, which runs a digit behind: so the first stage does one digit more of the first than of the second.
    localparam int HighDigits = Digits - LowDigits;                // of the second division, before the last stage
    localparam int HighWidth  = QuotientWidth - Ones * LowDigits;  // bits of |Q| from them; those above are 0
    localparam int TopDigits  = Divisions == 3 ? HighDigits / 2 : HighDigits;  // of them, in the first stage
    localparam int RestDigits = Digits - TopDigits - 1;            // of the first division, after the first stage
    logic [Ones*Digits-1:0]        dividend;
    logic [Ones*(TopDigits+1)-1:0] between_top;                    // quotient of the first division
    logic [Ones*TopDigits-1:0]     top;                            // quotient of the second
    logic [Ones-1:0]               rest, rest1, rest2;

    // The window is normalised, so the bit below the sign is its inverse, which saves logic in the first digit. That of
    // a zero sum is not, but its quotient does not matter.
    assign dividend = (Ones*Digits)'($signed({window_q[Bits], ~window_q[Bits], window_q[Bits-2:0]}));
    assign rest     = {{(Ones-1){window_q[Bits]}}, 1'b0};  // r - 1 in both divisions is r^2 - 1 in all

    if4_divide #(.Ones(Ones), .Digits(TopDigits + 1)) u_top1 (
      .dividend_i(dividend[Ones*Digits-1:Ones*RestDigits]), .rest_i(rest), .quotient_o(between_top), .rest_o(rest1)
    );
    if4_divide #(.Ones(Ones), .Digits(TopDigits)) u_top2 (
      .dividend_i(between_top[Ones*(TopDigits+1)-1:Ones]), .rest_i(rest), .quotient_o(top), .rest_o(rest2)
    );

    // What the last stage goes on from.
    logic [HighWidth-1:0]          high_q;  // bits of |Q|
    logic [Ones-1:0]               between_q, rest1_q, rest2_q;
    logic [Ones*(LowDigits-1)-1:0] dividend_q;
    logic                          exact2_q;

    if (Divisions == 2) begin : gen_two
      always_ff @(posedge clk_i) begin
        if (load[Before]) begin
          high_q     <= top[HighWidth-1:0] ^ {HighWidth{window_q[Bits]}};
          between_q  <= between_top[Ones-1:0];
          dividend_q <= dividend[Ones*(LowDigits-1)-1:0];
          rest1_q    <= rest1;
          rest2_q    <= rest2;
          exact2_q   <= exact1_q;
        end
      end
      logic unused;
      assign unused = ^top[Ones*TopDigits-1:HighWidth];
    end else begin : gen_three
      localparam int MiddleDigits = HighDigits - TopDigits;
      localparam int TopWidth     = HighWidth - Ones * MiddleDigits;
      logic [TopWidth-1:0]          top_q;
      logic [Ones-1:0]              top_between_q, top_rest1_q, top_rest2_q, middle_rest1, middle_rest2;
      logic [Ones*RestDigits-1:0]   rest_digits_q;
      logic [Ones*MiddleDigits-1:0] between_middle, middle;
      logic                         top_exact_q;
      always_ff @(posedge clk_i) begin
        if (load[Before-1]) begin
          top_q         <= top[TopWidth-1:0] ^ {TopWidth{window_q[Bits]}};
          top_between_q <= between_top[Ones-1:0];
          rest_digits_q <= dividend[Ones*RestDigits-1:0];
          top_rest1_q   <= rest1;
          top_rest2_q   <= rest2;
          top_exact_q   <= exact1_q;
        end
      end
      if4_divide #(.Ones(Ones), .Digits(MiddleDigits)) u_middle1 (
        .dividend_i(rest_digits_q[Ones*RestDigits-1 -: Ones*MiddleDigits]), .rest_i(top_rest1_q),
        .quotient_o(between_middle), .rest_o(middle_rest1)
      );
      if4_divide #(.Ones(Ones), .Digits(MiddleDigits)) u_middle2 (
        .dividend_i((Ones*MiddleDigits)'({top_between_q, between_middle} >> Ones)), .rest_i(top_rest2_q),
        .quotient_o(middle), .rest_o(middle_rest2)
      );
      always_ff @(posedge clk_i) begin
        if (load[Before]) begin
          high_q     <= {top_q, middle ^ {(Ones*MiddleDigits){sign}}};
          between_q  <= between_middle[Ones-1:0];
          dividend_q <= rest_digits_q[Ones*(LowDigits-1)-1:0];
          rest1_q    <= middle_rest1;
          rest2_q    <= middle_rest2;
          exact2_q   <= top_exact_q;
        end
      end
      logic unused;
      assign unused = ^top[Ones*TopDigits-1:TopWidth];
    end

    logic [Ones*(LowDigits-1)-1:0] between_low;
    logic [Ones*LowDigits-1:0]     low;
    logic [Ones-1:0]               rest1_end, rest2_end;
    if4_divide #(.Ones(Ones), .Digits(LowDigits - 1)) u_low1 (
      .dividend_i(dividend_q), .rest_i(rest1_q), .quotient_o(between_low), .rest_o(rest1_end)
    );
    if4_divide #(.Ones(Ones), .Digits(LowDigits)) u_low2 (
      .dividend_i({between_q, between_low}), .rest_i(rest2_q), .quotient_o(low), .rest_o(rest2_end)
    );

    assign quotient = {high_q, low ^ {(Ones*LowDigits){sign2_q}}};
    assign exact    = exact2_q & ~((|rest1_end) | (|rest2_end));
  end else begin : gen_bits
    logic [QuotientWidth-1:0] bits_q;
    logic            exact2_q;
    always_ff @(posedge clk_i) begin
      if (load[Before]) begin
        bits_q   <= window_q[QuotientWidth-1:0] ^ {QuotientWidth{window_q[Bits]}};
        exact2_q <= exact1_q;
      end
    end
    assign quotient = bits_q;
    assign exact    = exact2_q;
  end

  // What goes along with a division of three stages.
  logic              sign, zero, special, nan;
  logic [Levels-1:0] shift2;

  if (Divisions == 3) begin : gen_along
    logic              sign_q, zero_q, special_q, nan_q;
    logic [Levels-1:0] shift_q;
    always_ff @(posedge clk_i) begin
      if (load[Before-1]) begin
        sign_q    <= window_q[Bits];
        zero_q    <= window_q[Bits-1] == window_q[Bits];
        shift_q   <= shift1_q;
        special_q <= special1_q;
        nan_q     <= nan1_q;
      end
    end
    assign {sign, zero, shift2, special, nan} = {sign_q, zero_q, shift_q, special_q, nan_q};
  end else begin : gen_not_along
    assign {sign, zero} = {window_q[Bits], window_q[Bits-1] == window_q[Bits]};
    assign {shift2, special, nan} = {shift1_q, special1_q, nan1_q};
  end

  logic              zero2_q, special2_q, nan2_q;
  logic [Levels-1:0] shift2_q;

  always_ff @(posedge clk_i) begin
    if (load[Before]) begin
      sign2_q    <= sign;
      shift2_q   <= shift2;
      zero2_q    <= zero;
      special2_q <= special;
      nan2_q     <= nan;
    end
  end

  // Round ----------------------------------------------------------------------------------------------------
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
    if (load[Stages-1]) begin
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

  if (Depth == 0) begin : gen_increment
    assign result_o = if4_pkg::fp32(sign3_q, exponent3_q, fraction3_q, up);
  end else begin : gen_halves
    logic ones_q;  // the low half of the fraction is all ones
    always_ff @(posedge clk_i) begin
      if (load[Stages-1]) ones_q <= &fraction[11:0];
    end
    assign result_o = if4_pkg::fp32_halves(sign3_q, exponent3_q, fraction3_q, up, up & ones_q);
  end

  assign nan_o      = nan3_q;
  assign overflow_o = overflow3_q;

endmodule
