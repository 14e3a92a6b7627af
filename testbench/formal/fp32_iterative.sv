// The iterative output stage equal to correct rounding: every sum, any handshake, unbounded, by induction over the clocks
// (the properties below are inductive in one step, from any state that holds them).
//
// Beside the unit a machine divides by the book, a bit at a time: with remainder R, 0 <= R < r^2, and next bit b of the
// sum the quotient's bit is (2R + b) / r^2, the next R is (2R + b) % r^2. It starts at the sign: 0, or -1 = -1 * r^2 +
// (r^2 - 1), and goes on with zeros below the sum's last bit. Of a negative sum it keeps the inverse of the quotient,
// which is -floor - 1. It stops after 25 significant bits; then the result must be
//   the quotient where what is left is not zero, of a negative sum the quotient plus one where nothing is left,
//   rounded to nearest even to 24 bits, with the exponent that the number of bits taken gives;
// or +0, which must be for a zero sum only, after Width - 1 + 2 * Ones bits without a significant one.
// The number of bits taken is bounded: so the stage ends, in the time that if4_fp32_iterative.sv states.
//
// The registers of the unit are read through probes (proofs.txt), to say how they hold the machine's numbers.
module fp32_iterative #(
  parameter int Format = 0,
  parameter int Lanes  = 16,
  parameter int Scaled = 0,  // 1: the stage of a unit with scaled results, which does not divide
  parameter int Depth  = 0,
  parameter int Width  = if4_pkg::acc_width(Format, Lanes),  // the accumulator's default
  localparam int Ones      = Scaled == 1 ? 1 : Format == 0 ? 3 : Format == 4 ? 2 : Format == 5 || Format == 6 ? 5 : 1,
  localparam int RestWidth = 2 * Ones
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic             ready_i,
  input logic [Width-1:0] sum_i,
  input logic             nan_i,
  input logic             overflow_i,
  // Probes: no inputs, but the unit's registers of these names.
  input logic [Width-1:0] sum_q,
  input logic [RestWidth-1:0] rest_q,
  input logic [7:0]       field_q,
  input logic [4:0]       count_q,
  input logic             busy_q,
  input logic             round_q,
  input logic             sign_q,
  input logic             special_q
);

  localparam int SumExponent = Format == 8 || Format == 6 ? -26 : Format == 7 || Format == 5 ? -24 :
                               Format == 3 || Format == 4 ? -18 : -20;
  localparam logic [RestWidth:0] Square = (RestWidth+1)'(((1 << Ones) - 1) * ((1 << Ones) - 1));
  localparam int Lowest      = Width - 1 + (Ones == 1 ? 2 : 2 * Ones);  // bits taken for a zero sum

  logic        ready, valid, nan, overflow;
  logic [31:0] result;

  if4_fp32_iterative #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent), .Depth(Depth)) u_fp32 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready), .sum_i(sum_i), .nan_i(nan_i),
    .overflow_i(overflow_i), .valid_o(valid), .ready_i(ready_i), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );

  // The machine -------------------------------------------------------------------------------------------------------
  logic [Width-1:0]     bits_q;      // of the sum, to come, the next one at the top
  logic [RestWidth-1:0] remainder_q;
  logic [24:0]          quotient_q;
  logic [7:0]           taken_q;     // bits taken after the sign
  logic                 negative_q, zero_q, nan_in_q, overflow_in_q, special;
  logic [RestWidth:0]   number;
  logic                 digit;
  assign special = nan_in_q | overflow_in_q;
  assign number  = {remainder_q, bits_q[Width-1]};
  assign digit   = (((number / Square) != 0) ^ negative_q) & ~special;  // NaN needs no number

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  always_ff @(posedge clk_i) begin
    if (ready && valid_i) begin
      bits_q        <= sum_i << 1;
      negative_q    <= sum_i[Width-1];
      remainder_q   <= sum_i[Width-1] ? RestWidth'(Square - 1) : '0;
      quotient_q    <= '0;
      taken_q       <= '0;
      zero_q        <= sum_i == 0;
      nan_in_q      <= nan_i;
      overflow_in_q <= overflow_i;
    end else if (busy_q) begin
      bits_q      <= bits_q << 1;
      remainder_q <= RestWidth'(number % Square);
      quotient_q  <= {quotient_q[23:0], digit};
      taken_q     <= taken_q + 8'd1;
    end
  end

  // What the result must be -------------------------------------------------------------------------------------------
  logic        left;  // something is left
  logic [25:0] magnitude;
  logic [24:0] significand;
  logic        up;
  logic signed [15:0] field;
  assign left      = remainder_q != 0 || bits_q != 0;
  assign magnitude = {1'b0, quotient_q} + 26'(negative_q && !left);
  // A sum that leaves nothing and is 2^25 or less, exactly: the bit below the significand decides alone.
  assign up          = magnitude[0] && (left || magnitude[1]);
  assign significand = magnitude[25:1] + 25'(up);
  // The last bit taken is at place Width - 1 - taken; the significand's last one is one above, its leading one 24.
  assign field       = 16'(127 + SumExponent + Width - 1 + 24) - 16'(taken_q) + 16'(significand[24]);

  logic [4:0] length;  // significant bits of the quotient
  always_comb begin
    length = '0;
    for (int i = 0; i < 25; i++) begin
      if (quotient_q[i]) length = 5'(i + 1);
    end
  end

  // While nothing is found the sum so far is `before`: the remainder, less r^2 if negative.
  logic signed [RestWidth+1:0] before;
  assign before = $signed({2'b00, remainder_q}) - (negative_q ? $signed({1'b0, Square}) : 0);

  always_comb begin
    if (rst_ni) begin
      // One state at a time.
      assert (2'(busy_q) + 2'(round_q) + 2'(valid) <= 2'd1 && ready == !(busy_q || round_q || valid));
      if (busy_q || round_q || valid) begin
        assert (remainder_q < Square[RestWidth-1:0]);
        assert (special_q == special && sign_q == (negative_q && !special));
        assert (nan == nan_in_q && overflow == (overflow_in_q && !nan_in_q));
        assert (zero_q ? !negative_q && remainder_q == 0 && bits_q == 0 && quotient_q == 0 : 1'b1);
        if (!special) begin
          if (taken_q >= 8'(Width - 1)) assert (bits_q == 0);
          else assert ((bits_q & ((Width'(2) << taken_q) - Width'(1))) == 0);
          if (quotient_q == 0) begin
            assert ((before == 0 && bits_q == 0) == zero_q);
            if (taken_q > 8'(Width - 1)) assert ((before & (((RestWidth+2)'(1) << (taken_q - 8'(Width - 1))) - 1)) == 0);
          end
          // Bounded, so the stage ends.
          assert (8'(length) <= taken_q);
          assert (taken_q <= 8'(Lowest) + (length == 0 ? 8'd0 : 8'(length) - 8'd1));
        end else assert (taken_q <= 8'(Lowest) && quotient_q == 0);
      end
      if (busy_q || round_q) begin
        assert (field_q == 8'(127 + SumExponent + Width - 2 + 25) - taken_q);
        if (!special) begin
          assert (sum_q == (bits_q | Width'(quotient_q)));
          assert ((Width'(quotient_q) >> taken_q) == 0);
          if (Ones > 1) assert (rest_q == remainder_q);
        end else if (taken_q >= 8'(Width)) assert (sum_q == 0);
        else assert ((sum_q & ((Width'(1) << taken_q) - Width'(1))) == 0);
      end
      if (busy_q) begin
        assert (count_q == (special ? 5'd7 : 5'd7 + length));
        assert (special || length <= 24);
        if (special || quotient_q == 0) assert (taken_q < 8'(Lowest));
      end
      if (round_q || valid) begin
        if (special) assert (count_q == 5'd7 && taken_q == 8'(Lowest));
        else begin
          assert (zero_q == (length == 0) && (zero_q || length == 25));
          assert (count_q == (zero_q ? 5'd7 : 5'd0));
          assert (zero_q || taken_q >= 25);
          assert (zero_q || (field_q == 8'(field) - 8'(significand[24]) && field > 0 && field < 255));
        end
      end
      if (valid) begin
        if (special) assert (result == 32'h7FC00000);
        else begin
          assert (sum_q[24:0] == quotient_q);
          assert (result == (zero_q ? 32'd0 : {negative_q, field[7:0], significand[22:0]}));
        end
      end
    end
  end

endmodule
