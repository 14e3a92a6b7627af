// The MAC unit: exact dot products of block-scaled operands, each rounded once to FP32.
//
// A beat is Lanes elements of activations and as many of weights, in blocks of 16 with a scale byte each. A dot product
// is the beats up to and including one with last_i; the next beat starts another.
//
// Handshake. A beat is taken at a clock edge with valid_i & ready_o, a result at one with valid_o & ready_i. valid_o,
// once high, stays high with a stable result until that is taken. ready_o does not depend on valid_i. It depends
// combinationally on ready_i, since a full pipeline moves on when its result is taken; with Iterative = 1 it does not.
// Results come in order, one for each beat with last_i; none is ever dropped.
//
// Throughput: one beat a clock, for dot products of any length, as long as results are taken. With Iterative = 1 a dot
// product waits until the output stage has done with the one before it: one result
// in IterativeLatency + 1 clocks at worst.
//
// Latency, without stalls, in clocks from the edge that takes the last beat to the first edge at which the result can
// be taken; with more than 16 lanes one more:
//   Iterative = 0   6
//   Iterative = 1   30 to 3 + IterativeLatency, the larger the sum the sooner, with IterativeLatency =
//                   AccWidth + 2 * Ones + 25 (if4_fp32_iterative.sv), where Ones is 1 with Scaled = 1 and
//                   if4_pkg::divisor_ones(Format) otherwise
//
// Reset: asynchronous, active low. It drops all beats and results in flight; the next beat starts a dot product.
//
// Result. With A the exact sum in its unit (if4_pkg.sv; README.md in this folder), result_o is A * unit rounded to
// nearest even: +0 or a normal number. It is the quiet NaN 0x7FC00000 if one of the flags is set. The unit is
// 2^if4_pkg::sum_exponent(Format) / r^2 with Scaled = 0. With Scaled = 1 it has no factor 1 / r^2, so that a result is
// r^2 times as large, and the constant that it is multiplied by afterwards has that factor. Where r is 1 nothing changes.
/* verilator lint_off TIMESCALEMOD */ module if4_mac #(
  parameter int Format    = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes     = 16,                  // elements of either operand a beat: 16, 32 or 64
  parameter int AccWidth  = if4_pkg::acc_width(Format, Lanes),  // bits of the accumulator: if4_pkg::beat_width to
                                                 // 120; the default holds 1,024 beats of any operands
  parameter int Iterative = 0,                   // output stage: 0 pipelined, a result a clock; 1 iterative, small
  parameter int Scaled    = 0                    // 0: results are values; 1: r^2 times as large, without a division
) (
  input  logic                                        clk_i,
  input  logic                                        rst_ni,     // asynchronous, active low

  input  logic                                        valid_i,    // a beat is offered
  output logic                                        ready_o,    // it is taken at this edge if it is offered
  input  logic                                        last_i,     // it ends its dot product
  input  logic [Lanes*if4_pkg::code_bits(Format)-1:0] a_codes_i,  // activations, element i in slice i
  input  logic [Lanes/2-1:0]                          a_scale_i,  // block i in byte i; bit 7: 1 int, 0 float; 6:0: E4M3
  input  logic [Lanes*if4_pkg::code_bits(Format)-1:0] w_codes_i,  // weights, likewise
  input  logic [Lanes/2-1:0]                          w_scale_i,

  output logic                                        valid_o,    // a result is there
  input  logic                                        ready_i,    // it is taken at this edge
  output logic [31:0]                                 result_o,   // FP32
  output logic                                        nan_o,      // a scale of one of its beats was NaN (E4M3 0x7F)
  output logic                                        overflow_o  // a partial sum, in the order of the beats, left the
                                                                  // accumulator; never together with nan_o
);

  localparam int Blocks     = Lanes / if4_pkg::BlockSize;
  localparam int CodesWidth = if4_pkg::BlockSize * if4_pkg::code_bits(Format);
  localparam int BlockWidth = if4_pkg::block_width(Format);
  localparam int ShiftWidth = if4_pkg::ScaleShiftWidth;
  localparam int BeatWidth  = if4_pkg::beat_width(Format, Lanes);
  localparam int Ones       = Scaled != 0 ? 1 : if4_pkg::divisor_ones(Format);  // 1: the output stage does not divide
  localparam int BeatsHeld  = if4_pkg::acc_beats(Format, Lanes, AccWidth);  // that never overflow

  if (Format < 0 || Format >= if4_pkg::Formats) begin : gen_guard_format
    initial $fatal(1, "if4_mac: Format is none of if4_pkg's");
  end
  if (Lanes != 16 && Lanes != 32 && Lanes != 64) begin : gen_guard_lanes
    initial $fatal(1, "if4_mac: Lanes is not 16, 32 or 64");
  end
  if (AccWidth < BeatWidth || BeatsHeld < 1 || AccWidth > if4_pkg::AccWidthMax) begin : gen_guard_width
    initial $fatal(1, "if4_mac: AccWidth cannot hold one beat, or is above 120");
  end
  if (Scaled != 0 && Scaled != 1) begin : gen_guard_scaled
    initial $fatal(1, "if4_mac: Scaled is not 0 or 1");
  end

  // Stages 1 and 2: every block by itself -----------------------------------------------------------------------------
  logic valid1, valid2;  // stages 1 and 2 hold a beat
  logic ready2, ready3;  // stages 2 and 3 can take one
  logic load1, load2;    // stages 1 and 2 take one at this edge
  logic last1_q, last2_q;
  logic [Blocks*BlockWidth-1:0] block;  // D * m_a * m_w * k of each block in stage 2
  logic [Blocks*ShiftWidth-1:0] shift;  // its x_a + x_w - 2
  logic [Blocks-1:0]            nan2;   // it has a scale that is NaN

  if4_stage u_stage1 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready_o), .valid_o(valid1), .ready_i(ready2)
  );
  if4_stage u_stage2 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid1), .ready_o(ready2), .valid_o(valid2), .ready_i(ready3)
  );

  assign load1 = valid_i & ready_o;
  assign load2 = valid1 & ready2;

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    if4_block #(.Format(Format)) u_block (
      .clk_i(clk_i), .load1_i(load1), .load2_i(load2),
      .a_codes_i(a_codes_i[b*CodesWidth +: CodesWidth]), .a_scale_i(a_scale_i[b*8 +: 8]),
      .w_codes_i(w_codes_i[b*CodesWidth +: CodesWidth]), .w_scale_i(w_scale_i[b*8 +: 8]),
      .block_o(block[b*BlockWidth +: BlockWidth]), .shift_o(shift[b*ShiftWidth +: ShiftWidth]), .nan_o(nan2[b])
    );
  end

  always_ff @(posedge clk_i) begin
    if (load1) last1_q <= last_i;
    if (load2) last2_q <= last1_q;
  end

  // Stage 3: align ----------------------------------------------------------------------------------------------------
  logic signed [BeatWidth-1:0] beat;         // of stage 2
  logic signed [BeatWidth-1:0] addend;       // of the beat that the accumulator is offered, as what follows
  logic add_valid, add_last, add_nan;
  logic add_ready;                           // the accumulator can take it

  if4_align #(.Format(Format), .Lanes(Lanes)) u_align (.block_i(block), .shift_i(shift), .beat_o(beat));

  if (Blocks == 1) begin : gen_one_block
    assign ready3    = add_ready;
    assign addend    = beat;
    assign add_valid = valid2;
    assign add_last  = last2_q;
    assign add_nan   = nan2;
  end else begin : gen_blocks
    // The sum of the blocks has a register of its own, as it is too slow for one clock with the accumulator's adder.
    logic signed [BeatWidth-1:0] beat_q;
    logic last_q, nan_q;
    if4_stage u_stage3 (
      .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid2), .ready_o(ready3), .valid_o(add_valid), .ready_i(add_ready)
    );
    always_ff @(posedge clk_i) begin
      if (valid2 & ready3) begin
        beat_q <= beat;
        last_q <= last2_q;
        nan_q  <= |nan2;
      end
    end
    assign addend    = beat_q;
    assign add_last  = last_q;
    assign add_nan   = nan_q;
  end

  // Accumulate --------------------------------------------------------------------------------------------------------
  // The accumulator is also the register that the output stage reads: a finished sum stays in it until it is taken.
  logic signed [AccWidth-1:0] wide, base, sum, acc_q;  // the beat; sum before it; sum with it; the accumulator
  logic base_nan, base_overflow;  // flags of the dot product before the beat
  logic nan_q, overflow_q;        // flags of the accumulator; overflow_q without the last addition
  logic overflow;                 // with it
  logic done, out_ready;          // acc_q is a finished sum; the output stage can take it
  logic add;                      // the beat is added at this edge

  assign wide = AccWidth'(addend);
  assign add  = add_ready & add_valid;

  if4_adder #(.Width(AccWidth)) u_adder (.a_i(base), .b_i(wide), .sum_o(sum));

  // Whether an addition left the accumulator is found a clock later, off the longest path: if it did, its operands had
  // the same sign and the sum has the other.
  logic alike_q, sign_q;  // the operands of the last addition had the same sign; the sign of the beat
  always_ff @(posedge clk_i) begin
    if (add) sign_q <= wide[AccWidth-1];
  end
  assign overflow = overflow_q | (alike_q & (acc_q[AccWidth-1] != sign_q));

  if (Iterative != 0) begin : gen_clear
    // The accumulator is cleared between two dot products, in a clock of its own. That is smaller than a gate before
    // the adder, and costs no time, as the next dot product waits for the output stage anyhow.
    assign base          = acc_q;
    assign base_nan      = nan_q;
    assign base_overflow = overflow;
    logic done_q;
    assign done          = done_q;
    assign add_ready     = ~done_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        done_q     <= 1'b0;
        acc_q      <= '0;
        nan_q      <= 1'b0;
        overflow_q <= 1'b0;
        alike_q    <= 1'b0;
      end else if (add) begin
        done_q     <= add_last;
        acc_q      <= sum;
        nan_q      <= base_nan | add_nan;
        overflow_q <= base_overflow;
        alike_q    <= base[AccWidth-1] == wide[AccWidth-1];
      end else if (done_q & out_ready) begin
        done_q     <= 1'b0;
        acc_q      <= '0;
        nan_q      <= 1'b0;
        overflow_q <= 1'b0;
        alike_q    <= 1'b0;
      end
    end
  end else begin : gen_gate
    logic first_q;  // the next beat starts a dot product, and adds to 0
    assign base          = first_q ? '0 : acc_q;
    assign base_nan      = nan_q & ~first_q;
    assign base_overflow = overflow & ~first_q;
    if4_stage u_done (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(add_valid & add_last), .ready_o(add_ready), .valid_o(done), .ready_i(out_ready)
    );
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        first_q <= 1'b1;
      end else if (add) begin
        first_q <= add_last;
      end
    end
    always_ff @(posedge clk_i) begin
      if (add) begin
        acc_q      <= sum;
        nan_q      <= base_nan | add_nan;
        overflow_q <= base_overflow;
        alike_q    <= base[AccWidth-1] == wide[AccWidth-1];
      end
    end
  end

  // Round -------------------------------------------------------------------------------------------------------------
  if (Iterative != 0) begin : gen_iterative
    if4_fp32_iterative #(
      .Width(AccWidth), .Ones(Ones), .SumExponent(if4_pkg::sum_exponent(Format))
    ) u_fp32 (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(done), .ready_o(out_ready), .sum_i(acc_q), .nan_i(nan_q), .overflow_i(overflow),
      .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
    );
  end else begin : gen_pipelined
    if4_fp32 #(
      .Width(AccWidth), .Ones(Ones), .SumExponent(if4_pkg::sum_exponent(Format))
    ) u_fp32 (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(done), .ready_o(out_ready), .sum_i(acc_q), .nan_i(nan_q), .overflow_i(overflow),
      .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
    );
  end

endmodule
