// The handshake of the whole unit, if4_mac as it is: no result dropped, made twice or out of order, every beat in its
// own dot product, no deadlock. From any reset, which may come again at any time, for any inputs, unbounded.
//
// A beat is tagged by a NaN scale, which goes the whole way with it: nan_o says whether one of the dot product's beats
// had the tag. `choose_i` picks any one dot product; its result must come in its turn, with its tag. Which of its beats
// are tagged is free, and so are all others, so a beat or a result that is lost, doubled or swapped with another shows.
// The other data are free inputs that reach no property; that they move along with the tag is for data.sv and
// accumulate.sv to prove.
//
// No deadlock: with ready_i high, ready_o is, and a result in flight comes within Latency clocks. If Iterative, the
// digits of the output stage are cut to free bits, so its time is any that its counters allow; and as long as it is
// ready, ready_o comes, and a result in flight gets there, within Latency clocks. That it ends is for
// fp32_iterative.sv.
module handshake #(
  parameter int Format   = 4,
  parameter int Lanes    = 16,
  parameter int Iterative = 0,
  parameter int Depth    = 0,
  parameter int Capacity = 6,  // results in flight: one a stage; at Depth 1 of the iterative unit a sum and a result
  parameter int Latency  = 6
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic last_i,
  input logic ready_i,
  input logic choose_i,
  // If Iterative, probes, no inputs: the output stage is ready; the accumulator is offered a beat, takes it if it is
  // offered, and it is a last one; it has a finished sum.
  input logic stage_ready,
  input logic add_valid,
  input logic add_ready,
  input logic add_last,
  input logic done,
  input logic [Lanes*formal_tables::width(Format)-1:0] a_codes_i,
  input logic [Lanes*formal_tables::width(Format)-1:0] w_codes_i,
  input logic [Lanes/2-1:0] a_scale_i,
  input logic [Lanes/2-1:0] w_scale_i
);

  logic        ready, valid, nan, overflow;
  logic [31:0] result;

  if4_mac #(.Format(Format), .Lanes(Lanes), .Iterative(Iterative), .Depth(Depth)) u_mac (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready), .last_i(last_i),
    .a_codes_i(a_codes_i), .a_scale_i(a_scale_i), .w_codes_i(w_codes_i), .w_scale_i(w_scale_i),
    .valid_o(valid), .ready_i(ready_i), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );

  logic take, give, tag;
  assign take = valid_i & ready;
  assign give = valid & ready_i;
  always_comb begin
    tag = 1'b0;
    for (int i = 0; i < Lanes / 16; i++) begin
      tag = tag | (a_scale_i[i*8 +: 7] == 7'h7F) | (w_scale_i[i*8 +: 7] == 7'h7F);
    end
  end

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  logic [3:0] flight_q;                   // dot products whose last beat is taken and whose result is not
  logic       first_q;                    // the next beat starts a dot product
  logic       chosen_q, open_q, tag_q;    // one is chosen; its last beat is to come; a beat of it had the tag
  logic [3:0] ahead_q;                    // results to be given before that of the chosen one
  logic       due_q;                      // its result is still to be given
  logic       stalled_q, nan_q, overflow_q;
  logic [3:0] idle_q, blocked_q;

  logic pending_q;  // Iterative: the accumulator has taken a last beat, and its sum is still to be taken
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) pending_q <= 1'b0;
    else if (add_valid & add_ready & add_last) pending_q <= 1'b1;
    else if (done & stage_ready) pending_q <= 1'b0;
  end

  logic choose, moves;
  assign moves  = Iterative != 0 ? stage_ready : ready_i;
  assign choose = take & first_q & choose_i & ~chosen_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flight_q  <= '0;
      first_q   <= 1'b1;
      chosen_q  <= 1'b0;
      open_q    <= 1'b0;
      due_q     <= 1'b0;
      tag_q     <= 1'b0;
      ahead_q   <= '0;
      stalled_q <= 1'b0;
      idle_q    <= '0;
      blocked_q <= '0;
    end else begin
      flight_q <= flight_q + 4'(take & last_i) - 4'(give);
      if (take) first_q <= last_i;
      if (choose) begin
        chosen_q <= 1'b1;
        due_q    <= 1'b1;
        open_q   <= ~last_i;
        tag_q    <= tag;
        ahead_q  <= flight_q - 4'(give);
      end else begin
        if (take & open_q) begin
          open_q <= ~last_i;
          tag_q  <= tag_q | tag;
        end
        if (give & due_q) begin
          if (ahead_q == 0) due_q <= 1'b0;
          else ahead_q <= ahead_q - 4'd1;
        end
      end
      stalled_q <= valid & ~ready_i;
      idle_q    <= (moves & ~valid & (flight_q != 0)) ? idle_q + 4'(idle_q != 15) : '0;
      blocked_q <= (moves & ~ready) ? blocked_q + 4'(blocked_q != 15) : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    nan_q      <= nan;
    overflow_q <= overflow;
  end

  always_comb begin
    if (rst_ni) begin
      // Nothing comes that was not taken, and nothing taken goes away: what is in flight is bounded, so no result is
      // kept back for ever.
      assert (!valid || flight_q != 0);
      assert (flight_q <= 4'(Capacity));
      // The result of the chosen dot product, in its turn.
      if (valid && due_q && ahead_q == 0) begin
        assert (!open_q);
        assert (nan == tag_q);
      end
      assert (!(nan && overflow && valid));
      // Valid holds.
      if (stalled_q) assert (valid && nan == nan_q);
      // No beat is added to a sum that is finished, which the accumulators rely on.
      if (Iterative != 0) assert (!(add_valid && add_ready && pending_q));
      // No deadlock.
      assert (idle_q < 4'(Latency));
      if (Iterative == 0) assert (!ready_i || ready);
      else assert (blocked_q < 4'(Latency));
    end
  end

endmodule
