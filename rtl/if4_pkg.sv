// The formats of the unit and every width that follows from them. The only SystemVerilog definition of either;
// testbench/rtl/test_tables.cpp proves it equal to model/core/format.hpp through the unit's ports.
//
// A block is 16 codes and a scale byte. An element's code is an operand, an integer:
//   float part ExMy   h = sig << shift in units of 2^-f, with sig = {field != 0, mantissa}, shift = max(field, 1) - 1
//   int part          q, in two's complement or as sign and magnitude
// The value of an element is its operand times the weight of its type, over a denominator that both types share; all
// weights are of the form (2^ones - 1) << zeros:
//
//   format        code  float           int               value              weights   r = 2^ones - 1 of the float
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
// The sum of a dot product is an integer in units of 2^(-18 - 2f) / r^2: 2^-18 from the two scales, the rest from the
// two elements.
package if4_pkg;

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

  localparam int BlockSize     = 16;  // values that share one scale byte
  localparam int ScaleWidth    = 8;   // bit 7: the block's type is int, bits 6:0: E4M3 magnitude
  localparam int ScaleMagWidth = 7;
  localparam int ScaleSigWidth = 4;  // m, 0..15
  localparam int ScaleExpWidth = 4;  // x - 1, 0..14
  localparam int ScaleProductWidth = 8;  // m_a * m_w, 0..225
  localparam int BoothDigits       = 4;  // of m_a * m_w, radix 4
  localparam int ScaleShiftWidth   = 5;  // x_a + x_w - 2, 0..28
  localparam int ScaleShiftMax     = 28;
  localparam logic [6:0] ScaleNaN = 7'h7F;  // E4M3's only NaN

  // What a format is ---------------------------------------------------------------------------------------------------

  function automatic int code_width(int format);
    case (format)
      FormatIF3: code_width = 3;
      FormatIF6E2M3, FormatIF6E3M2, FormatNVFP6E2M3, FormatNVFP6E3M2: code_width = 6;
      default: code_width = 4;
    endcase
  endfunction

  function automatic bit has_float(int format);
    has_float = format != FormatNVINT4;
  endfunction

  function automatic bit has_int(int format);
    has_int = format != FormatNVFP4 && format != FormatNVFP6E2M3 && format != FormatNVFP6E3M2;
  endfunction

  // Whether bit 7 of a scale chooses the type.
  function automatic bit has_both(int format);
    has_both = has_float(format) && has_int(format);
  endfunction

  // Exponent bits of the float part; the rest of a code is its sign and mantissa.
  function automatic int exponent_width(int format);
    exponent_width = (format == FormatIF6E3M2 || format == FormatNVFP6E3M2) ? 3 : 2;
  endfunction

  function automatic int mantissa_width(int format);
    mantissa_width = code_width(format) - 1 - exponent_width(format);
  endfunction

  // Int codes are in two's complement, not sign and magnitude.
  function automatic bit twos_complement(int format);
    twos_complement = format == FormatIF4 || format == FormatNVINT4;
  endfunction

  // Weight of the float type: 2^float_ones - 1, which is also r.
  function automatic int float_ones(int format);
    case (format)
      FormatIF4: float_ones = 3;
      FormatIF3: float_ones = 2;
      FormatIF6E2M3, FormatIF6E3M2: float_ones = 5;
      default: float_ones = 1;
    endcase
  endfunction

  // Weight of the int type: (2^int_ones - 1) << int_zeros.
  function automatic int int_ones(int format);
    case (format)
      FormatIF4: int_ones = 2;        // 12
      FormatIF6E2M3: int_ones = 4;    // 60
      FormatIF6E3M2: int_ones = 3;    // 448
      default: int_ones = 1;
    endcase
  endfunction

  function automatic int int_zeros(int format);
    case (format)
      FormatIF4, FormatIF3, FormatIF6E2M3: int_zeros = 2;
      FormatMixFP4: int_zeros = 1;
      FormatIF6E3M2: int_zeros = 6;
      default: int_zeros = 0;
    endcase
  endfunction

  // What follows from it -----------------------------------------------------------------------------------------------

  // f: an operand of the float type counts units of 2^-f, its smallest subnormal.
  function automatic int fraction_width(int format);
    fraction_width = has_float(format) ? mantissa_width(format) + (1 << (exponent_width(format) - 1)) - 2 : 0;
  endfunction

  function automatic int float_weight(int format);
    float_weight = (1 << float_ones(format)) - 1;
  endfunction

  function automatic int int_weight(int format);
    int_weight = ((1 << int_ones(format)) - 1) << int_zeros(format);
  endfunction

  // Largest magnitudes of the operands.
  function automatic int float_max(int format);
    float_max = has_float(format) ?
        ((2 << mantissa_width(format)) - 1) << ((1 << exponent_width(format)) - 2) : 0;
  endfunction

  function automatic int int_max(int format);
    int_max = has_int(format) ? (1 << (code_width(format) - 1)) - (twos_complement(format) ? 0 : 1) : 0;
  endfunction

  function automatic int operand_max(int format);
    operand_max = float_max(format) > int_max(format) ? float_max(format) : int_max(format);
  endfunction

  // How an element is handed to the multiplier: magnitudes of four bits or less as they are where there are ints, else as
  // sig << shift.
  function automatic bit whole(int format);
    whole = has_int(format) && operand_max(format) < 16;
  endfunction

  function automatic int shift_max(int format);
    shift_max = whole(format) ? 0 : (1 << exponent_width(format)) - 2;
  endfunction

  function automatic int sig_width(int format);
    if (whole(format)) sig_width = bits_for(128'(operand_max(format)));
    else if (has_int(format)) sig_width = code_width(format) - 1;
    else sig_width = mantissa_width(format) + 1;
  endfunction

  // At least 1, where it is constant 0.
  function automatic int shift_width(int format);
    shift_width = whole(format) ? 1 : bits_for(128'(shift_max(format)));
  endfunction

  // Bits of an unsigned number up to `value`.
  function automatic int bits_for(logic [127:0] value);
    bits_for = 0;
    for (int i = 0; i < 128; i++) begin
      if (value[i]) bits_for = i + 1;
    end
  endfunction

  // Unsigned magnitude of an element product.
  function automatic int product_width(int format);
    product_width = bits_for(128'(operand_max(format)) * 128'(operand_max(format)));
  endfunction

  // D, the signed sum of a block's products.
  function automatic int dot_width(int format);
    dot_width = 1 + bits_for(128'(operand_max(format)) * 128'(operand_max(format)) * 128'(BlockSize));
  endfunction

  // Largest |D * k|, k the product of the weights of both types.
  function automatic logic [127:0] term_max(int format);
    int weighted_float, weighted_int, weighted;
    weighted_float = float_weight(format) * float_max(format);
    weighted_int   = int_weight(format) * int_max(format);
    weighted       = weighted_float > weighted_int ? weighted_float : weighted_int;
    term_max = 128'(weighted) * 128'(weighted) * 128'(BlockSize);
  endfunction

  // Signed D * m_a * m_w.
  function automatic int scaled_width(int format);
    scaled_width = 1 + bits_for(128'(operand_max(format)) * 128'(operand_max(format)) * 128'(BlockSize * 225));
  endfunction

  // Signed D * k * m_a * m_w.
  function automatic int block_width(int format);
    block_width = 1 + bits_for(term_max(format) * 225);
  endfunction

  // The same for `lanes` lanes, after the shift by both exponents.
  function automatic int beat_width(int format, int lanes);
    int blocks;
    blocks = lanes / BlockSize;
    beat_width = 1 + bits_for((term_max(format) * 225 * 128'(blocks)) << ScaleShiftMax);
  endfunction

  // Largest beat without a NaN scale: 0x7E has m = 14 and x = 15.
  function automatic logic [127:0] beat_max(int format, int lanes);
    int blocks;
    blocks = lanes / BlockSize;
    beat_max = (term_max(format) * 196 * 128'(blocks)) << ScaleShiftMax;
  endfunction

  // Accumulator that holds 1,024 of them.
  function automatic int acc_width(int format, int lanes);
    acc_width = 1 + bits_for(beat_max(format, lanes) * 1024);
  endfunction

  // How many of them an accumulator of `width` bits is sure to hold, at most 2^30.
  function automatic int acc_beats(int format, int lanes, int width);
    logic [127:0] beats;
    beats = ((128'd1 << (width - 1)) - 1) / beat_max(format, lanes);
    acc_beats = beats > 128'(1 << 30) ? 1 << 30 : 32'(beats);
  endfunction

  // Exponent of the sum's unit, 2^sum_exponent / r^2.
  function automatic int sum_exponent(int format);
    sum_exponent = -18 - 2 * fraction_width(format);
  endfunction

  // What travels from cell to cell of the array --------------------------------------------------------------------------

  // Elements with small magnitudes are decoded at the edge, to {sig, neg}. A code of the others is smaller than its
  // operand and as good as decoded.
  function automatic bit decoded(int format);
    decoded = whole(format);
  endfunction

  function automatic int element_width(int format);
    element_width = decoded(format) ? sig_width(format) + 1 : code_width(format);
  endfunction

  // A block: {is_int where the format has both types, scale is NaN, x - 1, m, elements}.
  function automatic int edge_width(int format);
    edge_width = BlockSize * element_width(format) + ScaleSigWidth + ScaleExpWidth + 1 + (has_both(format) ? 1 : 0);
  endfunction

endpackage
