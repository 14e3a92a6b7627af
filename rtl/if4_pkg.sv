// The formats of the unit and every width that follows from them. The only SystemVerilog definition of either; the rows
// are those of kFormatTraits in model/core/format.hpp, and the tests hold both to the text of the formats.
//
// A block is 16 codes and a scale byte. The code of an element stands for an integer, its operand:
//   float part ExMy   h = sig << shift in units of 2^-f, with sig = {field != 0, mantissa}, shift = max(field, 1) - 1
//   int part          q, in two's complement or as sign and magnitude
// The value of an element is its operand times the weight of its type, over a denominator that both types share:
//
//   format        code  float           int               value              weights   divisor r
//   IF4           4     E2M1, f = 1     two's complement  h/2,  q * 6/7      7, 12     7
//   MixFP4        4     E2M1, f = 1     sign, magnitude   h/2,  q            1, 2      1
//   NVFP4         4     E2M1, f = 1     -                 h/2                1         1
//   NVINT4        4     -               two's complement  q                  1         1
//   IF3           3     E2M0, f = 0     sign, magnitude   h,    q * 4/3      3, 4      3
//   IF6-E2M3      6     E2M3, f = 3     sign, magnitude   h/8,  q * 7.5/31   31, 60    31
//   IF6-E3M2      6     E3M2, f = 4     sign, magnitude   h/16, q * 28/31    31, 448   31
//   NVFP6-E2M3    6     E2M3, f = 3     -                 h/8                1         1
//   NVFP6-E3M2    6     E3M2, f = 4     -                 h/16               1         1
//
// The sum of a dot product is an integer in units of 2^(-18 - 2f) / r^2: 2^-18 comes from the two scales, each a
// multiple of 2^-9, and the rest from the two elements, each a multiple of 2^-f / r.
//
// The functions give constants, for elaboration. They are written in the subset that Verilator 5.006,
// Yosys 0.23 and Icarus Verilog 11 evaluate alike, which has neither structures nor arrays in functions.
/* verilator lint_off TIMESCALEMOD */ package if4_pkg;

  // Values of the parameter Format.
  localparam int FormatIF4       = 0;
  localparam int FormatMixFP4    = 1;
  localparam int FormatNVFP4     = 2;
  localparam int FormatNVINT4    = 3;
  localparam int FormatIF3       = 4;
  localparam int FormatIF6E2M3   = 5;
  localparam int FormatIF6E3M2   = 6;
  localparam int FormatNVFP6E2M3 = 7;
  localparam int FormatNVFP6E3M2 = 8;
  localparam int Formats         = 9;

  // Values of the column int_code.
  localparam int NoInts         = 0;  // the format has no integers
  localparam int TwosComplement = 1;
  localparam int SignMagnitude  = 2;  // the sign is the top bit

  localparam int BlockSize = 16;  // codes that share one scale byte

  // A scale byte: bit 7 the element type of the block, 1 for int; bits 6:0 the magnitude s = m * 2^(x - 10) in E4M3,
  // with m = {field != 0, mantissa} and x = max(field, 1). Its exponent is kept as x - 1, which is 0 for the smallest.
  localparam int ScaleWidth    = 8;
  localparam int ScaleMagWidth = 7;
  localparam int ScaleSigWidth = 4;         // of m, 0..15
  localparam int ScaleExpWidth = 4;         // of x - 1, 0..14
  localparam logic [6:0] ScaleNaN = 7'h7F;  // E4M3's only NaN, m = 15 at x = 15

  // The product of two scales: m_a * m_w * 2^(x_a + x_w - 20).
  localparam int ScaleProductMax   = 225;  // m_a * m_w = 15 * 15
  localparam int ScaleProductTop   = 196;  // 14 * 14: m_a * m_w at the largest exponents, where m = 15 is the NaN
  localparam int ScaleProductWidth = 8;    // of m_a * m_w, 0..225
  localparam int BoothDigits       = 4;    // of m_a * m_w in radix 4
  localparam int ScaleShiftMax     = 28;   // x_a + x_w - 2 = 15 + 15 - 2
  localparam int ScaleShiftWidth   = 5;    // of x_a + x_w - 2, 0..28

  localparam int AccBeats    = 1024;  // beats, each the largest possible, that the default accumulator holds
  localparam int AccWidthMax = 120;   // bits: the golden model and the proofs, which count in 128, need some to spare

  // What a format is: one row -----------------------------------------------------------------------------------------
  //
  //   code_bits      bits of an element's code
  //   exponent_bits  x of the float type ExMy; 0 where the format has no floats
  //   mantissa_bits  y
  //   int_code       how an integer is coded: NoInts, TwosComplement or SignMagnitude
  //   float_weight   weight of a float operand: divisor, or 0 where the format has no floats
  //   int_weight     weight of an integer, (2^n - 1) << z for some n and z, as if4_factor multiplies by shifts and a
  //                  subtraction; 0 where the format has no integers
  //   divisor        r, the odd part of the common denominator: 2^n - 1, as if4_divide needs it; 1: nothing to divide
  //   by fraction_bits  f, the exponent of the denominator's power of two: a float operand counts units of 2^-f

  function automatic logic [8*32-1:0] row(int format);
    case (format)
      FormatIF4:       row = columns(4, 2, 1, TwosComplement,  7,  12,  7, 1);
      FormatMixFP4:    row = columns(4, 2, 1, SignMagnitude,   1,   2,  1, 1);
      FormatNVFP4:     row = columns(4, 2, 1, NoInts,          1,   0,  1, 1);
      FormatNVINT4:    row = columns(4, 0, 0, TwosComplement,  0,   1,  1, 0);
      FormatIF3:       row = columns(3, 2, 0, SignMagnitude,   3,   4,  3, 0);
      FormatIF6E2M3:   row = columns(6, 2, 3, SignMagnitude,  31,  60, 31, 3);
      FormatIF6E3M2:   row = columns(6, 3, 2, SignMagnitude,  31, 448, 31, 4);
      FormatNVFP6E2M3: row = columns(6, 2, 3, NoInts,          1,   0,  1, 3);
      FormatNVFP6E3M2: row = columns(6, 3, 2, NoInts,          1,   0,  1, 4);
      // None: any widths will do, so that elaboration gets as far as the message of the module that was given it.
      default:         row = columns(4, 2, 1, NoInts,          1,   0,  1, 1);
    endcase
  endfunction

  function automatic logic [8*32-1:0] columns(int code_bits, int exponent_bits, int mantissa_bits, int int_code,
                                              int float_weight, int int_weight, int divisor, int fraction_bits);
    columns = {code_bits, exponent_bits, mantissa_bits, int_code, float_weight, int_weight, divisor, fraction_bits};
  endfunction

  function automatic int code_bits(int format);
    code_bits = 32'(row(format) >> (7 * 32));
  endfunction

  function automatic int exponent_bits(int format);
    exponent_bits = 32'(row(format) >> (6 * 32));
  endfunction

  function automatic int mantissa_bits(int format);
    mantissa_bits = 32'(row(format) >> (5 * 32));
  endfunction

  function automatic int int_code(int format);
    int_code = 32'(row(format) >> (4 * 32));
  endfunction

  function automatic int float_weight(int format);
    float_weight = 32'(row(format) >> (3 * 32));
  endfunction

  function automatic int int_weight(int format);
    int_weight = 32'(row(format) >> (2 * 32));
  endfunction

  function automatic int divisor(int format);
    divisor = 32'(row(format) >> 32);
  endfunction

  function automatic int fraction_bits(int format);
    fraction_bits = 32'(row(format));
  endfunction

  // What follows from it ----------------------------------------------------------------------------------------------

  function automatic bit has_float(int format);
    has_float = exponent_bits(format) != 0;
  endfunction

  function automatic bit has_int(int format);
    has_int = int_code(format) != NoInts;
  endfunction

  // Whether bit 7 of a scale byte chooses the type; formats of one type ignore the bit.
  function automatic bit has_both(int format);
    has_both = has_float(format) && has_int(format);
  endfunction

  // Bits of an unsigned number up to `value`; none if that is 0.
  function automatic int bits_for(logic [127:0] value);
    bits_for = 0;
    for (int i = 0; i < 128; i++) begin
      if (value[i]) bits_for = i + 1;
    end
  endfunction

  // n of float_weight = 2^n - 1.
  function automatic int float_ones(int format);
    float_ones = bits_for(128'(float_weight(format)));
  endfunction

  // z of int_weight = (2^n - 1) << z: its lowest bit that is set.
  function automatic int int_zeros(int format);
    int weight, lowest;
    weight    = int_weight(format);
    lowest    = weight & -weight;
    int_zeros = weight == 0 ? 0 : bits_for(128'(lowest)) - 1;
  endfunction

  // n of int_weight = (2^n - 1) << z.
  function automatic int int_ones(int format);
    int_ones = bits_for(128'(int_weight(format))) - int_zeros(format);
  endfunction

  // n of the divisor r = 2^n - 1.
  function automatic int divisor_ones(int format);
    divisor_ones = bits_for(128'(divisor(format)));
  endfunction

  // Largest magnitude of a float operand: all ones in mantissa and exponent field.
  function automatic int float_max(int format);
    float_max = has_float(format) ? ((2 << mantissa_bits(format)) - 1) << ((1 << exponent_bits(format)) - 2) : 0;
  endfunction

  // Largest magnitude of an int operand: two's complement reaches one further below 0 than above.
  function automatic int int_max(int format);
    int_max = has_int(format) ? (1 << (code_bits(format) - 1)) - (int_code(format) == TwosComplement ? 0 : 1) : 0;
  endfunction

  function automatic int operand_max(int format);
    operand_max = float_max(format) > int_max(format) ? float_max(format) : int_max(format);
  endfunction

  // How an element is handed to the multiplier. Whole: as one magnitude, in formats with integers whose magnitudes have
  // four bits at most. Otherwise as sig << shift, where the multiplier of sig is narrower than one of magnitudes.
  function automatic bit whole(int format);
    whole = has_int(format) && operand_max(format) < 16;
  endfunction

  // Of a float, max(field, 1) - 1.
  function automatic int shift_max(int format);
    shift_max = whole(format) ? 0 : (1 << exponent_bits(format)) - 2;
  endfunction

  // A magnitude; or an integer, which is wider than {1, mantissa}; or {field != 0, mantissa}.
  function automatic int sig_width(int format);
    if (whole(format)) sig_width = bits_for(128'(operand_max(format)));
    else if (has_int(format)) sig_width = code_bits(format) - 1;
    else sig_width = mantissa_bits(format) + 1;
  endfunction

  // A port has a bit at least: it is 0 where there is no shift.
  function automatic int shift_width(int format);
    shift_width = whole(format) ? 1 : bits_for(128'(shift_max(format)));
  endfunction

  // Magnitude of the product of two operands, unsigned.
  function automatic int product_width(int format);
    product_width = bits_for(128'(operand_max(format)) * 128'(operand_max(format)));
  endfunction

  // Largest |D|: 16 products of the largest operands.
  function automatic logic [127:0] dot_max(int format);
    dot_max = 128'(operand_max(format)) * 128'(operand_max(format)) * 128'(BlockSize);
  endfunction

  // D, the signed sum of a block's products.
  function automatic int dot_width(int format);
    dot_width = 1 + bits_for(dot_max(format));
  endfunction

  // The sum of four products, signed. It is exact, and with one added to it or taken from it still fits, since the
  // magnitude of a product is below 2^product_width.
  function automatic int quarter_width(int format);
    quarter_width = product_width(format) + 3;
  endfunction

  // D * m_a * m_w, signed.
  function automatic int scaled_width(int format);
    scaled_width = 1 + bits_for(dot_max(format) * 128'(ScaleProductMax));
  endfunction

  // Largest |D * k|, k the product of the weights of both types: 16 products of the largest weighted operands.
  function automatic logic [127:0] term_max(int format);
    int weighted_float, weighted_int, weighted;
    weighted_float = float_weight(format) * float_max(format);
    weighted_int   = int_weight(format) * int_max(format);
    weighted       = weighted_float > weighted_int ? weighted_float : weighted_int;
    term_max = 128'(weighted) * 128'(weighted) * 128'(BlockSize);
  endfunction

  // D * m_a * m_w * k, signed.
  function automatic int block_width(int format);
    block_width = 1 + bits_for(term_max(format) * 128'(ScaleProductMax));
  endfunction

  // The sum of a beat's blocks, each D * m_a * m_w * k << (x_a + x_w - 2), signed. It holds blocks with a NaN scale
  // too, so their bits, which no result shows, disturb no other.
  function automatic int beat_width(int format, int lanes);
    int blocks;
    blocks = lanes / BlockSize;
    beat_width = 1 + bits_for((term_max(format) * 128'(ScaleProductMax) * 128'(blocks)) << ScaleShiftMax);
  endfunction

  // Largest beat without a NaN scale: both scales of each block 0x7E. m = 15 is less, as its exponents are smaller:
  // 14 * 15 * 2^27 and 15 * 15 * 2^26 against 14 * 14 * 2^28.
  function automatic logic [127:0] beat_max(int format, int lanes);
    int blocks;
    blocks = lanes / BlockSize;
    beat_max = (term_max(format) * 128'(ScaleProductTop) * 128'(blocks)) << ScaleShiftMax;
  endfunction

  // The default accumulator: the narrowest that holds AccBeats of the largest beats.
  function automatic int acc_width(int format, int lanes);
    acc_width = 1 + bits_for(beat_max(format, lanes) * 128'(AccBeats));
  endfunction

  // How many of the largest beats an accumulator of `width` bits holds, whatever their signs; at most 2^30.
  function automatic int acc_beats(int format, int lanes, int width);
    logic [127:0] beats;
    beats = ((128'd1 << (width - 1)) - 1) / beat_max(format, lanes);
    acc_beats = beats > 128'(1 << 30) ? 1 << 30 : 32'(beats);
  endfunction

  // Exponent of the sum's unit, 2^sum_exponent / r^2: two scales in units of 2^-9, two operands in units of 2^-f.
  function automatic int sum_exponent(int format);
    sum_exponent = -18 - 2 * fraction_bits(format);
  endfunction

  // The result: an FP32 number ----------------------------------------------------------------------------------------

  // The number of these fields, or with `up` the next one further from 0: a carry out of the fraction adds one to the
  // exponent field. Only this function and the next one are not for elaboration but hardware, incrementers.
  function automatic logic [31:0] fp32(logic sign, logic [7:0] exponent, logic [22:0] fraction, logic up);
    fp32 = {sign, {exponent, fraction} + {30'b0, up}};
  endfunction

  // The same, with the carry out of the low half of the fraction known beforehand: `carry` is up & (&fraction[11:0]).
  // So no carry runs through all of it.
  function automatic logic [31:0] fp32_halves(logic sign, logic [7:0] exponent, logic [22:0] fraction, logic up,
                                              logic carry);
    fp32_halves = {sign, {exponent, fraction[22:12]} + {18'b0, carry}, fraction[11:0] + {11'b0, up}};
  endfunction

  // Clocks ------------------------------------------------------------------------------------------------------------

  // Stages of a block before it is aligned (if4_scaled). At Depth 1 the factor k has a stage of its own, if there is
  // one.
  function automatic int block_stages(int format, int depth);
    block_stages = depth == 0 ? 2 : has_both(format) ? 4 : 3;
  endfunction

  // Stages of the pipelined output stage, for a divisor of 2^ones - 1. At Depth 1 normalising has two, and dividing
  // three.
  function automatic int fp32_stages(int ones, int depth);
    fp32_stages = depth == 0 ? 3 : ones == 1 ? 4 : 5;
  endfunction

  // The accumulator at Depth 1 adds in pieces (if4_accumulator_skewed). Bits of the lowest piece: with one block it is
  // added in the clock that shifts the block.
  function automatic int acc_lowest(int lanes);
    acc_lowest = lanes == BlockSize ? 13 : 17;
  endfunction

  // Bits of any other piece, at most. Behind the pipelined output stage's adder a piece costs three registers a bit, so
  // there are fewer and longer ones.
  function automatic int acc_piece(int iterative);
    acc_piece = iterative != 0 ? 17 : 26;
  endfunction

  function automatic int acc_pieces(int lanes, int width, int iterative);
    acc_pieces = 1 + (width - acc_lowest(lanes) + acc_piece(iterative) - 1) / acc_piece(iterative);
  endfunction

  // The array ---------------------------------------------------------------------------------------------------------

  // Edges of a cell of the array from the one that takes the last beat of a dot product to the one that puts its sum
  // into the result register. At Depth 1 the accumulator has a register of its own.
  function automatic int cell_edges(int format, int lanes, int depth);
    cell_edges = block_stages(format, depth) + (lanes > BlockSize ? 1 : 0) + (depth == 0 ? 1 : 2);
  endfunction

  // Stages below a column: fp32_stages, and at Depth 1 two in front of them (if4_array_settle).
  function automatic int output_stages(int format, int depth);
    output_stages = fp32_stages(divisor_ones(format), depth) + (depth == 0 ? 0 : 2);
  endfunction

  // The accumulator of a cell at Depth 1 adds in pieces of so many bits (if4_array_accumulator): short enough for the
  // carry of a piece behind the shift of a block.
  localparam int CellPiece = 12;

  // Carries that are still between the pieces of a cell's sum.
  function automatic int cell_carries(int width, int depth);
    cell_carries = depth == 0 ? 0 : (width - 1) / CellPiece;
  endfunction

  // What a cell's result is handed on as: {the carries between its pieces, the pieces}; at Depth 0 the sum.
  function automatic int cell_sum_width(int width, int depth);
    cell_sum_width = width + cell_carries(width, depth);
  endfunction

  // What travels from cell to cell of the array -----------------------------------------------------------------------

  // Elements with small magnitudes are decoded at the edge, to {sig, neg}. A code of the others is smaller than its
  // operand and as good as decoded.
  function automatic bit decoded(int format);
    decoded = whole(format);
  endfunction

  function automatic int element_width(int format);
    element_width = decoded(format) ? sig_width(format) + 1 : code_bits(format);
  endfunction

  // A block: {is_int where the format has both types, scale is NaN, x - 1, m, elements}.
  function automatic int edge_width(int format);
    edge_width = BlockSize * element_width(format) + ScaleSigWidth + ScaleExpWidth + 1 + (has_both(format) ? 1 : 0);
  endfunction

endpackage
