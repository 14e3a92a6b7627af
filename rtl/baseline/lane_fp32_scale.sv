// The scale that all products of a beat share, in FP32: both E4M3 scales, and the factors 6/7 of INT4. Combinational.
//
// The product of the scales is exact. If one of the blocks is INT4 it is multiplied by f32(6/7), if both are by
// f32(36/49), and rounded to nearest even. E4M3's NaN, magnitude 0x7F, reads as the largest number, 448.
/* verilator lint_off TIMESCALEMOD */ module lane_fp32_scale #(
  parameter int Format = 0,  // 0: IF4; 2: NVFP4, which has no INT4 and hence no multiplier here
  parameter int Ieee   = 0   // parameter of the FP32 multiplier (fp32_mul.sv); 0 is enough
) (
  input  logic [7:0]  a_scale_i,  // bit 7: 1 INT4, 0 FP4, ignored by NVFP4; bits 6:0: E4M3 magnitude
  input  logic [7:0]  w_scale_i,  // likewise
  output logic [31:0] scale_o     // FP32, +0 or 2^-18 * 36/49 to 448^2
);

  logic       a_normal, w_normal;
  logic [3:0] a_sig, w_sig;    // u1.3
  logic [3:0] a_exp, w_exp;    // 1..15, bias 7
  logic [7:0] product, normal; // u2.6; u1.7
  logic [2:0] left;
  logic [7:0] exponent;        // of normal, bias 127
  logic [31:0] exact;          // FP32, the product of the scales

  assign a_normal = |a_scale_i[6:3];
  assign w_normal = |w_scale_i[6:3];
  assign a_sig    = {a_normal, a_scale_i[2:1], a_scale_i[0] & ~&a_scale_i[6:1]};
  assign w_sig    = {w_normal, w_scale_i[2:1], w_scale_i[0] & ~&w_scale_i[6:1]};
  assign a_exp    = {a_scale_i[6:4], a_scale_i[3] | ~a_normal};
  assign w_exp    = {w_scale_i[6:4], w_scale_i[3] | ~w_normal};
  assign product  = 8'(a_sig) * 8'(w_sig);

  fp32_lzc #(.Width(8)) u_lzc (
    .value_i(product), .count_o(left)
  );

  assign normal   = product << left;
  assign exponent = 8'(127 - 7 - 7 + 1) + 8'(a_exp) + 8'(w_exp) - 8'(left);
  assign exact    = {1'b0, {exponent, normal[6:0]} & {15{normal[7]}}, 16'b0};

  if (Format == 0) begin : gen_factor
    localparam logic [31:0] OneInt = 32'h3F5B_6DB7;  // f32(6/7)
    localparam logic [31:0] TwoInt = 32'h3F3C_14E6;  // f32(36/49)

    logic [31:0] scaled;

    fp32_mul #(.Ieee(Ieee)) u_factor (
      .a_i(exact), .b_i((a_scale_i[7] & w_scale_i[7]) ? TwoInt : OneInt), .result_o(scaled)
    );

    assign scale_o = (a_scale_i[7] | w_scale_i[7]) ? scaled : exact;
  end else begin : gen_factor
    assign scale_o = exact;

    logic unused;
    assign unused = a_scale_i[7] ^ w_scale_i[7];
  end

endmodule
