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

  // The output register of the slice, and its spare one: groups, and what comes into each of them from those below.
  logic [1:0]         has;
  logic [2*Data-1:0]  data;
  logic [2*Width+3:0] stands_for;
  assign has        = {spare_valid_q, valid_q};
  assign data       = {spare_q, data_q};
  assign stands_for = {spare_sum_q, data_sum_q};

  for (genvar r = 0; r < 2; r++) begin : gen_register
    logic [Width-1:0]  groups, above;
    logic [Groups-1:0] whole, carry;
    logic [1:0]        flags;
    assign {flags, carry, whole, groups} = data[r*Data +: Data];
    always_comb begin
      above = '0;
      for (int g = 1; g < Groups; g++) above[Group*g] = carry[g-1];
      if (rst_ni && has[r]) begin
        assert ({flags, groups + above} == stands_for[r*(Width+2) +: Width+2]);
        for (int g = 0; g < Groups - 1; g++) begin
          assert (whole[g] == &groups[Group*g +: Group]);
          assert (!(whole[g] && carry[g]));
        end
      end
    end
  end

  always_comb if (rst_ni && sum_valid) assert ({nan, overflow, sum} == sum_q);

endmodule
