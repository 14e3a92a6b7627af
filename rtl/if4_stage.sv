// The handshake of one pipeline stage: whether its registers hold a value, and when they take another.
//
// The registers themselves are those of the module around it: they load at an edge with valid_i & ready_o, and keep the
// value until an edge with valid_o & ready_i. A stage hands its value on and takes the next at the same edge, so a full
// pipeline moves without a gap; a stage without a value takes one even if those behind it wait. Latency: 1 clock.
// Reset: asynchronous, active low. It drops the value.
/* verilator lint_off TIMESCALEMOD */ module if4_stage (
  input  logic clk_i,
  input  logic rst_ni,   // asynchronous, active low
  input  logic valid_i,  // a value is offered
  output logic ready_o,  // it is taken at this edge if it is offered; combinational from ready_i, of nothing else
  output logic valid_o,  // the registers hold a value
  input  logic ready_i   // it is taken from them at this edge
);

  logic valid_q;

  assign ready_o = ~valid_q | ready_i;
  assign valid_o = valid_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
    end else if (ready_o) begin
      valid_q <= valid_i;
    end
  end

endmodule
