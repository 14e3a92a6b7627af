// The handshake of if4_mac_axis as it is, which slice.sv and handshake.sv show of its parts: no result dropped, made twice
// or out of order, every beat in its own dot product, no deadlock. From any reset, which may come again at any time, for
// any inputs, unbounded.
//
// A dot product is tagged by a NaN scale in one of its beats or more, which goes the whole way to TUSER. Just two are
// tagged, one behind the other; `choose_i` picks where they begin, and `tag_i` which of their beats have the scale. Just
// two results with the flag must come, one behind the other. Control does not know the tags, so a result that is lost,
// doubled, swapped with another or split would be, for some choice, one of these or one between them.
//
// No deadlock: with m_axis_tready high, s_axis_tready and a tagged result come within Latency clocks. If Iterative, the
// digits of the output stage are cut to free bits, so its time is any that its counters allow, and the clocks count in
// which it is ready. That it ends is for fp32_iterative.sv.
//
// All bits of a scale are the same bit, and registers without reset start at 0: that spares the proof what slice.sv shows,
// that the bits of a value stay together, and none is read before it is loaded.
module axis #(
  parameter int Iterative = 0,
  parameter int Lanes     = 16,
  parameter int Depth     = 0,
  parameter int Latency   = 8
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic last_i,
  input logic ready_i,
  input logic choose_i,
  input logic tag_i,
  input logic stage_ready,  // if Iterative: a probe, no input: ready_o of the output stage
  input logic [2*Lanes*formal_tables::width(4)-1:0] codes_i
);

  localparam int Format = 4;  // IF3, the smallest: control does not depend on it
  localparam int Codes  = Lanes * formal_tables::width(Format);

  logic        ready, valid, packet, nan, overflow, tag;
  logic [31:0] result;

  if4_mac_axis #(.Format(Format), .Lanes(Lanes), .Iterative(Iterative), .Depth(Depth)) u_axis (
    .clk_i(clk_i), .rst_ni(rst_ni), .s_axis_tvalid(valid_i), .s_axis_tready(ready),
    .s_axis_tdata({{(Lanes/2){1'b0}}, codes_i[2*Codes-1:Codes], {(Lanes/2){tag}}, codes_i[Codes-1:0]}),
    .s_axis_tkeep({(Codes/4+Lanes/8){1'b1}}), .s_axis_tlast(last_i),
    .m_axis_tvalid(valid), .m_axis_tready(ready_i), .m_axis_tdata(result), .m_axis_tlast(packet),
    .m_axis_tuser({overflow, nan})
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  logic       first_q;             // the next beat starts a dot product
  logic [1:0] sent_q, given_q;     // tagged dot products whose last beat is taken; whose result is
  logic       begun_q, has_tag_q;  // the first tagged one has begun; a beat of the open one has the tag
  logic       stalled_q, nan_q, overflow_q;
  logic [3:0] idle_q, blocked_q;

  logic take, give, tagged, moves;
  assign take   = valid_i & ready;
  assign give   = valid & ready_i;
  assign tagged = (begun_q | (choose_i & first_q)) & (sent_q != 2);  // the beat is one of a tagged dot product
  assign tag    = tagged & (tag_i | (last_i & ~has_tag_q));
  assign moves  = Iterative != 0 ? stage_ready & ready_i : ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q   <= 1'b1;
      sent_q    <= '0;
      given_q   <= '0;
      begun_q   <= 1'b0;
      has_tag_q <= 1'b0;
      stalled_q <= 1'b0;
      idle_q    <= '0;
      blocked_q <= '0;
    end else begin
      if (take) begin
        first_q   <= last_i;
        begun_q   <= tagged | begun_q;
        has_tag_q <= (tag | has_tag_q) & ~last_i;
        if (tagged & last_i) sent_q <= sent_q + 2'd1;
      end
      if (give & nan) given_q <= given_q + 2'd1;
      stalled_q <= valid & ~ready_i;
      idle_q    <= (moves & ~valid & (sent_q != given_q)) ? idle_q + 4'(idle_q != 15) : '0;
      blocked_q <= (moves & ~ready) ? blocked_q + 4'(blocked_q != 15) : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    nan_q      <= nan;
    overflow_q <= overflow;
  end

  always_comb begin
    if (rst_ni) begin
      assert (packet);
      if (valid) begin
        assert (!(nan && overflow));
        assert (!nan || given_q < sent_q);
        assert (nan || given_q != 1);
      end
      if (stalled_q) assert (valid && nan == nan_q && overflow == overflow_q);
      assert (idle_q < 4'(Latency));
      assert (blocked_q < 4'(Latency));
    end
  end

endmodule
