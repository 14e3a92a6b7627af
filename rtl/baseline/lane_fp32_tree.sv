// Adds 16 FP32 numbers by a tree of neighbours, (0+1), (2+3), and so on; each of its 15 adders rounds to nearest even.
//
// A pipeline stage for each of the four levels, with valid/ready on both sides. Throughput: a sum a clock. Latency,
// without stalls: 4 clocks from the edge that takes the numbers to the first edge at which the sum can be taken.
/* verilator lint_off TIMESCALEMOD */ module lane_fp32_tree #(
  parameter int Ieee = 0  // parameter of the adders (fp32_add.sv)
) (
  input  logic         clk_i,
  input  logic         rst_ni,    // asynchronous, active low: drops what is in the stages
  input  logic         valid_i,   // numbers are offered
  output logic         ready_o,   // they are taken at this edge; combinational from ready_i through full stages
  input  logic [511:0] values_i,  // FP32, number i in bits 32i+31:32i
  output logic         valid_o,   // a sum is there; it stays until it is taken
  input  logic         ready_i,   // it is taken at this edge
  output logic [31:0]  sum_o      // FP32
);

  localparam int Levels = 4;

  // Level l makes 16 / 2^(l+1) sums from twice as many numbers.
  for (genvar l = 0; l < Levels; l++) begin : gen_level
    localparam int Sums = 8 >> l;

    logic [64*Sums-1:0] terms;
    logic [32*Sums-1:0] sums, sums_q;
    logic valid_in, valid, ready, ready_next;

    if (l == 0) begin : gen_first
      assign terms    = values_i;
      assign valid_in = valid_i;
    end else begin : gen_next
      assign terms    = gen_level[l-1].sums_q;
      assign valid_in = gen_level[l-1].valid;
    end

    if (l == Levels - 1) begin : gen_last
      assign ready_next = ready_i;
    end else begin : gen_ready
      assign ready_next = gen_level[l+1].ready;
    end

    for (genvar i = 0; i < Sums; i++) begin : gen_sum
      fp32_add #(.Ieee(Ieee)) u_add (
        .a_i(terms[64*i +: 32]), .b_i(terms[64*i+32 +: 32]), .result_o(sums[32*i +: 32])
      );
    end

    if4_stage u_stage (
      .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_in), .ready_o(ready), .valid_o(valid), .ready_i(ready_next)
    );

    always_ff @(posedge clk_i) begin
      if (valid_in & ready) sums_q <= sums;
    end
  end

  assign ready_o = gen_level[0].ready;
  assign valid_o = gen_level[Levels-1].valid;
  assign sum_o   = gen_level[Levels-1].sums_q;

endmodule
