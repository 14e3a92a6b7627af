// The accumulator of a cell of the array at Depth 1: the exact sum of the beats of a dot product, in pieces that add a beat
// all at once. What a piece carries waits in a register, and goes into the piece above with the beat that follows. So no
// carry runs through more than a piece in one clock, whatever the width. The finished sum goes on as its pieces and the
// carries between them, and if4_array_settle adds these up below the column, once for all of its cells.
//
// Latency: 1 clock, from the edge that takes the last beat to the first edge at which the sum can be taken. All registers
// move at an edge with advance_i, and none at another, so that a sum that is not taken waits with the array. Throughput: a
// beat an edge, within a dot product and from one to the next. Reset: asynchronous, active low. It drops beats and sums.
/* verilator lint_off TIMESCALEMOD */ module if4_array_accumulator #(
  parameter int Width     = 64,  // bits of the sum, above Piece
  parameter int BeatWidth = 58,  // bits of a beat, at most Width
  localparam int Piece    = if4_pkg::CellPiece,  // bits of a piece but the top one
  localparam int Carries  = if4_pkg::cell_carries(Width, 1)
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,     // asynchronous, active low
  input  logic                        advance_i,  // everything moves at this edge
  input  logic                        valid_i,    // there is a beat
  input  logic                        last_i,     // it ends its dot product
  input  logic                        nan_i,      // a scale of it is NaN
  input  logic signed [BeatWidth-1:0] beat_i,
  output logic                        valid_o,    // a finished sum is there
  output logic [Width-1:0]            pieces_o,   // its pieces, the lowest at the low end
  output logic [Carries-1:0]          carries_o,  // bit p: 1 is to be added to piece p + 1
  output logic                        nan_o,      // a scale of one of its beats was NaN
  output logic                        overflow_o  // a partial sum, in the order of the beats, did not fit
);

  if (BeatWidth > Width || Width <= Piece) begin : gen_guard_width
    initial $fatal(1, "if4_array_accumulator: BeatWidth is above Width, or that is not above if4_pkg::CellPiece");
  end

  // The top piece has a bit more than the sum, so that the first partial sum that does not fit is exact as well.
  localparam int TopBits = Width + 1 - Carries * Piece;

  logic           add;      // the beat is added at this edge
  logic           first_q;  // it starts a dot product, and adds to 0
  logic [Width:0] beat;

  assign add  = valid_i & advance_i;
  assign beat = (Width+1)'(beat_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= 1'b1;
      valid_o <= 1'b0;
    end else if (advance_i) begin
      if (valid_i) first_q <= last_i;
      valid_o <= valid_i & last_i;
    end
  end

  for (genvar p = 0; p <= Carries; p++) begin : gen_piece
    localparam int Low  = p * Piece;
    localparam int Bits = p == Carries ? TopBits : Piece;
    logic            carry;   // what the piece below has carried, and the next beat brings along
    logic            ripple;  // what would come from below besides, if all carries were added now
    logic [Bits-1:0] acc_q;
    logic [Bits+1:0] sum;     // {what the piece carries, the piece with the beat, nothing}

    if (p == 0) begin : gen_lowest
      assign {carry, ripple} = 2'b00;
    end else begin : gen_above
      assign carry  = carries_o[p-1];
      assign ripple = gen_piece[p-1].gen_on.ripple_on;
    end

    if4_adder #(.Width(Bits + 2), .Part((Bits + 3) / 2)) u_adder (
      .a_i({1'b0, acc_q & {Bits{~first_q}}, 1'b1}), .b_i({1'b0, beat[Low +: Bits], carry & ~first_q}), .sum_o(sum)
    );

    always_ff @(posedge clk_i) begin
      if (add) acc_q <= sum[Bits:1];
    end

    if (p < Carries) begin : gen_on
      logic carry_q, ripple_on;
      always_ff @(posedge clk_i) begin
        if (add) carry_q <= sum[Bits+1];
      end
      assign carries_o[p] = carry_q;
      assign pieces_o[Low +: Bits] = acc_q;
      // What comes into the lowest bit goes through a piece of ones.
      assign ripple_on = (&acc_q[Bits-1:1]) & ((acc_q[0] & (carry | ripple)) | (carry & ripple));
      logic unused;
      assign unused = sum[0];
    end else begin : gen_top
      assign pieces_o[Width-1:Low] = acc_q[Bits-2:0];
      logic unused;
      assign unused = sum[Bits+1] ^ sum[0];
    end
  end

  // The flags. Whether a partial sum did not fit is found an edge later: its upper bits, with all carries, differ.
  logic [TopBits-1:0] top;
  logic               nan_q, overflow_q;  // of the dot product; overflow_q without the last addition
  assign top = gen_piece[Carries].acc_q + TopBits'(gen_piece[Carries].carry) + TopBits'(gen_piece[Carries].ripple);
  assign nan_o      = nan_q;
  assign overflow_o = overflow_q | (top[TopBits-1] != top[TopBits-2]);

  always_ff @(posedge clk_i) begin
    if (add) begin
      nan_q      <= (nan_q & ~first_q) | nan_i;
      overflow_q <= overflow_o & ~first_q;
    end
  end

  if (TopBits > 2) begin : gen_unused
    logic unused;
    assign unused = ^top[TopBits-3:0];
  end

endmodule
