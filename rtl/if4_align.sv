// The value of a beat: each block shifted up by the exponents of its two scales, and their sum. Combinational, exact.
/* verilator lint_off TIMESCALEMOD */ module if4_align #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes  = 16,                  // 16, 32 or 64: 1, 2 or 4 blocks
  localparam int Blocks     = Lanes / if4_pkg::BlockSize,
  localparam int BlockWidth = if4_pkg::block_width(Format),
  localparam int ShiftWidth = if4_pkg::ScaleShiftWidth,
  localparam int BeatWidth  = if4_pkg::beat_width(Format, Lanes)
) (
  input  logic [Blocks*BlockWidth-1:0] block_i,  // D * m_a * m_w * k of each block, signed, block i in slice i
  input  logic [Blocks*ShiftWidth-1:0] shift_i,  // x_a + x_w - 2 of each block, 0..28, block i in slice i
  output logic signed [BeatWidth-1:0]  beat_o    // in the unit of the sum, 2^sum_exponent / r^2 (if4_pkg.sv)
);

  logic signed [BeatWidth-1:0] sum;

  always_comb begin
    sum = '0;
    for (int b = 0; b < Blocks; b++) begin
      sum = sum + (BeatWidth'($signed(block_i[b*BlockWidth +: BlockWidth])) <<< shift_i[b*ShiftWidth +: ShiftWidth]);
    end
  end

  if (Blocks == 1) begin : gen_one_block
    // The sign of a single block is known before the shift.
    assign beat_o = {block_i[BlockWidth-1], sum[BeatWidth-2:0]};
    logic unused;
    assign unused = sum[BeatWidth-1];
  end else begin : gen_blocks
    assign beat_o = sum;
  end

endmodule
