// A MAC with the ports of if4_mac, written from the text of the formats and without the RTL's code: integers wide enough for
// anything, one division for each result, and a FIFO of results. The tests of the kit verify it as a stranger's module.
//
// BUG, or the plusarg +bug=N, plants one mistake of this list; 0 none.
//
// arithmetic
//    1  ties are rounded away from zero
//    2  results are cut off, not rounded
//    3  INT4 -8 counts as +8
//    4  INT4 -8 counts as 0
//    5  INT4 -8 counts as -7
//    6  integers are read as sign and magnitude
//    7  FP4 -0 counts as -1
//    8  the largest FP4 code counts as 5
//    9  the smallest FP4 code counts as 0
//   10  the factor 6/7 is 7/8
//   11  the factor is left away where only the weights are integers
//   12  the factor is left away where both are integers
//   13  the type of the weights is taken from the scale of the activations
//   14  subnormal scales count as 0
//   15  subnormal scales have a leading one
//   16  all scales with the largest exponent are NaN
//   17  the accumulator wraps at 53 bits
//   18  the accumulator has a bit less, and flags no overflow
//   19  the accumulator keeps 24 significant bits after each beat
//   20  a sum of 0 is -0 if the last beat was negative
//   21  a sum of 0 is not treated apart
//   22  what the division of a large sum leaves over does not count
//   23  the carry of rounding up is lost from the exponent
//   24  negative results are rounded up on a tie
//   25  results are rounded to 27 bits first, then to 24
//   26  lane 7 is left out
//   27  the product of 6 and 6 in FP4 leaves its bits
//   28  dot products of more than 128 beats begin anew
// flags
//   29  0x7F alone is NaN, not 0xFF
//   30  0xFF alone is NaN, not 0x7F
//   31  a NaN of the activations alone counts
//   32  NaN scales count as 480
//   33  the NaN flag is that of the last beat
//   34  the NaN flag is that of the first beat
//   35  a NaN is kept into the next dot product
//   36  the result beside nan_o is a NaN with another payload
//   37  an overflow is never flagged, and the sum wraps
//   38  an overflow is kept until the reset
//   39  a later beat without an overflow clears the flag
//   40  only the end sum is compared with the range
//   41  only the positive end is watched
//   42  the lowest sum that fits is flagged
//   43  the highest sum that fits is flagged
//   44  overflow_o and nan_o are both 1
//   45  overflow_o and not nan_o where both apply
//   46  overflow_o is 1, and the result is the sum
// order and stalls
//   47  two results that wait change places
//   48  a result that finds the FIFO full is dropped
//   49  a result is given twice after it has waited for a while
//   50  the result is that of the accumulator while it waits
//   51  a beat is taken while ready_o is 0
//   52  a beat that is not offered is taken if last_i is 1
//   53  a last beat does not end its dot product if the FIFO is nearly full
//   54  valid_o follows ready_i
//   55  valid_o rises only after ready_i was 1 while there was a result
//   56  valid_o falls after a clock
//   57  the flags fall after a clock
//   58  ready_o stays 0 once the FIFO was full
// reset
//   59  the accumulator is not reset
//   60  the flags of the dot product are not reset
//   61  the results that wait are not reset
//   62  the reset acts at an edge of the clock only
//   63  nothing is reset while a result waits
// one beat, unknown bits, and places
//   64  a dot product of one beat right behind another is added to it
//   65  a dot product of one beat gives no result
//   66  the count of overflows is not reset
//   67  a register that is not reset is in the first result
//   68  the largest sums of a block lose their sign where the exponents of the scales have an odd sum
`timescale 1ns / 1ps
module behavioural_mac #(
  parameter int Format   = 0,   // as if4_mac's: IF4, MixFP4, NVFP4, NVINT4, IF3, IF6-E2M3, IF6-E3M2, NVFP6-E2M3, NVFP6-E3M2
  parameter int Lanes    = 16,
  parameter int AccWidth = 0,   // 0: the narrowest that holds 1,024 of the largest beats
  parameter int BUG      = 0,
  parameter int CodeBits = Format == 4 ? 3 : Format > 4 ? 6 : 4
) (
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      valid_i,
  output logic                      ready_o,
  input  logic                      last_i,
  input  logic [Lanes*CodeBits-1:0] a_codes_i,
  input  logic [Lanes/2-1:0]        a_scale_i,
  input  logic [Lanes*CodeBits-1:0] w_codes_i,
  input  logic [Lanes/2-1:0]        w_scale_i,
  output logic                      valid_o,
  input  logic                      ready_i,
  output logic [31:0]               result_o,
  output logic                      nan_o,
  output logic                      overflow_o
);

  typedef logic signed [191:0] wide_t;

  int bug;
  initial begin
    if ($value$plusargs("bug=%d", bug) == 0) bug = BUG;
  end

  // The format: a float of exponent and mantissa bits in units of 2^-fraction, and an integer, each times its weight; the
  // product of two elements is then in units of 1 / denominator^2. Two scales, in units of 2^-9 each, give 2^-18.
  localparam bit HasFloat     = Format != 3;
  localparam bit HasInt       = Format == 0 || Format == 1 || (Format >= 3 && Format <= 6);
  localparam bit Complement   = Format == 0 || Format == 3;
  localparam int MantissaBits = Format < 3 ? 1 : Format == 4 ? 0 : (Format == 5 || Format == 7) ? 3 : 2;
  localparam int Denominator  = Format == 0 ? 14 : (Format == 1 || Format == 2) ? 2 : Format == 3 ? 1 : Format == 4 ? 3
                              : Format == 5 ? 248 : Format == 6 ? 496 : Format == 7 ? 8 : 16;
  localparam int FloatWeight  = Format == 0 ? 7 : Format == 4 ? 3 : (Format == 5 || Format == 6) ? 31 : 1;
  localparam int IntWeight    = Format == 0 ? 12 : Format == 1 ? 2 : Format == 3 ? 1 : Format == 4 ? 4 : Format == 5 ? 60 : 448;
  localparam int Largest      = Format == 0 ? 96 : Format == 1 ? 14 : Format == 2 ? 12 : Format == 3 ? 8 : Format == 4 ? 12
                              : Format == 5 ? 1860 : Format == 6 ? 13888 : Format == 7 ? 60 : 448;

  function automatic int default_width;
    wide_t most;
    most = wide_t'(Largest) * wide_t'(Largest) * wide_t'(Lanes) * (wide_t'(448 * 512) * wide_t'(448 * 512)) * 1024;
    default_width = 1;
    while (most != 0) begin
      most = most >> 1;
      default_width = default_width + 1;
    end
  endfunction

  wide_t top;  // one above the largest sum that fits
  initial top = wide_t'(1) << ((AccWidth != 0 ? AccWidth : default_width()) - 1);

  // Operands ----------------------------------------------------------------------------------------------------------
  function automatic int magnitude_of(int code);
    int exponent, mantissa;
    exponent = code >> MantissaBits;
    mantissa = code & ((1 << MantissaBits) - 1);
    magnitude_of = exponent == 0 ? mantissa : (mantissa + (1 << MantissaBits)) << (exponent - 1);
    // Without mantissa bits the units are those of the smallest number.
    if (bug == 8 && code == (1 << (CodeBits - 1)) - 1) magnitude_of = 10;
    if (bug == 9 && code == 1) magnitude_of = 0;
  endfunction

  function automatic int element(int code, bit is_int);
    int sign, low, weight;
    sign = code >> (CodeBits - 1);
    low  = code & ((1 << (CodeBits - 1)) - 1);
    if (is_int) begin
      weight = bug == 10 ? 2 * FloatWeight - FloatWeight / 4 : IntWeight;
      if (Complement && bug != 6) begin
        element = sign != 0 ? low - (1 << (CodeBits - 1)) : low;
        if (sign != 0 && low == 0) begin
          if (bug == 3) element = -element;
          if (bug == 4) element = 0;
          if (bug == 5) element = element + 1;
        end
      end else begin
        element = sign != 0 ? -low : low;
      end
      element = element * weight;
    end else begin
      element = magnitude_of(low) * (sign != 0 ? -FloatWeight : FloatWeight);
      if (bug == 7 && sign != 0 && low == 0) element = -2 * FloatWeight;
    end
  endfunction

  function automatic bit is_nan(logic [7:0] scale);
    is_nan = scale[6:0] == 7'h7F;
    if (bug == 29) is_nan = scale == 8'h7F;
    if (bug == 30) is_nan = scale == 8'hFF;
    if (bug == 32) is_nan = 1'b0;
    if (bug == 16) is_nan = scale[6:3] == 4'hF;
  endfunction

  function automatic int scale_of(logic [7:0] scale);
    int mantissa, exponent;
    mantissa = 32'(scale[2:0]);
    exponent = 32'(scale[6:3]);
    scale_of = exponent == 0 ? mantissa : (8 + mantissa) << (exponent - 1);
    if (bug == 14 && exponent == 0) scale_of = 0;
    if (bug == 15 && exponent == 0) scale_of = 8 + mantissa;
  endfunction

  // One beat: its sum, and whether a scale is NaN.
  function automatic wide_t sum_of_beat;
    int     a, w;
    longint part;
    bit    a_int, w_int;
    wide_t sum;
    sum_of_beat = 0;
    for (int block = 0; block < Lanes / 16; block++) begin
      a_int = HasInt && (!HasFloat || a_scale_i[8*block+7]);
      w_int = HasInt && (!HasFloat || w_scale_i[8*block+7]);
      if (bug == 13) w_int = a_int;
      part = 0;
      for (int lane = 16 * block; lane < 16 * block + 16; lane++) begin
        a = element(32'(a_codes_i[lane*CodeBits +: CodeBits]), a_int);
        w = element(32'(w_codes_i[lane*CodeBits +: CodeBits]), w_int);
        if (bug == 26 && lane == 7) a = 0;
        if (bug == 27 && !a_int && !w_int && a * w == 144 * FloatWeight * FloatWeight) w = w / 9;
        if (bug == 11 && w_int && !a_int) w = w / IntWeight * 2 * FloatWeight;
        if (bug == 12 && w_int && a_int) begin
          a = a / IntWeight * 2 * FloatWeight;
          w = w / IntWeight * 2 * FloatWeight;
        end
        part = part + longint'(a) * w;
      end
      if (bug == 68 && (a_scale_i[8*block+3] ^ w_scale_i[8*block+3])) part = longint'($signed(18'(part)));
      sum = wide_t'(part) * wide_t'(scale_of(a_scale_i[8*block +: 8])) * wide_t'(scale_of(w_scale_i[8*block +: 8]));
      sum_of_beat = sum_of_beat + sum;
    end
  endfunction

  function automatic bit nan_of_beat;
    nan_of_beat = 1'b0;
    for (int block = 0; block < Lanes / 16; block++) begin
      if (is_nan(a_scale_i[8*block +: 8])) nan_of_beat = 1'b1;
      if (is_nan(w_scale_i[8*block +: 8]) && bug != 31) nan_of_beat = 1'b1;
    end
  endfunction

  // Rounding ----------------------------------------------------------------------------------------------------------
  function automatic int top_bit(wide_t value);
    top_bit = 0;
    for (int step = 128; step > 0; step = step / 2) begin
      if ((value >> (top_bit + step)) != 0) top_bit = top_bit + step;
    end
  endfunction

  function automatic logic [31:0] fp32(wide_t sum, bit last_negative);
    wide_t quotient, below, half, rest;
    int    place;
    bit    up;
    logic [24:0] significand;
    logic [7:0]  exponent;
    quotient = (sum < 0 ? -sum : sum) << 44;
    rest     = quotient % wide_t'(Denominator * Denominator);
    quotient = quotient / wide_t'(Denominator * Denominator);
    if (bug == 22 && (quotient >> 78) != 0) begin
      quotient = quotient >> 44 << 44;
      rest     = 0;
    end
    place       = top_bit(quotient);
    if (bug == 25 && place > 26) begin
      quotient = ((quotient >> (place - 27)) + 1) >> 1 << (place - 26);
      place    = top_bit(quotient);
      rest     = 0;
    end
    half        = place > 23 ? wide_t'(1) << (place - 24) : 0;
    significand = 25'(quotient >> (place - 23));
    below       = quotient & ((half << 1) - 1);
    up          = below > half || (below == half && (rest != 0 || significand[0]));
    if (bug == 1) up = below >= half;
    if (bug == 2) up = 1'b0;
    if (bug == 24 && sum < 0 && below == half && rest == 0) up = 1'b0;
    exponent = 8'(place - 62 + 127);
    significand = significand + 25'(up);
    if (significand[24] && bug != 23) exponent = exponent + 8'd1;
    fp32 = {sum < 0, exponent, significand[24] ? 23'd0 : significand[22:0]};
    if (sum == 0 && bug != 21) fp32 = bug == 20 && last_negative ? 32'h80000000 : 32'd0;
  endfunction

  // State -------------------------------------------------------------------------------------------------------------
  wide_t       acc, beat, sum;
  int          beats;                    // of the dot product so far
  bit          nan, overflow, over, no_bits, taken_last;
  logic [7:0]  overflows;                // in the dot product
  logic [15:0] unreset;                  // without a value until the first result is taken
  logic [33:0] fifo[0:3];
  logic [33:0] fresh;
  logic [2:0]  used;
  logic [1:0]  head;
  bit          was_ready, blocked, again;
  int          waited;                   // clocks that the first result has been there

  // What a mistake leaves out of the reset begins as an FPGA's registers do.
  initial begin
    acc  = 0;
    used = 3'd0;
  end

  wire asynchronous = rst_ni | (bug == 62);

  assign ready_o = used < 3'd4 && !(bug == 58 && blocked);

  function automatic wide_t accumulated(wide_t to);
    int place;
    accumulated = to;
    if (bug == 17) accumulated = wide_t'($signed(53'(to)));
    if (bug == 18) accumulated = (to & (top - 1)) - ((to & (top >> 1)) << 1);
    if (bug == 18 && (to & (top >> 1)) == 0) accumulated = to & ((top >> 1) - 1);
    if (bug == 18 && (to & (top >> 1)) != 0) accumulated = (to & (top - 1)) - top;
    if (bug == 37) accumulated = ((to + top) & ((top << 1) - 1)) - top;
    if (bug == 19) begin
      place = top_bit(to < 0 ? -to : to);
      if (place > 23) accumulated = ((to >>> (place - 24)) + 1) >>> 1 <<< (place - 23);
    end
  endfunction

  task automatic take_beat;
    bit ends;
    beat = sum_of_beat();
    if (bug == 64 && beats == 0 && last_i && taken_last) acc = sum;
    sum   = accumulated(acc + beat);
    over  = sum >= top || sum < -top;
    if (bug == 18 || bug == 37) over = 1'b0;
    if (bug == 40) over = over && last_i;
    if (bug == 41) over = sum >= top;
    if (bug == 42) over = over || sum == -top;
    if (bug == 43) over = over || sum == top - 1;
    overflow = (overflow && bug != 39) || over;
    if (over) overflows = overflows + 8'd1;
    if (bug == 33) nan = nan_of_beat();
    else if (bug == 34) nan = beats == 0 ? nan_of_beat() : nan;
    else nan = nan || nan_of_beat();
    beats = beats + 1;
    acc   = sum;
    if (bug == 28 && beats == 129) acc = beat;
    ends  = last_i && !(bug == 53 && used == 3'd3 && !ready_i);
    taken_last = ends;
    if (ends) begin
      if (nan) fresh = {bug == 44 && overflow, 1'b1, bug == 36 ? 32'h7FFFFFFF : 32'h7FC00000};
      else if (overflow) fresh = {2'b10, bug == 46 ? fp32(sum, 1'b0) : 32'h7FC00000};
      else fresh = {2'b00, fp32(sum, beat < 0)};
      if (bug == 44 && overflow) fresh[32] = 1'b1;
      if (bug == 45 && overflow) fresh[33:32] = 2'b10;
      if (bug == 66) fresh[33] = overflows != 0;
      if (!(bug == 48 && used >= 3'd3) && !(bug == 65 && beats == 1)) begin
        if (used < 3'd4) begin
          fifo[2'(32'(head) + 32'(used))] = fresh;
          used = used + 3'd1;
        end
        if (bug == 47 && used >= 3'd3) begin
          fifo[2'(32'(head) + 32'(used) - 1)] = fifo[2'(32'(head) + 32'(used) - 2)];
          fifo[2'(32'(head) + 32'(used) - 2)] = fresh;
        end
      end
      acc       = 0;
      beats     = 0;
      nan       = nan && bug == 35;
      overflow  = overflow && bug == 38;
      overflows = 0;
    end
  endtask

  task automatic reset;
    if (!(bug == 63 && used != 0)) begin
      if (bug != 59) acc = 0;
      if (bug != 60) {nan, overflow} = 2'b00;
      if (bug != 61) used = 3'd0;
      if (bug != 66) overflows = 8'd0;
      head       = 2'd0;
      beats      = 0;
      waited     = 0;
      taken_last = 1'b0;
      was_ready  = 1'b0;
      blocked    = 1'b0;
      again      = 1'b0;
    end
  endtask

  task automatic step;
    bit takes, gives;
    takes = valid_i && ready_o;
    gives = valid_o && ready_i;
    if (bug == 51) takes = valid_i && (ready_o || !last_i);
    if (bug == 52) takes = takes || (last_i && ready_o && used == 3'd2);
    if (bug == 58) blocked = blocked || used == 3'd4;
    was_ready = used != 0 && !gives && (ready_i || was_ready);
    waited    = used != 0 && !gives ? waited + 1 : 0;
    if (bug == 49 && gives && waited == 0 && again) again = 1'b0;
    else if (gives) begin
      head    = head + 2'd1;
      used    = used - 3'd1;
      unreset = 16'd0;
    end
    if (bug == 49 && waited == 5) again = 1'b1;
    if (takes) take_beat;
    else taken_last = 1'b0;
  endtask

  always @(posedge clk_i or negedge asynchronous) begin
    if (!rst_ni) reset;
    else step;
  end

  wire [33:0] first = fifo[head];

  assign valid_o = used != 3'd0 && (bug != 54 || ready_i) && (bug != 55 || was_ready) && (bug != 56 || waited == 0);
  assign result_o   = first[31:0] ^ (bug == 50 && waited != 0 ? acc[31:0] : 32'd0) ^ (bug == 67 ? {16'd0, unreset} : 32'd0);
  assign nan_o      = first[32] && !(bug == 57 && waited != 0);
  assign overflow_o = first[33] && !(bug == 57 && waited != 0);

endmodule
