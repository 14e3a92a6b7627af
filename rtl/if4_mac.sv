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
// product waits until the output stage has done with the one before it: one result in IterativeLatency + 1 clocks at
// worst. From its last beat to the first one of the next product then pass at least one clock without a beat, or
// acc_pieces of them with Depth = 1.
//
// Latency, without stalls, in clocks from the edge that takes the last beat to the first edge at which the result can
// be taken, with S = 3 up to the sum, or 4 with more than 16 lanes; Depth = 1: S = block_stages + acc_pieces of
// if4_pkg, and one more with more than 16 lanes (FAST.md):
//   Iterative = 0   S + if4_pkg::fp32_stages: 6 at Depth 0 with 16 lanes
//   Iterative = 1   S + 27 to S + IterativeLatency, the larger the sum the sooner, with IterativeLatency =
//                   AccWidth + 2 * Ones + 25 (if4_fp32_iterative.sv), where Ones is 1 with Scaled = 1 and
//                   if4_pkg::divisor_ones(Format) otherwise
//
// Reset: asynchronous, active low. It drops all beats and results in flight; the next beat starts a dot product.
//
// Result. With A the exact sum in its unit (if4_pkg.sv; README.md in this folder), result_o is A * unit rounded to
// nearest even: +0 or a normal number. It is the quiet NaN 0x7FC00000 if one of the flags is set. The unit is
// 2^if4_pkg::sum_exponent(Format) / r^2 with Scaled = 0. With Scaled = 1 it has no factor 1 / r^2, so that a result is
// r^2 times as large, and the constant that it is multiplied by afterwards has that factor. Where r is 1 nothing
// changes.
/* verilator lint_off TIMESCALEMOD */ module if4_mac #(
  parameter int Format    = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes     = 16,                  // elements of either operand a beat: 16, 32 or 64
  parameter int AccWidth  = if4_pkg::acc_width(Format, Lanes),  // bits of the accumulator: if4_pkg::beat_width to
                                                 // 120; the default holds 1,024 beats of any operands
  parameter int Iterative = 0,                   // output stage: 0 pipelined, a result a clock; 1 iterative, small
  parameter int Depth     = 0,                   // 0 the small unit; 1 the fast one, with more stages
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

  logic beat_ready;           // what follows the blocks takes a beat
  logic done, out_ready;      // there is a finished sum; the output stage can take it
  logic add_ready;            // the accumulator can take a beat

  if (Depth != 0 && Depth != 1) begin : gen_guard_depth
    initial $fatal(1, "if4_mac: Depth is not 0 or 1");
  end

  // Every block by itself ---------------------------------------------------------------------------------------------
  localparam int Stages = if4_pkg::block_stages(Format, Depth);
  localparam int Pieces = if4_pkg::acc_pieces(Lanes, AccWidth, Iterative);  // of the accumulator at Depth 1
  localparam bit Rigid  = Depth != 0 && Iterative != 0;
  logic [Stages:0]   valid;  // valid[s]: a beat is offered to stage s; the last bit: to the sum of the blocks
  logic [Stages:0]   ready;  // ready[s]: it is taken
  logic [Stages-1:0] load;   // stage s takes a beat at this edge
  logic [Stages:0]   last;   // of the beat that is offered to stage s: it ends its dot product
  logic [Blocks*BlockWidth-1:0] block;  // D * m_a * m_w * k of each block in the last stage
  logic [Blocks*ShiftWidth-1:0] shift;  // its x_a + x_w - 2
  logic [Blocks-1:0]            nan;    // it has a scale that is NaN

  assign valid[0] = Rigid ? valid_i & ready_o : valid_i;
  assign last[0]  = last_i;

  if (Rigid) begin : gen_rigid
    // No stage waits, so none has to hold what it has, which makes the unit a twentieth smaller. What would have to
    // wait is not let in: after the last beat of a dot product, until its sum is certain to have left the accumulator
    // before the next beat gets there. That is when the output stage is idle, and at the earliest Pieces clocks later.
    // But it is not to look idle because the sum before is still on its way there, which takes Stages and Pieces
    // clocks, and one for the sum of the blocks: a dot product of one beat is over when it begins, so twice Closed
    // clocks have to be as many.
    localparam int Way    = Stages + (Blocks > 1 ? 1 : 0) + Pieces;
    localparam int Closed = 2 * Pieces < Way ? (Way + 1) / 2 : Pieces;
    logic [Closed-1:0] closed_q;  // a last beat was taken; a clock before; and so on
    assign ready_o = ~closed_q[0];
    assign ready   = '1;
    assign load    = '1;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) closed_q <= '0;
      else if (closed_q[Closed-1] & out_ready) closed_q <= '0;
      else closed_q <= {closed_q[Closed-2:0], closed_q[0] | (valid[0] & last_i)};
    end
    logic unused;
    assign unused = (^ready) ^ beat_ready;
  end else begin : gen_elastic
    assign ready_o       = ready[0];
    assign load          = valid[Stages-1:0] & ready[Stages-1:0];
    assign ready[Stages] = beat_ready;
  end

  for (genvar s = 0; s < Stages; s++) begin : gen_stage
    logic last_q;
    if (Rigid) begin : gen_valid
      logic valid_q;
      assign valid[s+1] = valid_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) valid_q <= 1'b0;
        else valid_q <= valid[s];
      end
    end else begin : gen_handshake
      if4_stage u_stage (
        .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid[s]), .ready_o(ready[s]),
        .valid_o(valid[s+1]), .ready_i(ready[s+1])
      );
    end
    always_ff @(posedge clk_i) begin
      if (load[s]) last_q <= last[s];
    end
    assign last[s+1] = last_q;
  end

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    if4_block #(.Format(Format), .Depth(Depth)) u_block (
      .clk_i(clk_i), .load_i(load),
      .a_codes_i(a_codes_i[b*CodesWidth +: CodesWidth]), .a_scale_i(a_scale_i[b*8 +: 8]),
      .w_codes_i(w_codes_i[b*CodesWidth +: CodesWidth]), .w_scale_i(w_scale_i[b*8 +: 8]),
      .block_o(block[b*BlockWidth +: BlockWidth]), .shift_o(shift[b*ShiftWidth +: ShiftWidth]), .nan_o(nan[b])
    );
  end

  // Align -------------------------------------------------------------------------------------------------------------
  logic signed [BeatWidth-1:0] beat;         // of the blocks' last stage
  logic signed [BeatWidth-1:0] addend;       // of the beat that the accumulator is offered, as what follows
  logic add_valid, add_last, add_nan;

  if4_align #(.Format(Format), .Lanes(Lanes)) u_align (.block_i(block), .shift_i(shift), .beat_o(beat));

  if (Blocks == 1) begin : gen_one_block
    assign beat_ready = add_ready;
    assign addend    = beat;
    assign add_valid = valid[Stages];
    assign add_last  = last[Stages];
    assign add_nan   = nan;
  end else begin : gen_blocks
    // The sum of the blocks has a register of its own, as it is too slow for one clock with the accumulator's adder.
    logic signed [BeatWidth-1:0] beat_q;
    logic beat_last_q, beat_nan_q;
    if4_stage u_beat (
      .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid[Stages]), .ready_o(beat_ready),
      .valid_o(add_valid), .ready_i(add_ready)
    );
    always_ff @(posedge clk_i) begin
      if (valid[Stages] & beat_ready) begin
        beat_q      <= beat;
        beat_last_q <= last[Stages];
        beat_nan_q  <= |nan;
      end
    end
    assign addend    = beat_q;
    assign add_last  = beat_last_q;
    assign add_nan   = beat_nan_q;
  end

  // Accumulate --------------------------------------------------------------------------------------------------------
  logic signed [AccWidth-1:0] sum;            // the finished one, or one that is being made
  logic sum_nan, sum_overflow;

  if (Depth == 0) begin : gen_whole
    if4_accumulator #(.Width(AccWidth), .BeatWidth(BeatWidth), .Iterative(Iterative)) u_acc (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(add_valid), .ready_o(add_ready), .last_i(add_last), .nan_i(add_nan), .beat_i(addend),
      .valid_o(done), .ready_i(out_ready), .sum_o(sum), .nan_o(sum_nan), .overflow_o(sum_overflow)
    );
  end else begin : gen_skewed
    if4_accumulator_skewed #(
      .Width(AccWidth), .BeatWidth(BeatWidth), .Lowest(if4_pkg::acc_lowest(Lanes)),
      .Most(if4_pkg::acc_piece(Iterative)), .Iterative(Iterative)
    ) u_acc (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(add_valid), .ready_o(add_ready), .last_i(add_last), .nan_i(add_nan), .beat_i(addend),
      .valid_o(done), .ready_i(out_ready), .sum_o(sum), .nan_o(sum_nan), .overflow_o(sum_overflow)
    );
  end

  // Round -------------------------------------------------------------------------------------------------------------
  if (Iterative != 0) begin : gen_iterative
    if4_fp32_iterative #(
      .Width(AccWidth), .Ones(Ones), .SumExponent(if4_pkg::sum_exponent(Format)),
      .Depth(Depth)
    ) u_fp32 (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(done), .ready_o(out_ready), .sum_i(sum), .nan_i(sum_nan), .overflow_i(sum_overflow),
      .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
    );
  end else begin : gen_pipelined
    if4_fp32 #(
      .Width(AccWidth), .Ones(Ones), .SumExponent(if4_pkg::sum_exponent(Format)),
      .Depth(Depth)
    ) u_fp32 (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(done), .ready_o(out_ready), .sum_i(sum), .nan_i(sum_nan), .overflow_i(sum_overflow),
      .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
    );
  end

endmodule
