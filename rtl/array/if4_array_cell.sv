// A cell of the array: one exact multiply-accumulate, the way of its operands to the next cells, and its place in the
// column of results.
//
// Operands enter from the left and from above, and leave to the right and below one edge later. if4_pkg::cell_edges
// edges after the one that takes them, the sum of a dot product that they end goes into the result register: at Depth 0
// three, or four with more than 16 lanes. All registers but those of the result move only at edges with advance_i;
// where edges are counted here, only those count.
//
// A result is a sum of AccWidth bits. At Depth 1 it is handed on as {carries, pieces}: the carries between the pieces that
// the accumulator adds in are not added yet (if4_array_settle).
//
// A result waits for release_i, which comes when the bottom cell of the column has its own; from then on held_o is
// high. Each edge with shift_i then moves it down one cell. If a cell has a result for its register while the one in
// there does not move, the array has to wait: waits_o says so, but for shift_i, which the array knows itself.
//
// Reset: asynchronous, active low. It drops the beats and the result.
/* verilator lint_off TIMESCALEMOD */ module if4_array_cell #(
  parameter int Format   = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes    = 16,                  // elements of either operand a beat: 16, 32 or 64
  parameter int AccWidth = if4_pkg::acc_width(Format, Lanes),  // bits of the accumulator, if4_pkg::beat_width to 120
  parameter int Depth    = 0,  // 0 the small cell; 1 the fast one, with more stages
  localparam int SumWidth = if4_pkg::cell_sum_width(AccWidth, Depth)
) (
  input  logic                                            clk_i,
  input  logic                                            rst_ni,      // asynchronous, active low
  input  logic                                            advance_i,   // operands, pipeline and accumulator move
  output logic                                            waits_o,     // advance_i must be low, or shift_i high
  output logic                                            capture_o,   // the result register loads if advance_i is high

  input  logic                                            valid_i,     // there is a beat, from the left as a_i is
  input  logic                                            last_i,      // it ends its dot product
  input  logic [Lanes/16*if4_pkg::edge_width(Format)-1:0] a_i,         // activations, as if4_array_edge gives them
  input  logic [Lanes/16*if4_pkg::edge_width(Format)-1:0] w_i,         // weights, likewise, from above
  output logic                                            valid_o,     // valid_i, last_i and a_i for the right
  output logic                                            last_o,
  output logic [Lanes/16*if4_pkg::edge_width(Format)-1:0] a_o,
  output logic [Lanes/16*if4_pkg::edge_width(Format)-1:0] w_o,         // w_i for below

  input  logic                                            release_i,   // the results captured in this column may move
  input  logic                                            shift_i,     // the results of this column move down one cell
  input  logic                                            held_i,      // the cell above holds a released result
  input  logic [SumWidth-1:0]                             sum_i,       // and this is it, with its flags
  input  logic                                            nan_i,
  input  logic                                            overflow_i,
  output logic                                            held_o,      // this cell holds a released result, for below
  output logic [SumWidth-1:0]                             sum_o,       // in units of 2^sum_exponent / r^2 (if4_pkg.sv)
  output logic                                            nan_o,       // a scale was NaN
  output logic                                            overflow_o   // a partial sum left the accumulator
);

  localparam int Blocks        = Lanes / if4_pkg::BlockSize;
  localparam int SigWidth      = if4_pkg::sig_width(Format);
  localparam int ElementWidth  = if4_pkg::element_width(Format);
  localparam int ElementsWidth = if4_pkg::BlockSize * ElementWidth;
  localparam int EdgeWidth     = if4_pkg::edge_width(Format);
  localparam int BlockWidth    = if4_pkg::block_width(Format);
  localparam int BeatWidth     = if4_pkg::beat_width(Format, Lanes);
  localparam int ScaleSig      = if4_pkg::ScaleSigWidth;
  localparam int ScaleExp      = if4_pkg::ScaleExpWidth;
  localparam int ShiftWidth    = if4_pkg::ScaleShiftWidth;

  if (Format < 0 || Format >= if4_pkg::Formats) begin : gen_guard_format
    initial $fatal(1, "if4_array_cell: Format is none of if4_pkg's");
  end
  if (Lanes != 16 && Lanes != 32 && Lanes != 64) begin : gen_guard_lanes
    initial $fatal(1, "if4_array_cell: Lanes is not 16, 32 or 64");
  end
  if (Depth != 0 && Depth != 1) begin : gen_guard_depth
    initial $fatal(1, "if4_array_cell: Depth is not 0 or 1");
  end
  if (AccWidth < BeatWidth || AccWidth > if4_pkg::AccWidthMax) begin : gen_guard_width
    initial $fatal(1, "if4_array_cell: AccWidth cannot hold one beat, or is above 120");
  end

  // Operands ----------------------------------------------------------------------------------------------------------
  logic                        valid_q, last_q;
  logic [Blocks*EdgeWidth-1:0] a_q, w_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
    end else if (advance_i) begin
      valid_q <= valid_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      last_q <= last_i;
      a_q    <= a_i;
      w_q    <= w_i;
    end
  end

  assign valid_o = valid_q;
  assign last_o  = last_q;
  assign a_o     = a_q;
  assign w_o     = w_q;

  // Every block by itself, as in if4_block ----------------------------------------------------------------------------
  localparam int Stages = if4_pkg::block_stages(Format, Depth);
  logic [Stages:0]              valid, last;  // of stage s - 1; index 0: of the operands
  logic [Blocks*BlockWidth-1:0] block;        // D * m_a * m_w * k of each block
  logic [Blocks*ShiftWidth-1:0] shift;        // its x_a + x_w - 2
  logic [Blocks-1:0]            nan;

  assign valid[0] = valid_q;
  assign last[0]  = last_q;

  for (genvar s = 0; s < Stages; s++) begin : gen_stage
    logic stage_valid_q, stage_last_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        stage_valid_q <= 1'b0;
      end else if (advance_i) begin
        stage_valid_q <= valid[s];
      end
    end
    always_ff @(posedge clk_i) begin
      if (advance_i) stage_last_q <= last[s];
    end
    assign valid[s+1] = stage_valid_q;
    assign last[s+1]  = stage_last_q;
  end

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    logic [EdgeWidth-1:0] a, w;
    logic                 a_int, w_int, a_nan, w_nan;
    logic [ScaleSig-1:0]  a_m, w_m;
    logic [ScaleExp-1:0]  a_x, w_x;
    logic [4*if4_pkg::quarter_width(Format)-1:0] quarters;
    logic [2:0]                                  carries;

    assign a = a_q[b*EdgeWidth +: EdgeWidth];
    assign w = w_q[b*EdgeWidth +: EdgeWidth];
    assign {a_nan, a_x, a_m} = a[ElementsWidth +: 1+ScaleExp+ScaleSig];
    assign {w_nan, w_x, w_m} = w[ElementsWidth +: 1+ScaleExp+ScaleSig];
    assign a_int = if4_pkg::has_both(Format) ? a[EdgeWidth-1] : 1'b0;
    assign w_int = if4_pkg::has_both(Format) ? w[EdgeWidth-1] : 1'b0;

    if (if4_pkg::decoded(Format)) begin : gen_quarters
      logic [15:0]                                a_neg, w_neg;
      logic [16*SigWidth-1:0]                     a_sig, w_sig;
      logic [16*if4_pkg::shift_width(Format)-1:0] none;
      assign none = '0;
      for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
        assign {a_sig[i*SigWidth +: SigWidth], a_neg[i]} = a[i*ElementWidth +: ElementWidth];
        assign {w_sig[i*SigWidth +: SigWidth], w_neg[i]} = w[i*ElementWidth +: ElementWidth];
      end
      if4_quarters #(.Format(Format), .Depth(Depth)) u_quarters (
        .a_neg_i(a_neg), .a_sig_i(a_sig), .a_shift_i(none),
        .w_neg_i(w_neg), .w_sig_i(w_sig), .w_shift_i(none), .quarters_o(quarters), .carries_o(carries)
      );
    end else begin : gen_dot
      if4_dot #(.Format(Format), .Depth(Depth)) u_dot (
        .a_int_i(a_int), .w_int_i(w_int),
        .a_codes_i(a[0 +: ElementsWidth]), .w_codes_i(w[0 +: ElementsWidth]), .quarters_o(quarters), .carries_o(carries)
      );
    end

    if4_scaled #(.Format(Format), .Depth(Depth)) u_scaled (
      .clk_i(clk_i), .load_i({Stages{advance_i}}), .quarters_i(quarters), .carries_i(carries),
      .a_int_i(a_int), .a_nan_i(a_nan), .a_sig_i(a_m), .a_exp_i(a_x),
      .w_int_i(w_int), .w_nan_i(w_nan), .w_sig_i(w_m), .w_exp_i(w_x),
      .block_o(block[b*BlockWidth +: BlockWidth]), .shift_o(shift[b*ShiftWidth +: ShiftWidth]), .nan_o(nan[b])
    );
  end

  // Align -------------------------------------------------------------------------------------------------------------
  logic signed [BeatWidth-1:0] beat;    // of the last stage
  logic signed [BeatWidth-1:0] addend;  // of the beat that is added, as what follows
  logic add_valid, add_last, add_nan;

  if4_align #(.Format(Format), .Lanes(Lanes)) u_align (.block_i(block), .shift_i(shift), .beat_o(beat));

  if (Blocks == 1) begin : gen_one_block
    assign addend    = beat;
    assign add_valid = valid[Stages];
    assign add_last  = last[Stages];
    assign add_nan   = nan;
  end else begin : gen_blocks
    // The sum of the blocks has a register of its own, as in if4_mac.
    logic signed [BeatWidth-1:0] beat_q;
    logic beat_valid_q, beat_last_q, beat_nan_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        beat_valid_q <= 1'b0;
      end else if (advance_i) begin
        beat_valid_q <= valid[Stages];
      end
    end
    always_ff @(posedge clk_i) begin
      if (advance_i) begin
        beat_q      <= beat;
        beat_last_q <= last[Stages];
        beat_nan_q  <= |nan;
      end
    end
    assign addend    = beat_q;
    assign add_valid = beat_valid_q;
    assign add_last  = beat_last_q;
    assign add_nan   = beat_nan_q;
  end

  // Accumulate --------------------------------------------------------------------------------------------------------
  logic                       capture;        // there is a finished sum
  logic [SumWidth-1:0]        sum;
  logic                       sum_nan, sum_overflow;

  if (Depth == 0) begin : gen_whole
    logic signed [AccWidth-1:0] wide, acc_q;
    logic                       nan_q, overflow_q;  // of the dot product before the beat

    assign wide = AccWidth'(addend);

    if4_adder #(.Width(AccWidth)) u_adder (.a_i(acc_q), .b_i(wide), .sum_o(sum));

    assign capture      = add_valid & add_last;
    assign sum_nan      = nan_q | add_nan;
    assign sum_overflow = overflow_q |
                          ((acc_q[AccWidth-1] == wide[AccWidth-1]) & (acc_q[AccWidth-1] != sum[AccWidth-1]));

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        acc_q      <= '0;
        nan_q      <= 1'b0;
        overflow_q <= 1'b0;
      end else if (advance_i & add_valid) begin
        acc_q      <= sum & {AccWidth{~add_last}};
        nan_q      <= sum_nan & ~add_last;
        overflow_q <= sum_overflow & ~add_last;
      end
    end
  end else begin : gen_pieces
    logic [AccWidth-1:0]          pieces;
    logic [SumWidth-AccWidth-1:0] carries;
    if4_array_accumulator #(.Width(AccWidth), .BeatWidth(BeatWidth)) u_acc (
      .clk_i(clk_i), .rst_ni(rst_ni), .advance_i(advance_i),
      .valid_i(add_valid), .last_i(add_last), .nan_i(add_nan), .beat_i(addend),
      .valid_o(capture), .pieces_o(pieces), .carries_o(carries), .nan_o(sum_nan), .overflow_o(sum_overflow)
    );
    assign sum = {carries, pieces};
  end

  // Result ------------------------------------------------------------------------------------------------------------
  logic                       held_q;
  logic [SumWidth-1:0]        result_q;
  logic                       result_nan_q, result_overflow_q;

  assign capture_o = capture;
  assign waits_o   = capture & held_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q <= 1'b0;
    end else if (release_i) begin
      held_q <= 1'b1;
    end else if (shift_i) begin
      held_q <= held_i;
    end
  end

  // A cell never has to capture a result and take one from above at the same edge: the cell above captures before this
  // one does, so what it holds then is of the same tile and not released.
  always_ff @(posedge clk_i) begin
    if (advance_i & capture) begin
      result_q          <= sum;
      result_nan_q      <= sum_nan;
      result_overflow_q <= sum_overflow;
    end else if (shift_i & held_i) begin
      result_q          <= sum_i;
      result_nan_q      <= nan_i;
      result_overflow_q <= overflow_i;
    end
  end

  assign held_o     = held_q;
  assign sum_o      = result_q;
  assign nan_o      = result_nan_q;
  assign overflow_o = result_overflow_q;

endmodule
