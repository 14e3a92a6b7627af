// The MAC unit with AXI4-Stream interfaces: operands in at s_axis, results out at m_axis.
//
// The ports of the streams have the names of AXI4-Stream, by which tools find an interface; clock and reset are ACLK and
// ARESETn of both. What is computed is stated in if4_mac.sv.
//
// Operands. A transfer is a beat of the unit. With C = Lanes * if4_pkg::code_bits(Format) bits of codes and S = Lanes / 2
// bits of scales, both whole bytes, TDATA is from bit 0 up
//   a_codes  C bits   activations, element i in slice i
//   a_scale  S bits   their scale bytes, that of block i in byte i; bit 7: 1 int, 0 float; bits 6:0: E4M3
//   w_codes  C bits   weights, likewise
//   w_scale  S bits
//   padding           up to DataWidth; it is not read
// TLAST ends a dot product. Every byte of an operand counts, so TKEEP must be ones below the padding: a simulation stops
// with $fatal at a transfer that is offered otherwise, synthesis leaves TKEEP out. Tie it to ones where the source has
// none.
//
// Results. A transfer is a result, which is a packet of its own: TLAST is 1. Results come in order, one for each transfer
// with TLAST at s_axis; none is ever dropped.
//
// Timing. Both streams have a register slice (if4_slice.sv), so each output comes from registers alone: no combinational
// path leads from any input to any output, and m_axis_tready does not reach s_axis_tready in the same clock. Throughput is
// that of if4_mac, one transfer a clock; latency two clocks more: 8 with 16 lanes and Iterative = 0.
//
// Reset: asynchronous, active low. It drops all beats and results in flight; the next transfer starts a dot product.
/* verilator lint_off TIMESCALEMOD */ module if4_mac_axis #(
  parameter int Format    = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes     = 16,                  // elements of either operand a transfer: 16, 32 or 64
  parameter int AccWidth  = if4_pkg::acc_width(Format, Lanes),  // bits of the accumulator, as of if4_mac
  parameter int Iterative = 0,                   // output stage: 0 pipelined, 1 iterative
  parameter int Depth     = 0,                   // 0 the small unit, 1 the fast one
  parameter int Scaled    = 0,                   // results: 0 values, 1 without the factor 1 / r^2, as of if4_mac
  parameter int DataWidth = 2 * Lanes * if4_pkg::code_bits(Format) + Lanes  // bits of s_axis_tdata: whole bytes, no
                                                 // fewer than the default, which has no padding
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,         // asynchronous, active low

  input  logic                   s_axis_tvalid,  // a beat is offered
  output logic                   s_axis_tready,  // it is taken at this edge if it is offered
  input  logic [DataWidth-1:0]   s_axis_tdata,   // {padding, w_scale, w_codes, a_scale, a_codes}
  input  logic [DataWidth/8-1:0] s_axis_tkeep,   // ones, but for the padding
  input  logic                   s_axis_tlast,   // the beat ends its dot product

  output logic                   m_axis_tvalid,  // a result is there
  input  logic                   m_axis_tready,  // it is taken at this edge
  output logic [31:0]            m_axis_tdata,   // FP32
  output logic                   m_axis_tlast,   // 1
  output logic [1:0]             m_axis_tuser    // {overflow, nan}: the flags of if4_mac, never both
);

  localparam int CodesWidth = Lanes * if4_pkg::code_bits(Format);
  localparam int ScaleWidth = Lanes / 2;
  localparam int BeatWidth  = 2 * (CodesWidth + ScaleWidth);

  if (DataWidth < BeatWidth || DataWidth % 8 != 0) begin : gen_guard_data
    initial $fatal(1, "if4_mac_axis: DataWidth cannot hold a beat, or is not whole bytes");
  end

  logic [BeatWidth-1:0]  operands;
  logic                  beat_valid, beat_ready, beat_last;
  logic [CodesWidth-1:0] a_codes, w_codes;
  logic [ScaleWidth-1:0] a_scale, w_scale;
  logic                  result_valid, result_ready, nan, overflow;
  logic [31:0]           result;

  // The whole of TDATA but for the padding.
  assign operands = s_axis_tdata[BeatWidth-1:0];
  if (DataWidth / 8 > BeatWidth / 8) begin : gen_padding
    logic unused;
    assign unused = ^{s_axis_tdata[DataWidth-1:BeatWidth], s_axis_tkeep[DataWidth/8-1:BeatWidth/8]};
  end

  if4_slice #(.Width(BeatWidth + 1)) u_operands (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(s_axis_tvalid), .ready_o(s_axis_tready), .data_i({s_axis_tlast, operands}),
    .valid_o(beat_valid), .ready_i(beat_ready), .data_o({beat_last, w_scale, w_codes, a_scale, a_codes})
  );

  if4_mac #(
    .Format(Format), .Lanes(Lanes), .AccWidth(AccWidth), .Iterative(Iterative), .Depth(Depth), .Scaled(Scaled)
  ) u_mac (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(beat_valid), .ready_o(beat_ready), .last_i(beat_last),
    .a_codes_i(a_codes), .a_scale_i(a_scale), .w_codes_i(w_codes), .w_scale_i(w_scale),
    .valid_o(result_valid), .ready_i(result_ready), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );

  if4_slice #(.Width(34)) u_results (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(result_valid), .ready_o(result_ready), .data_i({overflow, nan, result}),
    .valid_o(m_axis_tvalid), .ready_i(m_axis_tready), .data_o({m_axis_tuser, m_axis_tdata})
  );

  assign m_axis_tlast = 1'b1;

`ifndef SYNTHESIS
`ifndef YOSYS
  always @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      // In reset a source may drive anything but TVALID.
    end else if (s_axis_tvalid && (&s_axis_tkeep[BeatWidth/8-1:0]) !== 1'b1) begin
      $fatal(1, "if4_mac_axis: s_axis_tkeep is not all ones; a beat has no byte to spare");
    end
  end
`endif
`endif

endmodule
