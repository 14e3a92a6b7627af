// From the blocks to the sum, if4_align and if4_accumulator within if4_mac, at Depth 0: the finished sum that the output
// stage sees is that of the beats, each the sum of its blocks shifted by their exponents. Its overflow flag is set if and
// only if one of the partial sums, in the order of the beats, does not fit the accumulator. The properties are in naive wide
// arithmetic; they are proven by induction over the clocks, unbounded.
//
// The blocks come from if4_block's ports, which are cut: they are free at any time, within the range that factor.sv
// proves, with a shift of at most 28, which scale.sv proves. `add` and `add_last` say when a beat is added and whether
// it is the last; that they are right is for handshake.sv to prove, whose tag goes the same way. The probes are listed
// in proofs.txt.
module accumulate #(
  parameter int Format   = 0,
  parameter int Lanes    = 16,
  parameter int Iterative   = 0,
  parameter int AccWidth = if4_pkg::acc_width(Format, Lanes),
  localparam int Blocks     = Lanes / 16,
  localparam int BlockWidth = if4_pkg::block_width(Format)
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic last_i,
  input logic ready_i,
  input logic [Lanes*formal_tables::width(Format)-1:0] a_codes_i,
  input logic [Lanes*formal_tables::width(Format)-1:0] w_codes_i,
  input logic [Lanes/2-1:0] a_scale_i,
  input logic [Lanes/2-1:0] w_scale_i,
  // Probes: no inputs, but what the unit has under these names.
  input logic [Blocks*BlockWidth-1:0] block,
  input logic [Blocks*5-1:0] shift,
  input logic beat_ready,
  input logic beat_valid,
  input logic add,
  input logic add_last,
  input logic add_valid,
  input logic [if4_pkg::beat_width(Format, Lanes)-1:0] addend,
  input logic first_q,             // pipelined only
  input logic done,                // ports of the output stage
  input logic [AccWidth-1:0] sum,
  input logic overflow
);

  localparam int Wide = 128;
  // 16 products of the largest elements, scale significands of 15.
  localparam int FloatMax = formal_tables::weight(Format, 1'b0) * formal_tables::largest(Format, 1'b0);
  localparam int IntMax   = formal_tables::weight(Format, 1'b1) * formal_tables::largest(Format, 1'b1);
  localparam logic signed [Wide-1:0] Largest  = FloatMax > IntMax ? FloatMax : IntMax;
  localparam logic signed [Wide-1:0] BlockMax = 16 * 225 * Largest * Largest;

  if4_mac #(.Format(Format), .Lanes(Lanes), .Iterative(Iterative), .AccWidth(AccWidth)) u_mac (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(), .last_i(last_i),
    .a_codes_i(a_codes_i), .a_scale_i(a_scale_i), .w_codes_i(w_codes_i), .w_scale_i(w_scale_i),
    .valid_o(), .ready_i(ready_i), .result_o(), .nan_o(), .overflow_o()
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  // The beat that is added.
  logic signed [Wide-1:0] beat_in, beat, beat_q;
  always_comb begin
    beat_in = '0;
    for (int b = 0; b < Blocks; b++) begin
      beat_in = beat_in + (Wide'($signed(block[b*BlockWidth +: BlockWidth])) << shift[b*5 +: 5]);
      assume (shift[b*5 +: 5] <= 28);
      assume (Wide'($signed(block[b*BlockWidth +: BlockWidth])) <= BlockMax);
      assume (Wide'($signed(block[b*BlockWidth +: BlockWidth])) >= -BlockMax);
    end
  end
  always_ff @(posedge clk_i) if (beat_ready && beat_valid) beat_q <= beat_in;
  assign beat = Blocks == 1 ? beat_in : beat_q;

  // The sum so far: as long as it fits, the true one.
  logic                       fresh_q;  // the next beat is the first
  logic signed [AccWidth-1:0] sum_q;
  logic                       left_q;   // a partial sum left the accumulator
  logic signed [Wide-1:0]     true_sum;
  logic                       fits;
  assign true_sum = (fresh_q ? Wide'(0) : Wide'(sum_q)) + beat;
  assign fits     = true_sum >= -(Wide'(1) << (AccWidth - 1)) && true_sum < (Wide'(1) << (AccWidth - 1));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) fresh_q <= 1'b1;
    else if (add) fresh_q <= add_last;
  end
  always_ff @(posedge clk_i) begin
    if (add) begin
      sum_q  <= AccWidth'(true_sum);
      left_q <= (left_q && !fresh_q) || !fits;
    end
  end

  always_comb begin
    if (rst_ni) begin
      if (done || !fresh_q) begin
        assert (sum == sum_q);
        assert (overflow == left_q);
      end
      // What carries the induction.
      if (done) assert (fresh_q);
      if (add_valid) assert (Wide'($signed(addend)) == beat);
      if (Iterative == 0) assert (first_q == fresh_q);
      else if (fresh_q && !done) assert (sum == 0 && !overflow);
    end
  end

endmodule
