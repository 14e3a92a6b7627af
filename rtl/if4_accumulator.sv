// The exact sum of the beats of a dot product, in one addition a beat.
//
// The accumulator is also the register that the output stage reads: a finished sum stays in it until it is taken.
// Handshake: a beat is taken at an edge with valid_i & ready_o, a sum at one with valid_o & ready_i. Throughput: a beat
// a clock within a dot product, and with Iterative = 0 from one to the next. Latency: 1 clock. Reset: asynchronous,
// active low. It drops all beats and sums.
/* verilator lint_off TIMESCALEMOD */ module if4_accumulator #(
  parameter int Width     = 64,  // bits of the sum
  parameter int BeatWidth = 58,  // bits of a beat, at most Width
  parameter int Iterative = 0    // 1: it is cleared between two dot products, in a clock of its own
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,     // asynchronous, active low
  input  logic                        valid_i,    // a beat is offered
  output logic                        ready_o,    // it is taken at this edge if it is offered
  input  logic                        last_i,     // it ends its dot product
  input  logic                        nan_i,      // a scale of it is NaN
  input  logic signed [BeatWidth-1:0] beat_i,
  output logic                        valid_o,    // a finished sum is there; it stays until it is taken
  input  logic                        ready_i,    // it is taken at this edge
  output logic signed [Width-1:0]     sum_o,
  output logic                        nan_o,      // a scale of one of its beats was NaN
  output logic                        overflow_o  // a partial sum, in the order of the beats, did not fit
);

  logic signed [Width-1:0] wide, base, sum, acc_q;  // the beat; sum before it; sum with it; the accumulator
  logic base_nan, base_overflow;  // flags of the dot product before the beat
  logic nan_q, overflow_q;        // flags of the accumulator; overflow_q without the last addition
  logic overflow;                 // with it
  logic done;                     // acc_q is a finished sum
  logic add;                      // the beat is added at this edge

  assign wide = Width'(beat_i);
  assign add  = ready_o & valid_i;

  if4_adder #(.Width(Width)) u_adder (.a_i(base), .b_i(wide), .sum_o(sum));

  // Whether an addition left the accumulator is found a clock later, off the longest path: if it did, its operands had
  // the same sign and the sum has the other.
  logic alike_q, sign_q;  // the operands of the last addition had the same sign; the sign of the beat
  always_ff @(posedge clk_i) begin
    if (add) sign_q <= wide[Width-1];
  end
  assign overflow = overflow_q | (alike_q & (acc_q[Width-1] != sign_q));

  if (Iterative != 0) begin : gen_clear
    // The accumulator is cleared between two dot products, in a clock of its own. That is smaller than a gate before
    // the adder, and costs no time, as the next dot product waits for the output stage anyhow.
    assign base          = acc_q;
    assign base_nan      = nan_q;
    assign base_overflow = overflow;
    logic done_q;
    assign done          = done_q;
    assign ready_o       = ~done_q;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        done_q     <= 1'b0;
        acc_q      <= '0;
        nan_q      <= 1'b0;
        overflow_q <= 1'b0;
        alike_q    <= 1'b0;
      end else if (add) begin
        done_q     <= last_i;
        acc_q      <= sum;
        nan_q      <= base_nan | nan_i;
        overflow_q <= base_overflow;
        alike_q    <= base[Width-1] == wide[Width-1];
      end else if (done_q & ready_i) begin
        done_q     <= 1'b0;
        acc_q      <= '0;
        nan_q      <= 1'b0;
        overflow_q <= 1'b0;
        alike_q    <= 1'b0;
      end
    end
  end else begin : gen_gate
    logic first_q;  // the next beat starts a dot product, and adds to 0
    assign base          = first_q ? '0 : acc_q;
    assign base_nan      = nan_q & ~first_q;
    assign base_overflow = overflow & ~first_q;
    if4_stage u_done (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .valid_i(valid_i & last_i), .ready_o(ready_o), .valid_o(done), .ready_i(ready_i)
    );
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        first_q <= 1'b1;
      end else if (add) begin
        first_q <= last_i;
      end
    end
    always_ff @(posedge clk_i) begin
      if (add) begin
        acc_q      <= sum;
        nan_q      <= base_nan | nan_i;
        overflow_q <= base_overflow;
        alike_q    <= base[Width-1] == wide[Width-1];
      end
    end
  end

  assign valid_o    = done;
  assign sum_o      = acc_q;
  assign nan_o      = nan_q;
  assign overflow_o = overflow;

endmodule
