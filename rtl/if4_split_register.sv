// A register of the sum of two numbers, which is finished behind it: the halves of the numbers are added apart, the
// upper ones twice, without and with a carry from the lower ones; behind the register that carry chooses. So no carry
// runs through both halves in one clock. Logic optimizers make one slow chain of a carry-select adder; across a
// register they cannot. Latency: 1 clock. No reset.
/* verilator lint_off TIMESCALEMOD */ module if4_split_register #(
  parameter int Width = 20  // bits of the numbers, 2 or more
) (
  input  logic             clk_i,
  input  logic             load_i,  // the register takes the sum at this edge
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] sum_o    // a_i + b_i, modulo 2^Width, of the edge with load_i
);

  localparam int Low  = Width / 2;
  localparam int High = Width - Low;

  logic [High:0]   next;   // {upper half with a carry, 0 or 1}
  logic [High-1:0] high_q, next_q;
  logic [Low:0]    low_q;  // {carry, lower half}

  assign next = {a_i[Width-1:Low], 1'b1} + {b_i[Width-1:Low], 1'b1};

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      low_q  <= {1'b0, a_i[Low-1:0]} + {1'b0, b_i[Low-1:0]};
      high_q <= a_i[Width-1:Low] + b_i[Width-1:Low];
      next_q <= next[High:1];
    end
  end

  assign sum_o = {low_q[Low] ? next_q : high_q, low_q[Low-1:0]};

  logic unused;
  assign unused = next[0];

endmodule
