// The pipelined output stage: the result of every sum is that of fp32_reference.sv. The proof sends one sum, after
// reset, through all stages without a stall; data.sv is about stalls.
module fp32 #(
  parameter int Format = 0,
  parameter int Lanes  = 16,
  parameter int Scaled = 0,  // 1: the stage of a unit with scaled results, which does not divide
  parameter int Depth  = 0,
  parameter int Width  = if4_pkg::acc_width(Format, Lanes)  // the accumulator's default
) (
  input logic             clk_i,
  input logic [Width-1:0] sum_i,
  input logic             nan_i,
  input logic             overflow_i
);

  // Written out and not taken from if4_pkg, which is to be right as well.
  localparam int Ones        = Scaled == 1 ? 1 : Format == 0 ? 3 : Format == 4 ? 2 : Format == 5 || Format == 6 ? 5 : 1;
  localparam int SumExponent = Format == 8 || Format == 6 ? -26 : Format == 7 || Format == 5 ? -24 :
                               Format == 3 || Format == 4 ? -18 : -20;
  localparam int Stages      = Depth == 0 ? 3 : Ones == 1 ? 4 : 5;

  logic [2:0]  clock = '0;  // 0: reset, 1: the sum is given, as many later as there are stages: the result
  logic        valid, nan, overflow, nan_q, overflow_q, fits, fits_q;
  logic [31:0] result, expected, expected_q;

  if4_fp32 #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent), .Depth(Depth)) u_fp32 (
    .clk_i(clk_i), .rst_ni(clock != 0), .valid_i(clock == 1), .ready_o(), .sum_i(sum_i), .nan_i(nan_i),
    .overflow_i(overflow_i), .valid_o(valid), .ready_i(1'b1), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );

  fp32_reference #(.Width(Width), .Ones(Ones), .SumExponent(SumExponent)) u_reference (
    .sum_i(sum_i), .result_o(expected), .fits_o(fits)
  );

  always_ff @(posedge clk_i) begin
    clock <= clock + 3'd1;
    if (clock == 1) begin
      expected_q <= expected;
      fits_q     <= fits;
      nan_q      <= nan_i;
      overflow_q <= overflow_i;
    end
  end

  always_comb begin
    if (clock == 3'(1 + Stages)) begin
      assert (valid && nan == nan_q && overflow == (overflow_q && !nan_q));
      assert (result == (nan_q || overflow_q ? 32'h7FC00000 : expected_q));
      assert (fits_q);
    end
  end

endmodule
