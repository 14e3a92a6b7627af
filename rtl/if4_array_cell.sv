// A cell of the array: one exact multiply-accumulate, the way of its operands to the next cells, and its place in the
// column of results.
//
// Operands enter from the left and from above, and leave to the right and below one edge later. Three edges after the
// one that takes them, or four with more than 16 lanes, their products are added. At the edge that adds the last beat
// of a dot product the sum goes into the result register, and the accumulator becomes 0. All registers but those of the
// result move only at edges with advance_i; where edges are counted here, only those count.
//
// A result waits for release_i, which comes when the bottom cell of the column has its own; from then on held_o is
// high. Each edge with shift_i then moves it down one cell. If a cell has a result for its register while the one in
// there does not move, it asks the array to wait: stall_o.
//
// Reset: asynchronous, active low. It drops the beats and the result.
/* verilator lint_off TIMESCALEMOD */ module if4_array_cell #(
  parameter int Format   = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes    = 16,                  // elements of either operand a beat: 16, 32 or 64
  parameter int AccWidth = if4_pkg::acc_width(Format, Lanes)  // bits of the accumulator, if4_pkg::beat_width to 120
) (
  input  logic                                            clk_i,
  input  logic                                            rst_ni,      // asynchronous, active low
  input  logic                                            advance_i,   // operands, pipeline and accumulator move
  output logic                                            stall_o,     // advance_i must be low; depends on shift_i
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
  input  logic signed [AccWidth-1:0]                      sum_i,       // and this is it, with its flags
  input  logic                                            nan_i,
  input  logic                                            overflow_i,
  output logic                                            held_o,      // this cell holds a released result, for below
  output logic signed [AccWidth-1:0]                      sum_o,       // in units of 2^sum_exponent / r^2 (if4_pkg.sv)
  output logic                                            nan_o,       // a scale was NaN
  output logic                                            overflow_o   // a partial sum left the accumulator
);

  localparam int Blocks        = Lanes / if4_pkg::BlockSize;
  localparam int SigWidth      = if4_pkg::sig_width(Format);
  localparam int ElementWidth  = if4_pkg::element_width(Format);
  localparam int ElementsWidth = if4_pkg::BlockSize * ElementWidth;
  localparam int EdgeWidth     = if4_pkg::edge_width(Format);
  localparam int DotWidth      = if4_pkg::dot_width(Format);
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

  // Stages 1 and 2: every block by itself, as in if4_block ------------------------------------------------------------
  logic                                valid1_q, last1_q, valid2_q, last2_q;
  logic [Blocks*BlockWidth-1:0]        block_q;  // D * m_a * m_w * k of each block
  logic [Blocks*ShiftWidth-1:0]        shift2_q;  // its x_a + x_w - 2
  logic [Blocks-1:0]                   nan1_q, nan2_q;

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    logic [EdgeWidth-1:0]                  a, w;
    logic                                  a_int, w_int, a_int_q, w_int_q;
    logic                                  a_nan, w_nan;
    logic [ScaleSig-1:0]                   a_m, w_m;
    logic [ScaleExp-1:0]                   a_x, w_x;
    logic signed [DotWidth-1:0]            dot, dot_q;  // D
    logic [if4_pkg::BoothDigits-1:0]       one, two, neg, one_q, two_q, neg_q;  // of m_a * m_w
    logic [ShiftWidth-1:0]                 shift1_q;    // x_a + x_w - 2
    logic signed [BlockWidth-1:0]          block;

    assign a = a_q[b*EdgeWidth +: EdgeWidth];
    assign w = w_q[b*EdgeWidth +: EdgeWidth];
    assign {a_nan, a_x, a_m} = a[ElementsWidth +: 1+ScaleExp+ScaleSig];
    assign {w_nan, w_x, w_m} = w[ElementsWidth +: 1+ScaleExp+ScaleSig];
    assign a_int = if4_pkg::has_both(Format) ? a[EdgeWidth-1] : 1'b0;
    assign w_int = if4_pkg::has_both(Format) ? w[EdgeWidth-1] : 1'b0;

    if (if4_pkg::decoded(Format)) begin : gen_sum
      logic [15:0]                                a_neg, w_neg;
      logic [16*SigWidth-1:0]                     a_sig, w_sig;
      logic [16*if4_pkg::shift_width(Format)-1:0] none;
      assign none = '0;
      for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_lane
        assign {a_sig[i*SigWidth +: SigWidth], a_neg[i]} = a[i*ElementWidth +: ElementWidth];
        assign {w_sig[i*SigWidth +: SigWidth], w_neg[i]} = w[i*ElementWidth +: ElementWidth];
      end
      if4_sum #(.Format(Format)) u_sum (
        .a_neg_i(a_neg), .a_sig_i(a_sig), .a_shift_i(none),
        .w_neg_i(w_neg), .w_sig_i(w_sig), .w_shift_i(none), .dot_o(dot)
      );
    end else begin : gen_dot
      if4_dot #(.Format(Format)) u_dot (
        .a_int_i(a_int), .w_int_i(w_int),
        .a_codes_i(a[0 +: ElementsWidth]), .w_codes_i(w[0 +: ElementsWidth]), .dot_o(dot)
      );
    end

    if4_booth u_booth (.scale_i(8'(a_m) * 8'(w_m)), .one_o(one), .two_o(two), .neg_o(neg));

    if4_factor #(.Format(Format)) u_factor (
      .a_int_i(a_int_q), .w_int_i(w_int_q), .dot_i(dot_q), .one_i(one_q), .two_i(two_q), .neg_i(neg_q), .block_o(block)
    );

    always_ff @(posedge clk_i) begin
      if (advance_i) begin
        dot_q     <= dot;
        one_q     <= one;
        two_q     <= two;
        neg_q     <= neg;
        shift1_q  <= 5'(a_x) + 5'(w_x);
        a_int_q   <= a_int;
        w_int_q   <= w_int;
        nan1_q[b] <= a_nan | w_nan;
        block_q[b*BlockWidth +: BlockWidth]  <= block;
        shift2_q[b*ShiftWidth +: ShiftWidth] <= shift1_q;
        nan2_q[b] <= nan1_q[b];
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
    end else if (advance_i) begin
      valid1_q <= valid_q;
      valid2_q <= valid1_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (advance_i) begin
      last1_q <= last_q;
      last2_q <= last1_q;
    end
  end

  // Stage 3: align ----------------------------------------------------------------------------------------------------
  logic signed [BeatWidth-1:0] beat;    // of stage 2
  logic signed [BeatWidth-1:0] addend;  // of the beat that is added, as what follows
  logic add_valid, add_last, add_nan;

  if4_align #(.Format(Format), .Lanes(Lanes)) u_align (.block_i(block_q), .shift_i(shift2_q), .beat_o(beat));

  if (Blocks == 1) begin : gen_one_block
    assign addend    = beat;
    assign add_valid = valid2_q;
    assign add_last  = last2_q;
    assign add_nan   = nan2_q;
  end else begin : gen_blocks
    // The sum of the blocks has a register of its own, as in if4_mac.
    logic signed [BeatWidth-1:0] beat_q;
    logic valid3_q, last3_q, nan3_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        valid3_q <= 1'b0;
      end else if (advance_i) begin
        valid3_q <= valid2_q;
      end
    end
    always_ff @(posedge clk_i) begin
      if (advance_i) begin
        beat_q  <= beat;
        last3_q <= last2_q;
        nan3_q  <= |nan2_q;
      end
    end
    assign addend    = beat_q;
    assign add_valid = valid3_q;
    assign add_last  = last3_q;
    assign add_nan   = nan3_q;
  end

  // Accumulate --------------------------------------------------------------------------------------------------------
  logic signed [AccWidth-1:0] wide, sum, acc_q;
  logic                       nan, nan_q, overflow, overflow_q;  // of the dot product with this beat, and before it

  assign wide = AccWidth'(addend);

  if4_adder #(.Width(AccWidth)) u_adder (.a_i(acc_q), .b_i(wide), .sum_o(sum));

  assign nan      = nan_q | add_nan;
  assign overflow = overflow_q | ((acc_q[AccWidth-1] == wide[AccWidth-1]) & (acc_q[AccWidth-1] != sum[AccWidth-1]));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      acc_q      <= '0;
      nan_q      <= 1'b0;
      overflow_q <= 1'b0;
    end else if (advance_i & add_valid) begin
      acc_q      <= sum & {AccWidth{~add_last}};
      nan_q      <= nan & ~add_last;
      overflow_q <= overflow & ~add_last;
    end
  end

  // Result ------------------------------------------------------------------------------------------------------------
  logic                       capture, held_q;
  logic signed [AccWidth-1:0] result_q;
  logic                       result_nan_q, result_overflow_q;

  assign capture   = add_valid & add_last;
  assign capture_o = capture;
  assign stall_o   = capture & held_q & ~shift_i;

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
      result_nan_q      <= nan;
      result_overflow_q <= overflow;
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
