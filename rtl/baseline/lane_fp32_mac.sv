// The lane-FP32 unit: the architecture of the MAC published with arXiv 2603.28765, built anew to compare with. 16 lanes
// compute in FP32 and round at every step, so a result is *not* the correctly rounded dot product. Its bits are those
// of model/mac/lane_fp32.hpp, LaneFp32Mac(LaneStart::kFirstProduct).
//
// A beat is one block of activations and one block of weights: 16 lanes. A dot product is the beats up to and including
// one with last_i; the next beat starts another.
//
// Handshake. A beat is taken at a clock edge with valid_i & ready_o, a result at one with valid_o & ready_i. valid_o,
// once high, stays high with a stable result until that is taken. ready_o does not depend on valid_i; it depends
// combinationally on ready_i, since a full pipeline moves on when its result is taken. Results come in order, one for
// each beat with last_i; none is ever dropped.
//
// Throughput: one beat a clock, for dot products of any length, as long as results are taken.
//
// Latency: 6 clocks from the edge that takes the last beat to the first edge at which the result can be taken, without
// stalls.
//
// Reset: asynchronous, active low. It drops all beats and results in flight; the next beat starts a dot product.
//
// Stages, each rounding to nearest even wherever it says FP32:
//   1    scale = s_a * s_w, exact; times f32(6/7) or f32(36/49) in FP32 if one or both blocks are INT4;
//        in each lane, product = a * w, exact as FP16, times scale in FP32
//   2    in each lane, sum = sum + product in FP32; of the first beat of a dot product, sum = product
//   3-6  a tree of FP32 adders, one level a stage: (0+1), (2+3), ...
// The published unit divides the work among its clocks in the same way up to the lanes' sums. Its tree is eight adders
// used four times, and a dot product of fewer beats than that takes overruns it; here the tree has all 15.
//
// Result. FP32: zero of either sign, or a normal number. It is never subnormal, since a product is 0 or at least
// 2^-20 * 36/49, so that every sum is a multiple of 2^-44. It is never infinite or NaN, since a product is below 2^24,
// so that it takes 2^103 beats to leave FP32. The scale magnitude 0x7F, E4M3's NaN, reads as 448.
/* verilator lint_off TIMESCALEMOD */ module lane_fp32_mac #(
  parameter int Format = 0,  // 0: IF4; 2: NVFP4, which ignores bit 7 of both scales and has no INT4
  parameter int Ieee   = 0   // FP32 adders and multipliers: 1: all of IEEE 754; 0: zero and normal numbers, enough here
) (
  input  logic        clk_i,
  input  logic        rst_ni,     // asynchronous, active low

  input  logic        valid_i,    // a beat is offered
  output logic        ready_o,    // it is taken at this edge if it is offered
  input  logic        last_i,     // it ends its dot product
  input  logic [63:0] a_codes_i,  // activations, element i in bits 4i+3:4i
  input  logic [7:0]  a_scale_i,  // bit 7: 1 INT4, 0 FP4; bits 6:0: E4M3 magnitude
  input  logic [63:0] w_codes_i,  // weights, likewise
  input  logic [7:0]  w_scale_i,

  output logic        valid_o,    // a result is there
  input  logic        ready_i,    // it is taken at this edge
  output logic [31:0] result_o    // FP32
);

  localparam int Lanes = 16;

  // Stage 1: multiply -------------------------------------------------------------------------------------------------
  logic [31:0] scale;                         // FP32
  logic        a_int, w_int;
  logic [32*Lanes-1:0] products, products_q;  // FP32, lane i in slice i
  logic        last1_q, valid1, ready2;       // stage 1 holds a beat, and its last_i; stage 2 can take one

  lane_fp32_scale #(.Format(Format), .Ieee(Ieee)) u_scale (
    .a_scale_i(a_scale_i), .w_scale_i(w_scale_i), .scale_o(scale)
  );

  assign a_int = (Format == 0) & a_scale_i[7];
  assign w_int = (Format == 0) & w_scale_i[7];

  for (genvar i = 0; i < Lanes; i++) begin : gen_product
    logic [15:0] product16;                   // FP16, zero or normal
    logic [31:0] product32;                   // the same in FP32

    lane_fp32_product #(.Format(Format)) u_product (
      .a_int_i(a_int), .w_int_i(w_int), .a_code_i(a_codes_i[4*i +: 4]), .w_code_i(w_codes_i[4*i +: 4]),
      .product_o(product16)
    );

    assign product32 = {product16[15], |product16[14:10] ? 8'(product16[14:10]) + 8'(127 - 15) : 8'b0,
                        product16[9:0], 13'b0};

    fp32_mul #(.Ieee(Ieee)) u_mul (
      .a_i(product32), .b_i(scale), .result_o(products[32*i +: 32])
    );
  end

  if4_stage u_stage1 (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready_o), .valid_o(valid1), .ready_i(ready2)
  );

  always_ff @(posedge clk_i) begin
    if (valid_i & ready_o) begin
      products_q <= products;
      last1_q    <= last_i;
    end
  end

  // Stage 2: accumulate -----------------------------------------------------------------------------------------------
  // The tree reads the registers of the lanes' sums themselves: finished sums stay in them until they are taken.
  logic [32*Lanes-1:0] sums, sums_q;          // FP32, lane i in slice i
  logic first_q;                              // the next beat starts a dot product
  logic done, tree_ready;                     // sums_q are finished; the tree can take them

  for (genvar i = 0; i < Lanes; i++) begin : gen_sum
    logic [31:0] sum;

    fp32_add #(.Ieee(Ieee)) u_add (
      .a_i(sums_q[32*i +: 32]), .b_i(products_q[32*i +: 32]), .result_o(sum)
    );

    assign sums[32*i +: 32] = first_q ? products_q[32*i +: 32] : sum;
  end

  if4_stage u_done (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(valid1 & last1_q), .ready_o(ready2), .valid_o(done), .ready_i(tree_ready)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= 1'b1;
    end else if (valid1 & ready2) begin
      first_q <= last1_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid1 & ready2) sums_q <= sums;
  end

  // Stages 3 to 6: add the lanes --------------------------------------------------------------------------------------
  lane_fp32_tree #(.Ieee(Ieee)) u_tree (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(done), .ready_o(tree_ready), .values_i(sums_q),
    .valid_o(valid_o), .ready_i(ready_i), .sum_o(result_o)
  );

endmodule
