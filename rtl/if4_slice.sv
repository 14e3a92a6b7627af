// A register slice of one value a clock, with registers on both ways: no output depends on an input of the same clock.
//
// It holds two values: one in the register that the output shows, and one in the spare register, which takes the value
// that comes while the output waits. So ready_o can be a register, and still a value goes through in every clock.
//
// Handshake. A value is taken at a clock edge with valid_i & ready_o, and given at one with valid_o & ready_i. valid_o,
// once high, stays high with stable data until that edge. Values come out in order; none is dropped or doubled.
//
// Throughput: one value a clock. Latency: 1 clock. Reset: asynchronous, active low. It drops both values.
/* verilator lint_off TIMESCALEMOD */ module if4_slice #(
  parameter int Width = 8  // bits of a value, 1 or more
) (
  input  logic             clk_i,
  input  logic             rst_ni,   // asynchronous, active low
  input  logic             valid_i,  // a value is offered
  output logic             ready_o,  // it is taken at this edge if it is offered: the spare register is empty
  input  logic [Width-1:0] data_i,
  output logic             valid_o,  // a value is there
  input  logic             ready_i,  // it is taken at this edge
  output logic [Width-1:0] data_o
);

  logic             valid_q, spare_valid_q;  // the registers hold a value; the spare one only if the other does
  logic [Width-1:0] data_q, spare_q;
  logic             load;                    // the output register takes the next value, or none

  assign ready_o = ~spare_valid_q;
  assign valid_o = valid_q;
  assign data_o  = data_q;
  assign load    = ~valid_q | ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q       <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (load) begin
      valid_q       <= valid_i | spare_valid_q;
      spare_valid_q <= 1'b0;
    end else begin
      spare_valid_q <= valid_i | spare_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (load) data_q <= spare_valid_q ? spare_q : data_i;
    if (ready_o) spare_q <= data_i;
  end

endmodule
