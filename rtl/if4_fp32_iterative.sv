// The output stage, small: an exact sum in units of 2^SumExponent / r^2, rounded once, to nearest even, to FP32.
//
// One bit of the quotient a clock. Takes a sum in a clock with valid_i & ready_o and gives its result between 27 and
// Width + 2 * Ones + 25 clocks later, the sooner the larger the sum; ready_o is low until that is taken.
//
// Division. floor(A / r^2) by shift and subtract, from the sign bit down. A negative sum begins with the remainder
// r^2 - 1, and its quotient bits are inverted: they are those of |A| / r^2, cut off, unless the division leaves nothing.
// Then they are one unit of the last bit too small, and what would follow are ones without end.
module if4_fp32_iterative #(
  parameter int Width       = 64,   // of the sum
  parameter int Ones        = 3,    // r = 2^Ones - 1; 1: nothing to divide by
  parameter int SumExponent = -20
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,     // asynchronous, active low: drops what is in work
  input  logic                    valid_i,
  output logic                    ready_o,
  input  logic signed [Width-1:0] sum_i,      // A
  input  logic                    nan_i,      // a scale was NaN: the result is NaN
  input  logic                    overflow_i, // sum_i is not the exact sum: the result is NaN
  output logic                    valid_o,
  input  logic                    ready_i,
  output logic [31:0]             result_o,   // FP32
  output logic                    nan_o,
  output logic                    overflow_o  // never together with nan_o
);

  localparam int Digits = 25;  // significant bits of the quotient: FP32's 24 and one to round by
  // FP32 exponent field of a quotient bit at place p: 127 + SumExponent + p. The first clock gives that of place
  // Width - 2, the last one is Digits clocks or more later.
  localparam logic [7:0] FieldStart = 8'(127 + SumExponent + Width - 2 + Digits);
  // Place -2 * Ones: a sum that is not zero has its first bit there or above, since r^2 < 2^(2 * Ones).
  localparam logic [7:0] FieldLowest = 8'(127 + SumExponent - 2 * Ones + Digits);
  localparam logic [4:0] CountStart = 5'(32 - Digits);

  // Bits of A that are still to come, and below them the quotient, whose leading zeros make room for the last Digits.
  logic [Width-1:0] sum_q;
  logic [7:0]       field_q;   // less one for each bit
  logic [4:0]       count_q;   // plus one for each significant bit; 0 after the last
  logic             sign_q, special_q, nan_q;
  logic             busy_q, round_q, valid_q;

  logic start, digit, rest_left;

  assign ready_o = ~(busy_q | round_q | valid_q);
  assign start   = ready_o & valid_i;

  if (Ones > 1) begin : gen_divide
    localparam int RestWidth = 2 * Ones;
    localparam int Divisor   = ((1 << Ones) - 1) * ((1 << Ones) - 1);
    logic [RestWidth-1:0] rest_q;  // remainder, 0..r^2 - 1
    logic [RestWidth:0]   twice;   // 0..2 r^2 - 1
    logic [RestWidth-1:0] less;
    logic                 fits;
    assign twice     = {rest_q, sum_q[Width-1]};
    assign less      = twice[RestWidth-1:0] - RestWidth'(Divisor);
    assign fits      = twice >= (RestWidth+1)'(Divisor);
    assign digit     = (fits ^ sign_q) & ~special_q;
    assign rest_left = |rest_q;
    always_ff @(posedge clk_i) begin
      if (start) rest_q <= {RestWidth{sum_i[Width-1]}} & RestWidth'(Divisor - 1);
      else if (busy_q) rest_q <= fits ? less : twice[RestWidth-1:0];
    end
  end else begin : gen_bits
    assign digit     = (sum_q[Width-1] ^ sign_q) & ~special_q;
    assign rest_left = 1'b0;
  end

  logic found, last;
  assign found = digit | (count_q != CountStart);
  assign last  = (&count_q) | (~found & (field_q == FieldLowest));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      round_q <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (start) busy_q <= 1'b1;
      else if (last) busy_q <= 1'b0;
      round_q <= busy_q & last;
      if (round_q) valid_q <= 1'b1;
      else if (ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    // What is above the result need not be kept, so only the result's bits wait.
    if (start) sum_q[Width-1:Digits] <= sum_i[Width-2:Digits-1];
    else       sum_q[Width-1:Digits] <= sum_q[Width-2:Digits-1];
    if (start)       sum_q[Digits-1:0] <= {sum_i[Digits-2:0], 1'b0};
    else if (busy_q) sum_q[Digits-1:0] <= {sum_q[Digits-2:0], digit};
    if (start) begin
      field_q   <= FieldStart;
      count_q   <= CountStart;
      sign_q    <= sum_i[Width-1] & ~(nan_i | overflow_i);
      special_q <= nan_i | overflow_i;
      nan_q     <= nan_i;
    end else if (busy_q) begin
      field_q <= field_q - 8'd1;
      if (found) count_q <= count_q + 5'd1;
    end
    if (round_q) up_q <= up;
  end

  // Round: sum_q[24:1] is the significand, sum_q[0] the bit below it.
  logic exact, up, up_q, zero;
  assign exact = ~((|sum_q[Width-1:Digits]) | rest_left);
  assign up    = (sum_q[0] & ~(exact & ~sign_q & ~sum_q[1])) | (exact & sign_q & sum_q[1]);
  assign zero  = count_q != '0;  // it ended without a significant bit

  // A special sum has no significant bit, its fraction is 0.
  logic [7:0] field;
  assign field    = zero ? {8{special_q}} : field_q;
  assign result_o = if4_pkg::fp32(sign_q, field, {sum_q[23] | special_q, sum_q[22:1]}, up_q);

  assign valid_o    = valid_q;
  assign nan_o      = nan_q;
  assign overflow_o = special_q & ~nan_q;

endmodule
