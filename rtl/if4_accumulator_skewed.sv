// The exact sum of the beats of a dot product, made in pieces: the lowest piece of a beat is added first, each other
// one a clock after the one below, with the carry in a register. So the longest carry is that of a piece, whatever the
// width (FAST.md).
//
// A beat passes stage p when piece p is added to. The bits of it that are still to be added travel along. Handshake: a
// beat is taken at an edge with valid_i & ready_o. The beats end at the last stage; there the last one of a dot product
// waits until its sum is taken, at an edge with valid_o & ready_i. Throughput: a beat a clock, within a dot product
// and, if Iterative is 0, from one to the next. Latency: Pieces clocks, from the edge that takes the last beat to the
// first edge at which the sum can be taken. Reset: asynchronous, active low. It drops all beats and sums.
//
// Iterative = 0: a stage that adds the first beat of a dot product adds it to 0. The finished lower pieces of a sum
// travel along with its last beat, in keep_q, as those of the next one follow a clock behind.
// Iterative = 1: the pieces stay where they are until the sum is taken, which clears them all; only then may the next
// dot product begin. No stage waits: ready_o is 1, and whoever offers beats sees to that.
/* verilator lint_off TIMESCALEMOD */ module if4_accumulator_skewed #(
  parameter int Width     = 64,  // bits of the sum
  parameter int BeatWidth = 58,  // bits of a beat, at most Width
  parameter int Lowest    = 14,  // bits of the lowest piece, above 0 and below Width
  parameter int Most      = 25,  // bits of any other piece, at most
  parameter int Iterative = 0,   // 1: one dot product at a time, for an iterative output stage
  localparam int Uppers   = (Width - Lowest + Most - 1) / Most,
  localparam int Pieces   = 1 + Uppers,
  localparam int Each     = (Width - Lowest + Uppers - 1) / Uppers  // bits of a piece, of the top one at most
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,     // asynchronous, active low
  input  logic                        valid_i,    // a beat is offered
  output logic                        ready_o,    // it is taken at this edge if it is offered
  input  logic                        last_i,     // it ends its dot product
  input  logic                        nan_i,      // a scale of it is NaN
  input  logic signed [BeatWidth-1:0] beat_i,
  output logic                        valid_o,    // a finished sum is there; it stays until it is taken
  input  logic                        ready_i,    // it is taken at this edge
  output logic signed [Width-1:0]     sum_o,
  output logic                        nan_o,      // a scale of one of its beats was NaN
  output logic                        overflow_o  // a partial sum, in the order of the beats, did not fit
);

  if (BeatWidth > Width || Lowest < 1 || Lowest >= Width) begin : gen_guard_width
    initial $fatal(1, "if4_accumulator_skewed: BeatWidth is above Width, or Lowest not within it");
  end

  logic [Pieces:0] valid;  // valid[p]: a beat is offered to stage p; the last bit: a sum is there
  logic [Pieces:0] ready;  // ready[p]: stage p takes it
  logic            clear;  // Iterative: the sum is taken at this edge, and the pieces become 0

  assign valid_o       = valid[Pieces];
  assign ready[Pieces] = ready_i;

  assign ready_o  = ready[0];
  assign valid[0] = valid_i;
  assign clear    = (Iterative != 0) && valid_o && ready_i;

  logic unused_ready;
  assign unused_ready = ready[Pieces];

  for (genvar p = 0; p < Pieces; p++) begin : gen_piece
    localparam int Low  = p == 0 ? 0 : Lowest + (p - 1) * Each;
    localparam int Bits = p == 0 ? Lowest : p == Pieces - 1 ? Width - Low : Each;
    localparam int High = Low + Bits;
    localparam int RestIn  = BeatWidth > Low ? BeatWidth - Low : 1;    // bits of the beat that are not added yet
    localparam int RestOut = BeatWidth > High ? BeatWidth - High : 1;  // the same, after this stage
    logic                     last, nan, carry_in, carry, load;
    logic signed [RestIn-1:0] rest;
    logic [Bits-1:0]          base, acc_q;
    logic [Bits-1:0]          addend, sum;

    if (p == 0) begin : gen_beat
      assign {last, nan, rest} = {last_i, nan_i, beat_i};
      assign carry_in          = 1'b0;
    end else begin : gen_below
      assign {last, nan}       = {gen_piece[p-1].gen_on.last_q, gen_piece[p-1].gen_on.nan_q};
      assign rest              = gen_piece[p-1].gen_on.rest_q;
      assign carry_in          = gen_piece[p-1].gen_on.carry_q;
    end

    assign addend = Bits'(rest);
    assign load   = valid[p] & ready[p];

    logic [Bits+1:0] carried;
    if4_adder #(.Width(Bits + 2), .Part((Bits + 3) / 2)) u_adder (
      .a_i({1'b0, base, 1'b1}), .b_i({1'b0, addend, carry_in}), .sum_o(carried)
    );
    assign {carry, sum} = carried[Bits+1:1];
    logic unused_low;
    assign unused_low = carried[0];

    // The stage: the beat moves on, or at the top ends, or waits if it is the last of its dot product.
    logic onward;  // there is a beat, and it does not end here
    assign onward = valid[p] & (last | (p < Pieces - 1));
    if (Iterative != 0) begin : gen_flow
      logic valid_q;
      assign ready[p]   = 1'b1;
      assign valid[p+1] = valid_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) valid_q <= 1'b0;
        else if (p < Pieces - 1) valid_q <= onward;
        else if (onward) valid_q <= 1'b1;
        else if (clear) valid_q <= 1'b0;
      end
    end else begin : gen_stage
      if4_stage u_stage (
        .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(onward), .ready_o(ready[p]), .valid_o(valid[p+1]), .ready_i(ready[p+1])
      );
    end

    logic first;
    if (Iterative != 0) begin : gen_clear
      assign first = 1'b0;
      assign base  = acc_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) acc_q <= '0;
        else if (load) acc_q <= sum;
        else if (clear) acc_q <= '0;
      end
    end else begin : gen_gate
      logic unused;
      assign unused = clear;
      logic first_q;  // the next beat starts a dot product, and adds to 0
      assign first = first_q;
      assign base  = acc_q & {Bits{~first_q}};
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) first_q <= 1'b1;
        else if (load) first_q <= last;
      end
      always_ff @(posedge clk_i) begin
        if (load) acc_q <= sum;
      end
    end

    if (p < Pieces - 1) begin : gen_on
      logic                      last_q, nan_q, carry_q;
      logic signed [RestOut-1:0] rest_q;
      always_ff @(posedge clk_i) begin
        // Iterative: nothing waits here, so whether there is a beat need not matter.
        if (load | (Iterative != 0)) begin
          last_q  <= last;
          nan_q   <= nan;
          carry_q <= carry;
          rest_q  <= RestOut'(rest >>> Bits);
        end
      end
      if (Iterative == 0) begin : gen_keep
        logic [High-1:0] done;  // the finished pieces, up to this one, of the dot product whose last beat is here
        if (p == 0) begin : gen_first
          assign done = acc_q;
        end else begin : gen_next
          logic [Low-1:0] keep_q;
          always_ff @(posedge clk_i) begin
            if (load) keep_q <= gen_piece[p-1].gen_on.gen_keep.done;
          end
          assign done = {acc_q, keep_q};
        end
      end
      logic unused;
      assign unused = first;
    end else begin : gen_top
      if (Iterative == 0) begin : gen_keep
        logic [Low-1:0] keep_q;
        always_ff @(posedge clk_i) begin
          if (load) keep_q <= gen_piece[p-1].gen_on.gen_keep.done;
        end
        assign sum_o = {acc_q, keep_q};
      end
      // Whether an addition left the accumulator is found a clock later: if it did, its operands had the same sign and
      // the sum has the other.
      logic alike_q, sign_q;  // the operands of the last addition had the same sign; the sign of the beat
      logic nan_q, overflow_q;  // of the dot product; overflow_q without the last addition
      logic base_nan, base_overflow;
      assign overflow_o    = overflow_q | (alike_q & (acc_q[Bits-1] != sign_q));
      assign nan_o         = nan_q;
      assign base_nan      = nan_q & ~first;
      assign base_overflow = overflow_o & ~first;
      always_ff @(posedge clk_i) begin
        if (load) sign_q <= addend[Bits-1];
      end
      if (Iterative != 0) begin : gen_clear_flags
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) begin
            {nan_q, overflow_q, alike_q} <= '0;
          end else if (load) begin
            {nan_q, overflow_q, alike_q} <= {base_nan | nan, base_overflow, base[Bits-1] == addend[Bits-1]};
          end else if (clear) begin
            {nan_q, overflow_q, alike_q} <= '0;
          end
        end
      end else begin : gen_flags
        always_ff @(posedge clk_i) begin
          if (load) {nan_q, overflow_q, alike_q} <= {base_nan | nan, base_overflow, base[Bits-1] == addend[Bits-1]};
        end
      end
      logic unused;
      assign unused = carry;
    end

    if (Iterative != 0) begin : gen_in_place
      assign sum_o[Low +: Bits] = acc_q;
    end
  end

endmodule
