// The pipelined output stage, part 2 of 2: every sum A whose two top bits differ is rounded to nearest even.
//
// Against the definition, without a division: with M the significand of the result, 2^23 <= M < 2^24, and r^2 M 2^p its
// value in the unit of A, |A| lies within half a unit of M, r^2 2^(p-1), of it, or on the edge where M is even; below
// M = 2^23, where the numbers are twice as dense, within a quarter. No other FP32 number is like that.
module fp32_round #(
  parameter int Width       = 64,
  parameter int Ones        = 3,
  parameter int SumExponent = -20
) (
  input logic             clk_i,
  input logic [Width-1:0] sum_i
);

  localparam int Square = Ones == 1 ? 1 : Ones == 2 ? 9 : Ones == 3 ? 49 : 961;
  // Field of a result with p = 0: M is in units of 2^SumExponent.
  localparam int Field0 = 127 + 23 + SumExponent;
  localparam int Wide   = Width + 4;

  logic [2:0]       clock = '0;  // 0: reset, 1: the sum is given
  logic [Width-1:0] sum_q;
  logic             valid;
  logic [31:0]      result;

  if4_fp32 #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent)) u_fp32 (
    .clk_i(clk_i), .rst_ni(clock != 0), .valid_i(clock == 1), .ready_o(), .sum_i(sum_i), .nan_i(1'b0), .overflow_i(1'b0),
    .valid_o(valid), .ready_i(1'b1), .result_o(result), .nan_o(), .overflow_o()
  );

  always_ff @(posedge clk_i) begin
    clock <= clock + 3'd1;
    if (clock == 1) sum_q <= sum_i;
  end

  // In quarters of A's unit.
  logic [Wide-1:0] magnitude, value, half;
  logic [33:0]     product;
  logic [8:0]      p;
  logic            above, least;
  logic [Wide-1:0] error;
  assign magnitude = {2'b00, sum_q[Width-1] ? -{sum_q[Width-1], sum_q} : {1'b0, sum_q}, 2'b00} >> 1 << 1;
  assign p         = {1'b0, result[30:23]} - 9'(Field0);
  assign product   = 34'({1'b1, result[22:0]}) * 34'(Square);
  assign value     = Wide'(product) << 2 << p;
  assign half      = Wide'(Square) << 1 << p;
  assign above     = magnitude >= value;
  assign error     = above ? magnitude - value : value - magnitude;
  assign least     = ~above & (result[22:0] == 0);

  always_comb begin
    if (clock == 4) begin
      assert (valid);
      if (sum_q[Width-1] != sum_q[Width-2]) begin
        assert (result[31] == sum_q[Width-1]);
        assert (p <= 9'(Width - 23) && result[30:23] != 8'd255 && result[30:23] >= 8'(Width));
        assert (least ? error <= (half >> 1) : error < half || (error == half && ~result[0]));
      end
    end
  end

endmodule
