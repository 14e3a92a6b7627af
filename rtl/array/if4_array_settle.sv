// From the pieces of a sum and the carries between them, as the fast cells of the array have them, to the sum.
//
// Two pipeline stages with valid/ready on both sides. Two pieces each are a group. The first stage adds the carries
// within each group, the second what goes from group to group: a group of ones hands on what comes in, and that it is all
// ones is known from the first stage, so that no carry runs through more than a group in one clock. Throughput: a sum a
// clock. Latency: 2 clocks. Reset: asynchronous, active low. It drops what is in the stages.
//
// The first stage is a register slice, since ready_o goes on to the stall of all cells: it does not begin at ready_i, nor
// run through the stages that follow.
/* verilator lint_off TIMESCALEMOD */ module if4_array_settle #(
  parameter int Width    = 64,  // bits of the sum, above if4_pkg::CellPiece
  localparam int Piece   = if4_pkg::CellPiece,
  localparam int Carries = if4_pkg::cell_carries(Width, 1)
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,      // asynchronous, active low
  input  logic                    valid_i,     // a sum is offered, with its flags
  output logic                    ready_o,     // it is taken at this edge; depends on no input
  input  logic [Width-1:0]        pieces_i,    // its pieces, the lowest at the low end
  input  logic [Carries-1:0]      carries_i,   // bit p: 1 is to be added to piece p + 1
  input  logic                    nan_i,       // flags, which go along
  input  logic                    overflow_i,
  output logic                    valid_o,     // a sum is there; it stays until it is taken
  input  logic                    ready_i,     // it is taken at this edge
  output logic signed [Width-1:0] sum_o,       // the sum, modulo 2^Width
  output logic                    nan_o,
  output logic                    overflow_o
);

  localparam int Group  = 2 * Piece;                    // bits of a group but the top one
  localparam int Groups = (Width + Group - 1) / Group;

  // Within the groups ---------------------------------------------------------------------------------------------------
  logic [Width-1:0]  carries;          // each at the lowest bit of its piece
  logic [Width-1:0]  ones;             // with the carries the bit is 1, as long as none leaves its piece
  logic [Width-1:0]  group, group_q;   // the groups, each with the carries into its pieces
  logic [Groups-1:0] carry, carry_q;   // what each group carries; the top one: out of the sum
  logic [Groups-1:0] whole, whole_q;   // it is all ones, and so carries nothing

  for (genvar b = 0; b < Width; b++) begin : gen_bit
    if (b % Piece == 0 && b > 0) assign carries[b] = carries_i[b/Piece-1];
    else assign carries[b] = 1'b0;
  end
  assign ones = pieces_i ^ carries;

  for (genvar g = 0; g < Groups; g++) begin : gen_group
    localparam int Low  = g * Group;
    localparam int Bits = g == Groups - 1 ? Width - Low : Group;
    assign {carry[g], group[Low +: Bits]} = {1'b0, pieces_i[Low +: Bits]} + {1'b0, carries[Low +: Bits]};
    assign whole[g] = &ones[Low +: Bits];
  end

  logic settle, ready, nan_q, overflow_q;
  if4_slice #(.Width(Width + 2 * Groups + 2)) u_groups (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready_o), .data_i({nan_i, overflow_i, carry, whole, group}),
    .valid_o(settle), .ready_i(ready), .data_o({nan_q, overflow_q, carry_q, whole_q, group_q})
  );

  // From group to group -------------------------------------------------------------------------------------------------
  logic [Width-1:0] sum;

  for (genvar g = 0; g < Groups; g++) begin : gen_sum
    localparam int Low  = g * Group;
    localparam int Bits = g == Groups - 1 ? Width - Low : Group;
    logic from;  // what comes from the group below
    if (g == 0) begin : gen_lowest
      assign from = 1'b0;
    end else begin : gen_above
      assign from = carry_q[g-1] | (whole_q[g-1] & gen_sum[g-1].from);
    end
    assign sum[Low +: Bits] = group_q[Low +: Bits] + Bits'(from);
  end

  if4_stage u_sum (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(settle), .ready_o(ready), .valid_o(valid_o), .ready_i(ready_i)
  );

  always_ff @(posedge clk_i) begin
    if (settle & ready) begin
      sum_o      <= sum;
      nan_o      <= nan_q;
      overflow_o <= overflow_q;
    end
  end

  logic unused;
  assign unused = carry_q[Groups-1] ^ whole_q[Groups-1];

endmodule
