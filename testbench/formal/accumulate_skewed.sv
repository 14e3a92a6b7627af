// The accumulator at Depth 1, if4_accumulator_skewed: a finished sum is that of its beats. Its overflow flag is set if and
// only if one of the partial sums, in the order of the beats, does not fit, its NaN flag if and only if a beat has it. Beats
// are any numbers of their width, with any stalls. Proven by induction over the clocks, unbounded.
//
// Beside the unit each beat goes from stage to stage with the sum before it and the sum with it, in full width. The pieces
// of the accumulator, the carries, and what a stage keeps of a beat and of a sum are the bits of these that they should be.
// Which stage takes a beat is read from the unit, as are its registers (`probe` in proofs.txt): that no beat is lost or
// doubled is for handshake.sv to prove, whose tag goes the same way.
//
// Assumed: if Iterative, no beat comes while a finished sum is still to be taken. handshake.sv proves that of if4_mac.
module accumulate_skewed #(
  parameter int Format    = 0,
  parameter int Lanes     = 16,
  parameter int Iterative = 0,
  parameter int Width     = if4_pkg::acc_width(Format, Lanes),
  localparam int BeatWidth = if4_pkg::beat_width(Format, Lanes),
  localparam int Lowest    = if4_pkg::acc_lowest(Lanes),
  localparam int Most      = if4_pkg::acc_piece(Iterative),
  localparam int Pieces    = if4_pkg::acc_pieces(Lanes, Width, Iterative),
  localparam int Top       = Pieces - 1,
  localparam int Each      = (Width - Lowest + Top - 1) / Top
) (
  input logic                 clk_i,
  input logic                 rst_ni,
  input logic                 valid_i,
  input logic                 last_i,
  input logic                 nan_i,
  input logic                 ready_i,
  input logic [BeatWidth-1:0] beat_i,
  // Probes: no inputs, but what the unit has under these names. Those of all pieces have the lowest piece at the low end.
  input logic [Pieces:0]                 valid,
  input logic [Pieces:0]                 ready,
  input logic [Pieces-1:0]               first,
  input logic [Width-1:0]                acc_q,
  input logic [Top-1:0]                  last_q,  // from here on, of all pieces but the top one
  input logic [Top-1:0]                  nan_q,
  input logic [Top-1:0]                  carry_q,
  input logic [rest_low(Top)-1:0]        rest_q,
  input logic [keep_low(Top)-1:0]        keep_q,  // of those in the middle
  input logic [low(Top)-1:0]             keep_top_q
);

  // Lowest bit of a piece; that of piece Pieces is the accumulator's width.
  function automatic int low(int piece);
    low = piece == 0 ? 0 : piece == Pieces ? Width : Lowest + (piece - 1) * Each;
  endfunction

  // Bits of a beat above those of a piece: one at least, the sign.
  function automatic int rest(int piece);
    rest = BeatWidth > low(piece + 1) ? BeatWidth - low(piece + 1) : 1;
  endfunction

  // Lowest bit of a piece's rest in rest_q, and of what it keeps in keep_q.
  function automatic int rest_low(int piece);
    rest_low = 0;
    for (int p = 0; p < piece; p++) rest_low = rest_low + rest(p);
  endfunction

  function automatic int keep_low(int piece);
    keep_low = 0;
    for (int p = 1; p < piece; p++) keep_low = keep_low + low(p);
  endfunction

  logic             sum_valid, sum_nan, sum_overflow;
  logic [Width-1:0] sum;

  if4_accumulator_skewed #(
    .Width(Width), .BeatWidth(BeatWidth), .Lowest(Lowest), .Most(Most), .Iterative(Iterative)
  ) u_acc (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(), .last_i(last_i), .nan_i(nan_i), .beat_i(beat_i),
    .valid_o(sum_valid), .ready_i(ready_i), .sum_o(sum), .nan_o(sum_nan), .overflow_o(sum_overflow)
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  // Iterative: a last beat was taken, and its sum was not.
  logic clear, pending_q;
  assign clear = Iterative != 0 && sum_valid && ready_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) pending_q <= 1'b0;
    else if (valid[0] & ready[0] & last_i) pending_q <= 1'b1;
    else if (clear) pending_q <= 1'b0;
  end
  always_comb assume (Iterative == 0 || !(valid_i && pending_q));

  // Of the latest beat that a stage took: itself, the sum before it and with it. The flags: a partial sum before it, or up
  // to it, did not fit; a beat before it, it, or one up to it has NaN.
  logic [Pieces*Width-1:0] beat, before, with_it;
  logic [Pieces-1:0]       left_before, left, nan_before, nan, nan_with, last;
  logic [Pieces-1:0]       part_q;  // the piece has a part of a sum, to which the next beat is added

  for (genvar p = 0; p < Pieces; p++) begin : gen_stage
    logic [BeatWidth-1:0] beat_q;
    logic [Width-1:0]     before_q, with_q, beat_next, before_next, with_next;
    logic             left_before_q, left_q, nan_before_q, nan_it_q, nan_with_q, it_last_q;
    logic             left_before_next, left_next, nan_before_next, nan_next, nan_with_next, last_next;
    if (p == 0) begin : gen_first
      logic [Width:0] wide;  // cannot wrap
      assign beat_next        = Width'($signed(beat_i));
      assign before_next      = part_q[0] ? with_q : '0;
      assign wide             = {before_next[Width-1], before_next} + {beat_next[Width-1], beat_next};
      assign with_next        = wide[Width-1:0];
      assign left_before_next = part_q[0] & left_q;
      assign left_next        = left_before_next | (wide[Width] != wide[Width-1]);
      assign nan_before_next  = part_q[0] & nan_with_q;
      assign nan_next         = nan_i;
      assign nan_with_next    = nan_before_next | nan_i;
      assign last_next        = last_i;
    end else begin : gen_next
      assign beat_next        = beat[(p-1)*Width +: Width];
      assign before_next      = before[(p-1)*Width +: Width];
      assign with_next        = with_it[(p-1)*Width +: Width];
      assign left_before_next = left_before[p-1];
      assign left_next        = left[p-1];
      assign nan_before_next  = nan_before[p-1];
      assign nan_next         = nan[p-1];
      assign nan_with_next    = nan_with[p-1];
      assign last_next        = last[p-1];
    end
    always_ff @(posedge clk_i) begin
      if (valid[p] & ready[p]) begin
        beat_q        <= beat_next[BeatWidth-1:0];
        before_q      <= before_next;
        with_q        <= with_next;
        left_before_q <= left_before_next;
        left_q        <= left_next;
        nan_before_q  <= nan_before_next;
        nan_it_q      <= nan_next;
        nan_with_q    <= nan_with_next;
        it_last_q     <= last_next;
      end
    end
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) part_q[p] <= 1'b0;
      else if (valid[p] & ready[p]) part_q[p] <= Iterative != 0 || !last_next;
      else if (clear) part_q[p] <= 1'b0;
    end
    assign beat[p*Width +: Width]    = Width'($signed(beat_q));
    assign before[p*Width +: Width]  = before_q;
    assign with_it[p*Width +: Width] = with_q;
    assign {left_before[p], left[p], nan_before[p], nan[p]} = {left_before_q, left_q, nan_before_q, nan_it_q};
    assign {nan_with[p], last[p]} = {nan_with_q, it_last_q};

    localparam int Low  = low(p);
    localparam int High = low(p + 1);
    logic [Width-1:0] base;  // what the next beat is added to
    assign base = part_q[p] ? with_q : '0;
    always_comb begin
      if (rst_ni) begin
        // The piece.
        if (Iterative != 0) assert (acc_q[High-1:Low] == base[High-1:Low] && !first[p]);
        else begin
          assert (first[p] == !part_q[p]);
          if (part_q[p] || valid[p+1]) assert (acc_q[High-1:Low] == with_q[High-1:Low]);
        end
      end
    end

    if (p < Top) begin : gen_kept
      logic [Width:0]   wide;
      logic [Width-1:0] it, carries;  // the beat; the carries into each bit
      assign it      = beat[p*Width +: Width];
      assign wide    = {before_q[Width-1], before_q} + {it[Width-1], it};
      assign carries = before_q ^ it ^ with_q;
      always_comb begin
        if (rst_ni && valid[p+1]) begin
          // The stage has a beat: what is kept of it.
          assert (with_q == wide[Width-1:0]);
          assert (left_q == (left_before_q | (wide[Width] != wide[Width-1])));
          assert (nan_with_q == (nan_before_q | nan_it_q));
          assert (last_q[p] == it_last_q && nan_q[p] == nan_it_q);
          assert (carry_q[p] == carries[High]);
          assert (rest_q[rest_low(p) +: rest(p)] == it[High +: rest(p)]);
          assert (part_q[p] == (Iterative != 0 || !it_last_q));
        end
      end
      if (p > 0 && Iterative == 0) begin : gen_keep
        always_comb if (rst_ni && valid[p+1]) assert (keep_q[keep_low(p) +: Low] == with_q[Low-1:0]);
      end
    end

    if (p > 0) begin : gen_order
      always_comb begin
        if (rst_ni) begin
          // The beat before the one that is offered is this stage's latest; if none is offered, both have the same.
          if (valid[p]) begin
            assert (before[(p-1)*Width +: Width] == base);
            assert (left_before[p-1] == (part_q[p] & left_q));
            assert (nan_before[p-1] == (part_q[p] & nan_with_q));
          end else begin
            assert (part_q[p-1] == part_q[p]);
            if (part_q[p]) begin
              assert (with_it[(p-1)*Width +: Width] == with_q);
              assert (left[p-1] == left_q && nan_with[p-1] == nan_with_q);
            end
          end
        end
      end
    end
  end

  // Iterative: nothing follows a last beat.
  logic [Pieces:0] last_at;  // in front of a stage; at the end: in the sum
  assign last_at = {sum_valid, valid[Top:1] & last[Top-1:0], 1'b0};
  for (genvar p = 1; p <= Pieces; p++) begin : gen_alone
    if (p > 1 && Iterative != 0) begin : gen_behind
      always_comb if (rst_ni && last_at[p]) assert (valid[p-1:1] == 0);
    end
  end

  logic [Width-1:0] top_with;
  assign top_with = with_it[Top*Width +: Width];
  always_comb begin
    if (rst_ni) begin
      if (Iterative != 0) assert (pending_q == (last_at != 0));
      if (sum_valid) assert (sum == top_with);
      if (sum_valid || part_q[Top]) begin
        assert (sum_overflow == left[Top]);
        assert (sum_nan == nan_with[Top]);
      end else if (Iterative != 0) assert (!sum_overflow && !sum_nan);
      if (sum_valid && Iterative == 0) assert (keep_top_q == top_with[low(Top)-1:0] && !part_q[Top]);
    end
  end

endmodule
