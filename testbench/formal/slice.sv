// The register slice, if4_slice as it is: no value lost, doubled, changed or out of order; a value that is offered stays as
// it is until it is taken. From any reset, which may come again at any time, for any inputs, unbounded.
//
// The slice has a value to give whenever it holds one, and takes one whenever it holds fewer than two: so its latency is
// one clock, one value goes through in each, and nothing is kept back. `choose_i` picks any one value, whose data are
// free; it must come in its turn.
module slice #(
  parameter int Width = 1
) (
  input logic             clk_i,
  input logic             rst_ni,
  input logic             valid_i,
  input logic [Width-1:0] data_i,
  input logic             ready_i,
  input logic             choose_i
);

  logic             ready, valid;
  logic [Width-1:0] data;

  if4_slice #(.Width(Width)) u_slice (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready), .data_i(data_i),
    .valid_o(valid), .ready_i(ready_i), .data_o(data)
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  logic take, give;
  assign take = valid_i & ready;
  assign give = valid & ready_i;

  logic [1:0]       flight_q, ahead_q;          // values in the slice; of these before the chosen one
  logic             chosen_q, due_q, stalled_q;  // one is chosen; it is in the slice; a value was offered and not taken
  logic [Width-1:0] value_q, data_q;            // the chosen one; what was offered

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flight_q  <= '0;
      ahead_q   <= '0;
      chosen_q  <= 1'b0;
      due_q     <= 1'b0;
      stalled_q <= 1'b0;
    end else begin
      flight_q  <= flight_q + 2'(take) - 2'(give);
      stalled_q <= valid & ~ready_i;
      if (take & choose_i & ~chosen_q) begin
        chosen_q <= 1'b1;
        due_q    <= 1'b1;
        ahead_q  <= flight_q - 2'(give);
      end else if (give & due_q) begin
        if (ahead_q == 0) due_q <= 1'b0;
        else ahead_q <= ahead_q - 2'd1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    data_q <= data;
    if (take & choose_i & ~chosen_q) value_q <= data_i;
  end

  always_comb begin
    if (rst_ni) begin
      assert (valid == (flight_q != 0));
      assert (ready == (flight_q != 2));
      if (due_q && ahead_q == 0) assert (valid && data == value_q);
      if (stalled_q) assert (valid && data == data_q);
    end
  end

endmodule
