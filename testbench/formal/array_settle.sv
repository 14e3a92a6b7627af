// What adds up the pieces of a sum below the columns of fast cells, if4_array_settle: the sum is that of the pieces and of
// every carry at its place, modulo its width, and its flags are those that came with it, with any stalls. Proven by induction
// over the clocks, unbounded.
//
// Beside each register of the unit the sum that it stands for is kept in full width. Registers of the unit are read by name
// (`probe` in proofs.txt), and when they load: that the slice loses and doubles no value is slice.sv's to prove.
module array_settle #(
  parameter int Format = 0,
  parameter int Lanes  = 16,
  parameter int Width  = if4_pkg::acc_width(Format, Lanes),
  localparam int Carries = if4_pkg::cell_carries(Width, 1),
  localparam int Piece   = if4_pkg::CellPiece,
  localparam int Group   = 2 * Piece,
  localparam int Groups  = (Width + Group - 1) / Group,
  localparam int Data    = Width + 2 * Groups + 2
) (
  input logic               clk_i,
  input logic               rst_ni,
  input logic               valid_i,
  input logic               ready_i,
  input logic [Width-1:0]   pieces_i,
  input logic [Carries-1:0] carries_i,
  input logic               nan_i,
  input logic               overflow_i,
  // Probes: no inputs, but what the unit has under these names.
  input logic               load,           // the slice: its output register loads; which registers hold a value
  input logic               valid_q,
  input logic               spare_valid_q,
  input logic [Data-1:0]    data_q,         // {nan, overflow, carries out of groups, groups that are ones, groups}
  input logic [Data-1:0]    spare_q,
  input logic               ready           // the last register loads what the slice has
);

  logic             sum_valid, slice_ready, nan, overflow;
  logic [Width-1:0] sum;

  if4_array_settle #(.Width(Width)) u_settle (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(slice_ready), .pieces_i(pieces_i), .carries_i(carries_i),
    .nan_i(nan_i), .overflow_i(overflow_i), .valid_o(sum_valid), .ready_i(ready_i), .sum_o(sum), .nan_o(nan),
    .overflow_o(overflow)
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  // What comes in: {nan, overflow, the sum}. And what the registers stand for.
  logic [Width-1:0] places;
  logic [Width+1:0] in, spare_sum_q, data_sum_q, sum_q;
  always_comb begin
    places = '0;
    for (int p = 0; p < Carries; p++) places[Piece*(p+1)] = carries_i[p];
  end
  assign in = {nan_i, overflow_i, pieces_i + places};

  always_ff @(posedge clk_i) begin
    if (slice_ready) spare_sum_q <= in;
    if (load) data_sum_q <= spare_valid_q ? spare_sum_q : in;
    if (valid_q & ready) sum_q <= data_sum_q;
  end

  // The groups of either register of the slice, and what comes into each of them from those below.
  logic [Width-1:0] data_above, spare_above;
  always_comb begin
    data_above  = '0;
    spare_above = '0;
    for (int g = 1; g < Groups; g++) begin
      data_above[Group*g]  = data_q[Width+Groups+g-1];
      spare_above[Group*g] = spare_q[Width+Groups+g-1];
    end
  end

  always_comb begin
    if (rst_ni) begin
      if (valid_q) begin
        assert ({data_q[Data-1 -: 2], data_q[Width-1:0] + data_above} == data_sum_q);
        for (int g = 0; g < Groups - 1; g++) begin
          assert (data_q[Width+g] == &data_q[Group*g +: Group]);
          assert (!(data_q[Width+g] && data_q[Width+Groups+g]));
        end
      end
      if (spare_valid_q) begin
        assert ({spare_q[Data-1 -: 2], spare_q[Width-1:0] + spare_above} == spare_sum_q);
        for (int g = 0; g < Groups - 1; g++) begin
          assert (spare_q[Width+g] == &spare_q[Group*g +: Group]);
          assert (!(spare_q[Width+g] && spare_q[Width+Groups+g]));
        end
      end
      if (sum_valid) assert ({nan, overflow, sum} == sum_q);
    end
  end

endmodule
