// The pipelined output stage, part 1 of 2: where a sum stands does not matter. For every sum A that is not zero and whose
// double fits, the results of A and 2A have the same sign, fraction and flags, and exponent fields that differ by one.
// And a zero sum gives +0.
//
// So the result of any A is that of A * 2^s, whose two top bits differ, with an exponent less by s. fp32_round.sv proves
// those correctly rounded.
module fp32_shift #(
  parameter int Width       = 64,
  parameter int Ones        = 3,
  parameter int SumExponent = -20
) (
  input logic             clk_i,
  input logic [Width-1:0] sum_i
);

  logic [2:0]  clock = '0;  // 0: reset, 1: the sum is given
  logic        zero_q, fits_q;
  logic        valid, valid2;
  logic [31:0] result, result2;

  if4_fp32 #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent)) u_once (
    .clk_i(clk_i), .rst_ni(clock != 0), .valid_i(clock == 1), .ready_o(), .sum_i(sum_i), .nan_i(1'b0), .overflow_i(1'b0),
    .valid_o(valid), .ready_i(1'b1), .result_o(result), .nan_o(), .overflow_o()
  );
  if4_fp32 #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent)) u_twice (
    .clk_i(clk_i), .rst_ni(clock != 0), .valid_i(clock == 1), .ready_o(), .sum_i(sum_i << 1), .nan_i(1'b0),
    .overflow_i(1'b0), .valid_o(valid2), .ready_i(1'b1), .result_o(result2), .nan_o(), .overflow_o()
  );

  always_ff @(posedge clk_i) begin
    clock <= clock + 3'd1;
    if (clock == 1) begin
      zero_q <= sum_i == 0;
      fits_q <= sum_i[Width-1] == sum_i[Width-2];
    end
  end

  always_comb begin
    if (clock == 4) begin
      assert (valid && valid2);
      if (zero_q) assert (result == 0);
      else if (fits_q) assert ({1'b0, result2[30:23]} == {1'b0, result[30:23]} + 9'd1 &&
                               {result2[31], result2[22:0]} == {result[31], result[22:0]});
    end
  end

endmodule
