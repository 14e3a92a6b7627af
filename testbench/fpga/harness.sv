// A MAC unit between registers, on four pins: how fast it is on an FPGA whose package has fewer pins than it has ports.
//
// All inputs of the unit but clock and reset come from a shift register that one pin fills, and all outputs go into
// registers, which are mixed into one pin. So every path of the unit is one between registers, and none can be left out.
// `fpga_unit` is the unit, which is synthesized on its own: its ports have the widths that Format and Lanes say.
module harness #(
  parameter int Format = if4_pkg::FormatIF4,
  parameter int Lanes  = 16
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic data_i,
  output logic data_o
);

  localparam int Codes   = Lanes * if4_pkg::code_bits(Format);
  localparam int Scales  = Lanes / 2;
  localparam int Inputs  = 2 * Codes + 2 * Scales + 3;
  localparam int Outputs = 36;

  logic [Inputs-1:0]  in_q;
  logic [Outputs-1:0] out, out_q, mixed_q;

  always_ff @(posedge clk_i) begin
    in_q    <= {in_q[Inputs-2:0], data_i};
    out_q   <= out;
    mixed_q <= {mixed_q[Outputs-2:0], mixed_q[Outputs-1]} ^ out_q;
  end
  assign data_o = mixed_q[Outputs-1];

  fpga_unit u_unit (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(in_q[0]), .last_i(in_q[1]), .ready_i(in_q[2]),
    .a_codes_i(in_q[3 +: Codes]), .w_codes_i(in_q[3 + Codes +: Codes]),
    .a_scale_i(in_q[3 + 2 * Codes +: Scales]), .w_scale_i(in_q[3 + 2 * Codes + Scales +: Scales]),
    .ready_o(out[0]), .valid_o(out[1]), .nan_o(out[2]), .overflow_o(out[3]), .result_o(out[35:4])
  );

endmodule
