// Product of two 4-bit elements as an FP16 number, exact. Combinational.
//
// Elements of either type are read as an integer number of halves, so the product is an integer number of quarters. It
// is never subnormal: 0, or 1/4 to 64, which is INT4 -8 * -8. The factor 6/7 of INT4 is part of the scale. A product
// that is zero has the sign of its factors as others have, as code 0x8 of FP4 is -0.
/* verilator lint_off TIMESCALEMOD */ module lane_fp32_product #(
  parameter int Format = 0  // 0: IF4; 2: NVFP4, which has no INT4
) (
  input  logic        a_int_i,   // type of the activation: 1 INT4, 0 FP4; of NVFP4 always 0
  input  logic        w_int_i,   // type of the weight, likewise
  input  logic [3:0]  a_code_i,  // the activation
  input  logic [3:0]  w_code_i,  // the weight
  output logic [15:0] product_o  // FP16, zero of either sign or normal
);

  localparam int HalvesWidth  = Format == 0 ? 5 : 4;  // 0..16, NVFP4: 0..12
  localparam int ProductWidth = Format == 0 ? 9 : 8;  // 0..256, NVFP4: 0..144

  function automatic logic [4:0] halves(input logic is_int, input logic [3:0] code);
    if (is_int) begin
      halves = {(code ^ {4{code[3]}}) + {3'b0, code[3]}, 1'b0};  // two's complement, -8..7
    end else begin
      unique case (code[2:0])  // E2M1
        3'd0: halves = 5'd0;
        3'd1: halves = 5'd1;
        3'd2: halves = 5'd2;
        3'd3: halves = 5'd3;
        3'd4: halves = 5'd4;
        3'd5: halves = 5'd6;
        3'd6: halves = 5'd8;
        default: halves = 5'd12;
      endcase
    end
  endfunction

  logic [HalvesWidth-1:0]  a_halves, w_halves;
  logic [ProductWidth-1:0] quarters, normal;    // u(ProductWidth-2).2; u1.(ProductWidth-1)
  logic [$clog2(ProductWidth)-1:0] left;
  logic [4:0] exponent;                         // biased, of normal

  assign a_halves = HalvesWidth'(halves(a_int_i, a_code_i));
  assign w_halves = HalvesWidth'(halves(w_int_i, w_code_i));
  assign quarters = ProductWidth'(a_halves) * ProductWidth'(w_halves);

  fp32_lzc #(.Width(ProductWidth)) u_lzc (
    .value_i(quarters), .count_o(left)
  );

  assign normal   = quarters << left;
  assign exponent = 5'(15 + ProductWidth - 3) - 5'(left);

  assign product_o[15]   = a_code_i[3] ^ w_code_i[3];
  assign product_o[14:0] = {exponent, normal[ProductWidth-2:0], {(11-ProductWidth){1'b0}}} &
                           {15{normal[ProductWidth-1]}};

endmodule
