// The accumulator of the array's fast cells, if4_array_accumulator: the pieces of a finished sum, with the carries between
// them, are the sum of its beats. Its overflow flag is set if and only if one of the partial sums, in the order of the
// beats, does not fit, its NaN flag if and only if a beat has it. Beats are any numbers of their width, with any bubbles,
// and the array stands still at any edge. Proven by induction over the clocks, unbounded.
//
// Beside the unit the sum is kept in full width. As long as no partial sum has left the accumulator, the unit's pieces and
// carries are that sum, with the bit more that the top piece has. Registers of the unit are read by name (`probe` in
// proofs.txt).
module array_accumulate #(
  parameter int Format = 0,
  parameter int Lanes  = 16,
  parameter int Width  = if4_pkg::acc_width(Format, Lanes),
  localparam int BeatWidth = if4_pkg::beat_width(Format, Lanes),
  localparam int Carries   = if4_pkg::cell_carries(Width, 1),
  localparam int Piece     = if4_pkg::CellPiece
) (
  input logic                 clk_i,
  input logic                 rst_ni,
  input logic                 advance_i,
  input logic                 valid_i,
  input logic                 last_i,
  input logic                 nan_i,
  input logic [BeatWidth-1:0] beat_i,
  // Probes: no inputs, but what the unit has under these names.
  input logic                 first_q,
  input logic                 overflow_q,
  input logic [Width:0]       acc_q  // of all pieces, the lowest at the low end
);

  logic               valid, nan, overflow;
  logic [Width-1:0]   pieces;
  logic [Carries-1:0] carries;

  if4_array_accumulator #(.Width(Width), .BeatWidth(BeatWidth)) u_acc (
    .clk_i(clk_i), .rst_ni(rst_ni), .advance_i(advance_i), .valid_i(valid_i), .last_i(last_i), .nan_i(nan_i),
    .beat_i(beat_i), .valid_o(valid), .pieces_o(pieces), .carries_o(carries), .nan_o(nan), .overflow_o(overflow)
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  // The sum with the latest beat, one bit wider than the accumulator, and whether it is to be taken at the next edge.
  logic [Width:0]   sum_q;
  logic [Width+1:0] next;
  logic             fresh_q, done_q;  // the next beat starts a dot product; the latest one ended its own
  logic             left_before_q, left_q, nan_q;  // a partial sum did not fit: before the latest beat, or with it
  logic             add, leaves;

  assign add    = valid_i & advance_i;
  assign next   = (fresh_q ? (Width+2)'(0) : {sum_q[Width], sum_q}) + (Width+2)'($signed(beat_i));
  assign leaves = next[Width+1:Width-1] != 3'b000 && next[Width+1:Width-1] != 3'b111;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fresh_q <= 1'b1;
      done_q  <= 1'b0;
    end else if (advance_i) begin
      if (valid_i) fresh_q <= last_i;
      done_q <= valid_i & last_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (add) begin
      sum_q         <= next[Width:0];
      left_before_q <= ~fresh_q & left_q;
      left_q        <= (~fresh_q & left_q) | leaves;
      nan_q         <= (~fresh_q & nan_q) | nan_i;
    end
  end

  // The pieces, and every carry at its place.
  logic [Width:0] total, places;
  always_comb begin
    places = '0;
    for (int p = 0; p < Carries; p++) places[Piece*(p+1)] = carries[p];
  end
  assign total = acc_q + places;

  always_comb begin
    if (rst_ni) begin
      assert (first_q == fresh_q);
      assert (valid == done_q);
      assert (pieces == acc_q[Width-1:0]);
      if (done_q) assert (fresh_q);
      if (done_q || !fresh_q) begin
        assert (nan == nan_q);
        assert (overflow == left_q);
        assert (overflow_q == left_before_q);
        if (!left_before_q) begin
          assert (total == sum_q);
          assert (left_q == (sum_q[Width] != sum_q[Width-1]));
        end else assert (left_q);
      end
    end
  end

endmodule
