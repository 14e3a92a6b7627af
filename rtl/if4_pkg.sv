// Constants of the IF4 format and of the exact datapath. The only SystemVerilog definition of either;
// testbench/test_rtl_tables.cpp proves it equal to model/format.hpp through the unit's ports.
//
// Units. With e = 7h for FP4 (h: magnitude in halves) and e = 12q for INT4 (q: the integer), an element is e/14,
// and everything up to the accumulator is an integer. One unit of the accumulator is 2^-20 / 49.
package if4_pkg;

  localparam int BlockSize  = 16;  // values that share one scale byte; lanes of the unit
  localparam int CodeWidth  = 4;
  localparam int CodesWidth = BlockSize * CodeWidth;
  localparam int ScaleWidth = 8;   // bit 7: INT4, bits 6:0: E4M3 magnitude
  localparam int ScaleMagWidth = 7;

  localparam logic [6:0] ScaleNaN = 7'h7F;  // E4M3's only NaN

  localparam int SigWidth     = 3;   // 0..7: FP4 needs 0..3, INT4 0..7
  localparam int ShiftWidth   = 2;   // 0..2
  localparam int ProductWidth = 9;   // signed, -144..144: 12 * 12 in quarters
  localparam int DotWidth     = 13;  // signed, -2304..2304: 16 * 144

  // k = 49 (FP,FP), 84 (mixed), 144 (INT,INT): 49 times the product of both types' factors and units.
  localparam int TermWidth = 19;  // signed D * k, -147456..147456: 16 * 8 * 8 * 144 < 2^18
  localparam int ScaleProductWidth = 8;   // 0..225: 15 * 15
  localparam int ScaleShiftWidth   = 5;   // 0..28: x_a + x_w - 2, each x in 1..15
  localparam int BeatWidth    = 26;  // signed D * k * m_a * m_w: 147456 * 225 < 2^25
  localparam int AlignedWidth = BeatWidth + 28;  // the same, shifted by at most 28
  localparam int AccWidth     = 64;  // holds 1,024 beats of the largest magnitude and more

  // Quiet NaN: the result of a dot product with a NaN scale or an overflow.
  localparam logic [31:0] Fp32NaN = 32'h7FC0_0000;

endpackage
