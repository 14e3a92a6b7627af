// Decodes one 4-bit code into sign, significand and shift. Combinational.
//
// The magnitude is sig * 2^shift, so that both element types feed one 3x3-bit multiplier:
//   FP4  in halves: 0 1 2 3 4 6 8 12 = {0,1,2,3} << 0, {2,3} << 1, {2,3} << 2
//   INT4 0..7 = sig << 0; -8 = 4 << 1
module if4_element (
  input  logic                           is_int_i,  // 1: INT4, 0: FP4
  input  logic [if4_pkg::CodeWidth-1:0]  code_i,
  output logic                           neg_o,     // 1: the element is negative (or FP4 -0)
  output logic [if4_pkg::SigWidth-1:0]   sig_o,     // FP4: 0..3, INT4: 0..7
  output logic [if4_pkg::ShiftWidth-1:0] shift_o    // FP4: 0..2, INT4: 0..1
);

  logic       int_min;  // INT4 -8, whose magnitude has no room in three bits
  logic [2:0] int_mag;

  assign int_min = code_i == 4'h8;
  assign int_mag = (code_i[2:0] ^ {3{code_i[3]}}) + {2'b00, code_i[3]};

  assign neg_o = code_i[3];

  assign sig_o   = is_int_i ? {int_mag[2] | int_min, int_mag[1:0]} : {1'b0, code_i[2] | code_i[1], code_i[0]};
  assign shift_o = is_int_i ? {1'b0, int_min} : {code_i[2] & code_i[1], code_i[2] & ~code_i[1]};

endmodule
