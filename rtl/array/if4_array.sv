// Output-stationary systolic array of exact multiply-accumulate cells: Rows x Cols dot products at a time, each rounded
// once to FP32.
//
// Cell (r, c) adds up row r of the activations times column c of the weights. A beat brings Lanes elements for every
// row and every column; the beats up to and including one with last_i are a tile, the dot products of all cells. The
// array makes the skew itself. Scales and element types are decoded once, at the edges; operands then move right and
// down, one cell a clock. Results leave down the columns while the next tile runs. What happens in which clock is
// stated in sim/array/README.md, with formulas.
//
// Handshake. A beat is taken at a clock edge with valid_i & ready_o, a result at one with valid_o & ready_i. valid_o,
// once high, stays high with a stable result until that is taken. ready_o depends combinationally on ready_i and on no
// other input, and at Depth 1 on none. Results of an output come row Rows - 1 first and row 0 last, on the shared output
// column 0 first, tile after tile; none is ever dropped.
//
// Throughput: one beat a clock, if results are taken and tiles have at least Interval beats: Rows, or Rows * Cols with
// a shared output. Shorter tiles wait.
//
// Latency, without stalls, in clocks from the edge that takes the last beat of a tile to the first edge at which the
// result of cell (r, c) can be taken, with E = if4_pkg::cell_edges and O = if4_pkg::output_stages (at Depth 0 with 16
// lanes both are 3):
//   SharedOutput = 0   E + O + c + 2 * Rows - r
//   SharedOutput = 1   E + O + 1 + 2 * Rows - 1 - r + c * Rows
//
// Reset: asynchronous, active low. It drops all beats and results in flight.
/* verilator lint_off TIMESCALEMOD */ module if4_array #(
  parameter int Format       = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Rows         = 8,   // rows of cells, that is, of activations: 1..256
  parameter int Cols         = 8,   // columns of cells, that is, of weights: 1..256
  parameter int Lanes        = 16,  // elements of a row or column a beat: 16, 32 or 64
  parameter int AccWidth     = if4_pkg::acc_width(Format, Lanes),  // bits of an accumulator: if4_pkg::beat_width to
                                    // 120; the default holds 1,024 beats of any operands
  parameter int SharedOutput = 0,   // output stages: 0 one for each column; 1 one for all columns
  parameter int Depth        = 0,   // 0 the small cells and output stages; 1 the fast ones, with more stages
  localparam int Outputs     = SharedOutput != 0 ? 1 : Cols
) (
  input  logic                                             clk_i,
  input  logic                                             rst_ni,     // asynchronous, active low

  input  logic                                             valid_i,    // a beat is offered
  output logic                                             ready_o,    // it is taken at this edge if it is offered
  input  logic                                             last_i,     // it ends its tile
  input  logic [Rows*Lanes*if4_pkg::code_bits(Format)-1:0] a_codes_i,  // element i of row r in slice r * Lanes + i
  input  logic [Rows*Lanes/2-1:0]                          a_scale_i,  // block i of row r in byte r * Lanes/16 + i;
                                                                       // bit 7: 1 int, 0 float; 6:0: E4M3
  input  logic [Cols*Lanes*if4_pkg::code_bits(Format)-1:0] w_codes_i,  // weights, likewise for columns
  input  logic [Cols*Lanes/2-1:0]                          w_scale_i,

  output logic [Outputs-1:0]                               valid_o,    // output c, for column c or all, has a result
  input  logic [Outputs-1:0]                               ready_i,    // it is taken at this edge
  output logic [32*Outputs-1:0]                            result_o,   // FP32, output c in slice c, as if4_mac gives it
  output logic [Outputs-1:0]                               nan_o,      // a scale of its dot product was NaN
  output logic [Outputs-1:0]                               overflow_o  // a partial sum left the accumulator; never
                                                                       // together with nan_o
);

  localparam int CodesWidth = Lanes * if4_pkg::code_bits(Format);
  localparam int ScalesWidth = Lanes / 2;
  localparam int BeatWidth  = Lanes / if4_pkg::BlockSize * if4_pkg::edge_width(Format);
  localparam int SumWidth   = if4_pkg::cell_sum_width(AccWidth, Depth);  // of a result on its way down
  localparam int Interval   = SharedOutput != 0 ? Rows * Cols : Rows;  // edges from one tile's last beat to the next's
  localparam int GapWidth   = $clog2(Interval + 1);

  if (Format < 0 || Format >= if4_pkg::Formats) begin : gen_guard_format
    initial $fatal(1, "if4_array: Format is none of if4_pkg's");
  end
  if (Lanes != 16 && Lanes != 32 && Lanes != 64) begin : gen_guard_lanes
    initial $fatal(1, "if4_array: Lanes is not 16, 32 or 64");
  end
  if (Rows < 1 || Rows > 256 || Cols < 1 || Cols > 256) begin : gen_guard_shape
    initial $fatal(1, "if4_array: Rows or Cols is not within 1..256");
  end
  if (AccWidth < if4_pkg::beat_width(Format, Lanes) || AccWidth > if4_pkg::AccWidthMax) begin : gen_guard_width
    initial $fatal(1, "if4_array: AccWidth cannot hold one beat, or is above 120");
  end
  if (Depth != 0 && Depth != 1) begin : gen_guard_depth
    initial $fatal(1, "if4_array: Depth is not 0 or 1");
  end
  if (SharedOutput != 0 && SharedOutput != 1) begin : gen_guard_output
    initial $fatal(1, "if4_array: SharedOutput is not 0 or 1");
  end

  // Input register --------------------------------------------------------------------------------------------------
  // A beat waits here while the array stalls, and a tile's last beat until Interval
  // edges after that of the tile before.
  logic                         advance;  // skew, operands, pipelines and accumulators move at this edge
  logic                         waiting, last_q;  // a beat is in the register, and ends its tile
  logic                         hold;     // it has to wait for Interval
  logic                         issue;    // it goes into the array when that moves
  logic [Rows*CodesWidth-1:0]   a_codes_q;
  logic [Rows*ScalesWidth-1:0]  a_scale_q;
  logic [Cols*CodesWidth-1:0]   w_codes_q;
  logic [Cols*ScalesWidth-1:0]  w_scale_q;
  // Edges at which the array moved since a tile's last beat was issued, that one counted; saturates at Interval.
  logic [GapWidth-1:0]          gap_q;

  assign hold  = last_q & (gap_q != GapWidth'(Interval));
  assign issue = waiting & ~hold;

  if4_stage u_input (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready_o),
    .valid_o(waiting), .ready_i(advance & ~hold)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      gap_q <= GapWidth'(Interval);
    end else if (advance) begin
      if (issue & last_q) gap_q <= GapWidth'(1);
      else if (gap_q != GapWidth'(Interval)) gap_q <= gap_q + GapWidth'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i & ready_o) begin
      last_q    <= last_i;
      a_codes_q <= a_codes_i;
      a_scale_q <= a_scale_i;
      w_codes_q <= w_codes_i;
      w_scale_q <= w_scale_i;
    end
  end

  // Edges -------------------------------------------------------------------------------------------------------------
  // What enters the first cell of each row and column: row r and column c take a beat r and c edges after row 0 and
  // column 0. valid and last move along the rows only, as the weights of a beat come with its activations.
  logic [Rows-1:0]           row_valid, row_last;
  logic [Rows*BeatWidth-1:0] row_beat;
  logic [Cols*BeatWidth-1:0] col_beat;

  assign row_valid[0] = issue;
  assign row_last[0]  = last_q;

  for (genvar r = 0; r < Rows; r++) begin : gen_row_edge
    if4_array_edge #(.Format(Format), .Lanes(Lanes), .Skew(r)) u_edge (
      .clk_i(clk_i), .advance_i(advance),
      .codes_i(a_codes_q[r*CodesWidth +: CodesWidth]), .scale_i(a_scale_q[r*ScalesWidth +: ScalesWidth]),
      .beat_o(row_beat[r*BeatWidth +: BeatWidth])
    );
    if (r > 0) begin : gen_skew
      logic skew_valid_q, skew_last_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          skew_valid_q <= 1'b0;
        end else if (advance) begin
          skew_valid_q <= row_valid[r-1];
        end
      end
      always_ff @(posedge clk_i) begin
        if (advance) skew_last_q <= row_last[r-1];
      end
      assign row_valid[r] = skew_valid_q;
      assign row_last[r]  = skew_last_q;
    end
  end

  for (genvar c = 0; c < Cols; c++) begin : gen_col_edge
    if4_array_edge #(.Format(Format), .Lanes(Lanes), .Skew(c)) u_edge (
      .clk_i(clk_i), .advance_i(advance),
      .codes_i(w_codes_q[c*CodesWidth +: CodesWidth]), .scale_i(w_scale_q[c*ScalesWidth +: ScalesWidth]),
      .beat_o(col_beat[c*BeatWidth +: BeatWidth])
    );
  end

  // Cells -------------------------------------------------------------------------------------------------------------
  logic [Rows*Cols-1:0] waits;    // cell (r, c), in bit c * Rows + r, can move only if the results of its column do
  logic [Cols-1:0]      stall;    // the cells of the column cannot move
  logic [Cols-1:0]      shift;    // the results of the column move down one cell
  logic [Cols-1:0]      bottom_held, bottom_nan, bottom_overflow;  // of the column's bottom cell
  logic [Cols*SumWidth-1:0] bottom_sum;

  assign advance = ~|stall;

  for (genvar c = 0; c < Cols; c++) begin : gen_stall
    assign stall[c] = (|waits[c*Rows +: Rows]) & ~shift[c];
  end

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    for (genvar c = 0; c < Cols; c++) begin : gen_col
      logic                       valid_in, last_in, valid, last;
      logic [BeatWidth-1:0]       a_in, w_in, a, w;
      logic                       capture, release_column;
      logic                       held_in, nan_in, overflow_in, held, nan, overflow;
      logic [SumWidth-1:0]        sum_in, sum;

      if (c == 0) begin : gen_left
        assign valid_in = row_valid[r];
        assign last_in  = row_last[r];
        assign a_in     = row_beat[r*BeatWidth +: BeatWidth];
      end else begin : gen_from_left
        assign valid_in = gen_row[r].gen_col[c-1].valid;
        assign last_in  = gen_row[r].gen_col[c-1].last;
        assign a_in     = gen_row[r].gen_col[c-1].a;
      end

      if (r == 0) begin : gen_top
        assign w_in        = col_beat[c*BeatWidth +: BeatWidth];
        assign held_in     = 1'b0;
        assign sum_in      = '0;
        assign nan_in      = 1'b0;
        assign overflow_in = 1'b0;
      end else begin : gen_from_above
        assign w_in        = gen_row[r-1].gen_col[c].w;
        assign held_in     = gen_row[r-1].gen_col[c].held;
        assign sum_in      = gen_row[r-1].gen_col[c].sum;
        assign nan_in      = gen_row[r-1].gen_col[c].nan;
        assign overflow_in = gen_row[r-1].gen_col[c].overflow;
      end

      if (r == Rows - 1) begin : gen_bottom
        assign release_column     = capture & advance;
        assign bottom_held[c]     = held;
        assign bottom_sum[c*SumWidth +: SumWidth] = sum;
        assign bottom_nan[c]      = nan;
        assign bottom_overflow[c] = overflow;
      end else begin : gen_above_bottom
        assign release_column = gen_row[Rows-1].gen_col[c].release_column;
        logic unused;
        assign unused = capture;
      end

      if4_array_cell #(.Format(Format), .Lanes(Lanes), .AccWidth(AccWidth), .Depth(Depth)) u_cell (
        .clk_i(clk_i), .rst_ni(rst_ni), .advance_i(advance), .waits_o(waits[c*Rows + r]), .capture_o(capture),
        .valid_i(valid_in), .last_i(last_in), .a_i(a_in), .w_i(w_in),
        .valid_o(valid), .last_o(last), .a_o(a), .w_o(w),
        .release_i(release_column), .shift_i(shift[c]),
        .held_i(held_in), .sum_i(sum_in), .nan_i(nan_in), .overflow_i(overflow_in),
        .held_o(held), .sum_o(sum), .nan_o(nan), .overflow_o(overflow)
      );

      if (c == Cols - 1) begin : gen_right
        logic unused;
        assign unused = valid ^ last ^ (^a);
      end
      if (r == Rows - 1) begin : gen_below
        logic unused;
        assign unused = ^w;
      end
    end
  end

  // Outputs -----------------------------------------------------------------------------------------------------------
  logic [Outputs-1:0]          out_valid, out_ready, out_nan, out_overflow;  // at the output stage's inputs
  logic [Outputs*SumWidth-1:0] out_sum;

  if (SharedOutput != 0) begin : gen_shared
    // The output stage takes the Rows results of one column, then those of the next.
    localparam int RowsWidth = $clog2(Rows + 1);
    localparam int ColsWidth = $clog2(Cols + 1);
    logic [RowsWidth-1:0] taken_q;  // results of the column that have been taken
    logic [ColsWidth-1:0] col_q;    // the column
    logic [SumWidth-1:0]  sum;
    logic                 valid, nan, overflow;

    always_comb begin
      valid    = 1'b0;
      sum      = '0;
      nan      = 1'b0;
      overflow = 1'b0;
      for (int c = 0; c < Cols; c++) begin
        shift[c] = bottom_held[c] & out_ready[0] & (col_q == ColsWidth'(c));
        if (col_q == ColsWidth'(c)) begin
          valid    = bottom_held[c];
          sum      = bottom_sum[c*SumWidth +: SumWidth];
          nan      = bottom_nan[c];
          overflow = bottom_overflow[c];
        end
      end
    end

    assign out_valid    = valid;
    assign out_sum      = sum;
    assign out_nan      = nan;
    assign out_overflow = overflow;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        taken_q <= '0;
        col_q   <= '0;
      end else if (valid & out_ready[0]) begin
        if (taken_q == RowsWidth'(Rows - 1)) begin
          taken_q <= '0;
          col_q   <= col_q == ColsWidth'(Cols - 1) ? '0 : col_q + ColsWidth'(1);
        end else begin
          taken_q <= taken_q + RowsWidth'(1);
        end
      end
    end
  end else begin : gen_columns
    assign out_valid    = bottom_held;
    assign out_sum      = bottom_sum;
    assign out_nan      = bottom_nan;
    assign out_overflow = bottom_overflow;
    assign shift        = bottom_held & out_ready;
  end

  for (genvar o = 0; o < Outputs; o++) begin : gen_output
    logic                       sum_valid, sum_ready, sum_nan, sum_overflow;
    logic signed [AccWidth-1:0] sum;
    if (Depth == 0) begin : gen_whole
      assign {sum_valid, sum_nan, sum_overflow} = {out_valid[o], out_nan[o], out_overflow[o]};
      assign sum          = out_sum[o*SumWidth +: AccWidth];
      assign out_ready[o] = sum_ready;
    end else begin : gen_settle
      if4_array_settle #(.Width(AccWidth)) u_settle (
        .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(out_valid[o]), .ready_o(out_ready[o]),
        .pieces_i(out_sum[o*SumWidth +: AccWidth]), .carries_i(out_sum[o*SumWidth+AccWidth +: SumWidth-AccWidth]),
        .nan_i(out_nan[o]), .overflow_i(out_overflow[o]),
        .valid_o(sum_valid), .ready_i(sum_ready), .sum_o(sum), .nan_o(sum_nan), .overflow_o(sum_overflow)
      );
    end
    if4_fp32 #(
      .Width(AccWidth), .Ones(if4_pkg::divisor_ones(Format)), .SumExponent(if4_pkg::sum_exponent(Format)),
      .Depth(Depth)
    ) u_fp32 (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(sum_valid), .ready_o(sum_ready), .sum_i(sum), .nan_i(sum_nan), .overflow_i(sum_overflow),
      .valid_o(valid_o[o]), .ready_i(ready_i[o]), .result_o(result_o[32*o +: 32]),
      .nan_o(nan_o[o]), .overflow_o(overflow_o[o])
    );
  end

endmodule
