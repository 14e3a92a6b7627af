// The golden model of IF4 in SystemVerilog: the functions of libif4_dpi.so, which if4_dpi.h beside this file explains.
// For simulators with DPI-C; vectors have two states. A function that returns int returns 0 or more when it worked, and
// a negative code for if4_dpi_error_text() when it did not.
/* verilator lint_off UNUSEDPARAM */  // a testbench need not use all of them
package if4_dpi_pkg;
  // What if4_dpi_abi_version() must return: check it once, before all else.
  localparam int IF4_DPI_ABI_VERSION = 2;

  localparam int IF4_DPI_BAD_FORMAT = -1;
  localparam int IF4_DPI_BAD_RULE = -2;
  localparam int IF4_DPI_BAD_CONFIG = -3;
  localparam int IF4_DPI_BAD_CODE = -4;
  localparam int IF4_DPI_BAD_SCALE = -5;
  localparam int IF4_DPI_BAD_VALUE = -6;
  localparam int IF4_DPI_BAD_POINTER = -7;
  localparam int IF4_DPI_NO_MEMORY = -8;
  localparam int IF4_DPI_INTERNAL = -9;

  localparam int IF4_DPI_EXACT = 0;
  localparam int IF4_DPI_LANE_FP32 = 1;
  localparam int IF4_DPI_LANE_FP32_FIRST = 2;
  localparam int IF4_DPI_EXACT_SCALED = 3;

  localparam int IF4_DPI_MSE = 0;
  localparam int IF4_DPI_MAE = 1;
  localparam int IF4_DPI_ABS_MAX = 2;

  // Narrower vectors may be passed for all of these: SystemVerilog fills them up with zeros.
  typedef bit [127:0] if4_dpi_codes_t;    // the codes of a block
  typedef bit [1023:0] if4_dpi_values_t;  // its values: FP32 number i in bits 32i + 31 to 32i
  typedef bit [383:0] if4_dpi_operand_t;  // the codes of one operand of a beat

  // A beat as the ports of the unit take it.
  typedef struct packed {
    if4_dpi_operand_t a_codes;
    bit [31:0] a_scale;
    if4_dpi_operand_t w_codes;
    bit [31:0] w_scale;
  } if4_dpi_beat_t;

  import "DPI-C" function int if4_dpi_abi_version();
  import "DPI-C" function string if4_dpi_error_text(input int error);

  import "DPI-C" function int if4_dpi_format(input string name);
  import "DPI-C" function string if4_dpi_format_name(input int format);
  import "DPI-C" function int if4_dpi_code_bits(input int format);
  import "DPI-C" function int if4_dpi_block_size(input int format);
  import "DPI-C" function int if4_dpi_default_acc_width(input int format, input int lanes);

  import "DPI-C" function real if4_dpi_real_from_fp32(input int unsigned bits);
  import "DPI-C" function int unsigned if4_dpi_fp32_from_real(input real value);

  import "DPI-C" function int if4_dpi_quantize_block(
    input int format, input int rule, input int unsigned amax, input if4_dpi_values_t values,
    output if4_dpi_codes_t codes, output int unsigned scale
  );
  import "DPI-C" function int if4_dpi_decode_code(
    input int format, input int unsigned scale, input int unsigned code, output real number, output real element
  );
  import "DPI-C" function int if4_dpi_decode_scale(
    input int format, input int unsigned scale, output real s, output int is_int
  );

  import "DPI-C" function int if4_dpi_mac_create(
    input int format, input int lanes, input int acc_width, input int rounding, output chandle mac
  );
  import "DPI-C" function int if4_dpi_mac_beat(
    input chandle mac, input if4_dpi_operand_t a_codes, input int unsigned a_scale,
    input if4_dpi_operand_t w_codes, input int unsigned w_scale
  );
  import "DPI-C" function int if4_dpi_mac_finish(
    input chandle mac, output int unsigned result, output bit nan, output bit overflow
  );
  import "DPI-C" function int if4_dpi_mac_reset(input chandle mac);
  import "DPI-C" function int if4_dpi_mac_destroy(input chandle mac);

  // A whole dot product of beats. The function of that name in C takes arrays of bytes instead.
  function automatic int if4_dpi_dot_product(
    input int format, input int lanes, input int acc_width, input int rounding, input if4_dpi_beat_t beats[],
    output int unsigned result, output bit nan, output bit overflow
  );
    chandle mac;
    int error;
    error = if4_dpi_mac_create(format, lanes, acc_width, rounding, mac);
    if (error != 0) return error;
    for (int i = 0; i < beats.size() && error == 0; i++) begin
      error = if4_dpi_mac_beat(mac, beats[i].a_codes, beats[i].a_scale, beats[i].w_codes, beats[i].w_scale);
    end
    if (error == 0) error = if4_dpi_mac_finish(mac, result, nan, overflow);
    void'(if4_dpi_mac_destroy(mac));
    return error;
  endfunction
endpackage
/* verilator lint_on UNUSEDPARAM */
