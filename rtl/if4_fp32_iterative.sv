// The iterative output stage: an exact sum in units of 2^SumExponent / r^2, rounded once, to nearest even, to FP32. It
// is small, and makes one bit of the quotient a clock.
//
// Latency: it takes a sum at an edge with valid_i & ready_o, and between 27 and Width + 2 * Ones + 25 clocks later is
// the first edge at which the result can be taken; the larger the sum, the sooner. ready_o
// is low until the result is taken.
//
// Division. floor(A / r^2) by shift and subtract, from the sign bit down. A negative sum begins with the remainder
// r^2 - 1, and the bits of its quotient are inverted. They are then those of |A| / r^2, cut off, but for one case: if
// the division leaves no remainder, they are one unit of the last bit too small, and the remaining bits of the quotient
// are all 1.
/* verilator lint_off TIMESCALEMOD */ module if4_fp32_iterative #(
  parameter int Width       = 64,   // bits of the sum, 26 to if4_pkg::AccWidthMax
  parameter int Ones        = 3,    // n of r = 2^n - 1 (if4_pkg::divisor_ones); 1: there is nothing to divide by
  parameter int SumExponent = -20,  // exponent of the sum's unit (if4_pkg::sum_exponent)
  parameter int Depth       = 0     // 1: the last increment is made in two halves
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,     // asynchronous, active low: drops what is in work
  input  logic                    valid_i,    // a sum is offered, with its flags
  output logic                    ready_o,    // it is taken at this edge; depends on no input
  input  logic signed [Width-1:0] sum_i,      // A, in units of 2^SumExponent / r^2
  input  logic                    nan_i,      // a scale was NaN: the result is NaN
  input  logic                    overflow_i, // sum_i is not the exact sum: the result is NaN
  output logic                    valid_o,    // a result is there; it stays until it is taken
  input  logic                    ready_i,    // it is taken at this edge
  output logic [31:0]             result_o,   // FP32; the quiet NaN 0x7FC00000 where a flag is set
  output logic                    nan_o,      // nan_i of this result's sum
  output logic                    overflow_o  // overflow_i of it, unless nan_i: never together with nan_o
);

  localparam int Digits = 25;  // significant bits of the quotient: FP32's 24 and one to round by
  // FP32's exponent field of a quotient bit at place p is 127 + SumExponent + p. field_q counts down with the places:
  // it starts at place Width - 2, but Digits too high, as it is to be that of the first significant bit when the last
  // of Digits bits is made.
  localparam logic [7:0] FieldStart = 8'(127 + SumExponent + Width - 2 + Digits);
  // field_q at place -2 * Ones: the quotient of a sum that is not zero has its first significant bit there or above,
  // since r^2 < 2^(2 * Ones).
  localparam logic [7:0] FieldLowest = 8'(127 + SumExponent - 2 * Ones + Digits);
  localparam logic [4:0] CountStart = 5'(32 - Digits);  // count_q wraps to 0 with the last of Digits bits

  // The bits of A that are still to be divided, at the top, and below them the bits of the quotient. Each clock takes a
  // bit at the top and adds one at the low end; the quotient's leading zeros are shifted into what is empty by then.
  logic [Width-1:0] sum_q;
  logic [7:0]       field_q;   // exponent field, less one for each bit of the quotient
  logic [4:0]       count_q;   // plus one for each significant bit of the quotient; 0 after the last
  logic             sign_q, special_q, nan_q;  // of the sum; special: a flag is set
  logic             busy_q, round_q, valid_q;  // state, one at a time: divides, rounds, holds a result; idle if none

  logic start, digit, rest_left;  // a sum is taken; the quotient's next bit; there is a remainder

  assign ready_o = ~(busy_q | round_q | valid_q);
  assign start   = ready_o & valid_i;

  if (Ones > 1) begin : gen_divide
    localparam int RestWidth = 2 * Ones;
    localparam int Divisor   = ((1 << Ones) - 1) * ((1 << Ones) - 1);
    logic [RestWidth-1:0] rest_q;  // remainder, 0..r^2 - 1
    logic [RestWidth:0]   twice;   // 2 * remainder + the next bit of A, 0..2 r^2 - 1
    logic [RestWidth-1:0] less;    // that, less r^2
    logic                 fits;    // r^2 can be subtracted: the quotient's bit, before it is inverted
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

  logic found, last;  // the quotient has a significant bit; this clock makes its last bit
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
    // Only the bits of the result are kept while it waits; those above shift on, as that needs no enable.
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

  // Round: sum_q[24:1] is the significand, sum_q[0] the bit below it. `exact`: nothing is left of A / r^2.
  logic exact, up, up_q, zero;
  assign exact = ~((|sum_q[Width-1:Digits]) | rest_left);
  assign up    = (sum_q[0] & ~(exact & ~sign_q & ~sum_q[1])) | (exact & sign_q & sum_q[1]);
  assign zero  = count_q != '0;  // the quotient ended without a significant bit

  // A sum with a flag has no significant bit, since `digit` is 0; so its fraction is 0 but for the quiet NaN's top bit.
  logic [7:0] field;
  assign field    = zero ? {8{special_q}} : field_q;
  logic [22:0] fraction;
  assign fraction = {sum_q[23] | special_q, sum_q[22:1]};

  if (Depth == 0) begin : gen_increment
    assign result_o = if4_pkg::fp32(sign_q, field, fraction, up_q);
  end else begin : gen_halves
    logic carry_q;
    always_ff @(posedge clk_i) begin
      if (round_q) carry_q <= up & (&sum_q[12:1]);
    end
    assign result_o = if4_pkg::fp32_halves(sign_q, field, fraction, up_q, carry_q);
  end

  assign valid_o    = valid_q;
  assign nan_o      = nan_q;
  assign overflow_o = special_q & ~nan_q;

endmodule
