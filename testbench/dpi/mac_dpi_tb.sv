// An example of a testbench that checks a MAC against the golden model through DPI-C: random dot products with stalls on
// both sides, every result compared, and functional coverage by counters. Only the instance and the parameters name the
// unit, so it serves for any module with the ports of if4_mac.
//
//     $ verilator --binary --timing -F RTL/if4_mac.f KIT/if4_dpi_pkg.sv mac_dpi_tb.sv LIB/libif4_dpi.so
//     $ obj_dir/Vif4_pkg +seed=1 +dots=2000
//
// It ends with "PASS", or in $fatal: where a result differs, where the unit hangs, and where the run has left a bin of
// the coverage empty.
module mac_dpi_tb #(
  parameter int Format = 0,
  parameter int Lanes = 16
);
  import if4_dpi_pkg::*;

  localparam int CodeBits = if4_pkg::code_bits(Format);
  localparam int MostBeats = 8;

  // A result that is due, in the order of the dot products.
  typedef struct packed {
    bit [31:0] bits;
    bit nan;
    bit overflow;
  } result_t;

  // What the operands of a dot product are drawn from: any codes and scales; those at the ends of their ranges; zeros; some
  // NaN scales; FP32 values that the golden model quantizes.
  typedef enum int {Uniform, Extreme, Zeros, Nans, Quantized, Kinds} kind_t;

  // One operand of a beat.
  typedef struct packed {
    bit [Lanes*CodeBits-1:0] codes;
    bit [Lanes/2-1:0] scale;
  } operand_t;

  logic clk = 0, rst_n = 0;
  logic valid_i = 0, ready_o, last_i = 0, valid_o, ready_i = 0, nan_o, overflow_o;
  logic [Lanes*CodeBits-1:0] a_codes = 0, w_codes = 0;
  logic [Lanes/2-1:0] a_scale = 0, w_scale = 0;
  logic [31:0] result_o;
  always #5 clk = !clk;

  if4_mac #(.Format(Format), .Lanes(Lanes)) dut (
    .clk_i(clk), .rst_ni(rst_n), .valid_i, .ready_o, .last_i, .a_codes_i(a_codes), .a_scale_i(a_scale),
    .w_codes_i(w_codes), .w_scale_i(w_scale), .valid_o, .ready_i, .result_o, .nan_o, .overflow_o
  );

  chandle golden;
  if4_dpi_beat_t beats[$];  // of the dot product that is being sent
  result_t due[$];
  int seed, dots, left, checked, clocks_without_progress;
  int input_stalls, output_stalls;  // in 16 of the clocks

  // Coverage: bins that a run must reach, each with a counter.
  int seen_types[4], seen_kind[Kinds], seen_beats[MostBeats+1];
  int seen_positive, seen_negative, seen_zero, seen_nan, seen_input_stall, seen_output_stall;

  // A call of the golden model must work.
  function automatic void ok(input int status);
    if (status < 0) $fatal(1, "golden model: %s", if4_dpi_error_text(status));
  endfunction

  // One code of either kind of block; the codes of largest magnitude are those without and with only the top bit.
  function automatic bit [CodeBits-1:0] random_code(input kind_t kind);
    if (kind == Zeros) return '0;
    if (kind == Extreme) return ($urandom & 1) != 0 ? '1 >> 1 : '1 << (CodeBits - 1);
    return CodeBits'($urandom);
  endfunction

  // A scale byte, which is NaN in the kind Nans alone.
  function automatic bit [7:0] random_scale(input kind_t kind);
    bit [7:0] scale = 8'($urandom);
    if (kind == Extreme) scale[6:0] = ($urandom & 1) != 0 ? 7'h7E : 7'h01;
    if (scale[6:0] == 7'h7F) scale[0] = 0;
    if (kind == Nans && $urandom % 4 == 0) scale[6:0] = 7'h7F;
    return scale;
  endfunction

  // A block of 16 values from -1 to 1 in a tensor whose largest magnitude is 1.
  function automatic void quantize_block(output if4_dpi_codes_t codes, output int unsigned scale);
    if4_dpi_values_t values = '0;
    for (int i = 0; i < 16; i++)
      values[32*i+:32] = if4_dpi_fp32_from_real(real'(int'($urandom)) / 2147483648.0);
    ok(if4_dpi_quantize_block(Format, IF4_DPI_MSE, if4_dpi_fp32_from_real(1.0), values, codes, scale));
  endfunction

  function automatic operand_t random_operand(input kind_t kind);
    operand_t operand = '0;
    if4_dpi_codes_t codes;
    int unsigned scale;
    for (int block = 0; block < Lanes / 16; block++) begin
      if (kind == Quantized) begin
        quantize_block(codes, scale);
      end else begin
        for (int i = 0; i < 16; i++) codes[CodeBits*i+:CodeBits] = random_code(kind);
        scale = 32'(random_scale(kind));
      end
      operand.codes[16*CodeBits*block+:16*CodeBits] = codes[16*CodeBits-1:0];
      operand.scale[8*block+:8] = scale[7:0];
    end
    return operand;
  endfunction

  // Inputs change at the falling edge of the clock and have settled one time unit later. What is 1 then is what the
  // rising edge sees.

  // Offers a beat until the unit takes it, after a random number of clocks.
  task automatic send(input kind_t kind, input bit last);
    bit taken = 0;
    while ($urandom % 16 < input_stalls) begin
      seen_input_stall++;
      @(negedge clk);
    end
    {a_codes, a_scale} = random_operand(kind);
    {w_codes, w_scale} = random_operand(kind);
    last_i = last;
    valid_i = 1;
    while (!taken) begin
      #1 taken = ready_o;
      @(negedge clk);
    end
    valid_i = 0;
    ok(if4_dpi_mac_beat(golden, 384'(a_codes), 32'(a_scale), 384'(w_codes), 32'(w_scale)));
    beats.push_back({384'(a_codes), 32'(a_scale), 384'(w_codes), 32'(w_scale)});
    seen_types[{a_scale[7], w_scale[7]}]++;
  endtask

  // What the beats amount to in real numbers, element by element: the second opinion of an example.
  function automatic void check_decoded(input int unsigned bits);
    real sum = 0, magnitude = 0, number, a, w, error;
    foreach (beats[beat]) begin
      for (int i = 0; i < Lanes; i++) begin
        ok(if4_dpi_decode_code(Format, 32'(beats[beat].a_scale[i/16*8+:8]),
                               32'(beats[beat].a_codes[i*CodeBits+:CodeBits]), number, a));
        ok(if4_dpi_decode_code(Format, 32'(beats[beat].w_scale[i/16*8+:8]),
                               32'(beats[beat].w_codes[i*CodeBits+:CodeBits]), number, w));
        sum += a * w;
        magnitude += a * w < 0 ? -a * w : a * w;
      end
    end
    error = sum - if4_dpi_real_from_fp32(bits);
    if ((error < 0 ? -error : error) > magnitude * 1.0e-7)
      $fatal(1, "the golden model gives %g, and its elements add up to %g", if4_dpi_real_from_fp32(bits), sum);
  endfunction

  task automatic drive_dot_product();
    kind_t kind = kind_t'($urandom % Kinds);
    int count = 1 + $urandom % MostBeats;
    result_t result, whole;
    beats.delete();
    for (int i = 0; i < count; i++) send(kind, i == count - 1);
    ok(if4_dpi_mac_finish(golden, result.bits, result.nan, result.overflow));
    ok(if4_dpi_dot_product(Format, Lanes, 0, IF4_DPI_EXACT, beats, whole.bits, whole.nan, whole.overflow));
    if (whole != result) $fatal(1, "beat by beat the golden model gives %h, and %h at once", result, whole);
    if (!result.nan && !result.overflow) check_decoded(result.bits);
    due.push_back(result);
    seen_kind[kind]++;
    seen_beats[count]++;
  endtask

  function automatic void check_result();
    result_t expected;
    if (due.size() == 0) $fatal(1, "result %h, and none is due", result_o);
    expected = due.pop_front();
    if ({result_o, nan_o, overflow_o} !== expected)
      $fatal(1, "dot product %0d: %h nan %b overflow %b instead of %h (%g) nan %b overflow %b", checked, result_o,
             nan_o, overflow_o, expected.bits, if4_dpi_real_from_fp32(expected.bits), expected.nan, expected.overflow);
    checked++;
    if (expected.nan) seen_nan++;
    else if (expected.bits == 0) seen_zero++;
    else if (expected.bits[31]) seen_negative++;
    else seen_positive++;
  endfunction

  // A result comes clocks after its last beat, so the golden model has it by then.
  always begin
    @(negedge clk);
    ready_i = rst_n && $urandom % 16 >= output_stalls;
    #1;
    if (valid_o && ready_i) begin
      check_result();
      clocks_without_progress = 0;
    end else if (rst_n) begin
      clocks_without_progress++;
      if (clocks_without_progress > 10000) $fatal(1, "the unit hangs: %0d results are due", due.size());
    end
    if (valid_o && !ready_i) seen_output_stall++;
  end

  // A bin with the number of times that the run reached it.
  function automatic int bin(input string name, input int count);
    $display("coverage  %-24s %0d", name, count);
    return count == 0 ? 1 : 0;
  endfunction

  function automatic void report();
    int empty = 0;
    for (int i = 0; i < 4; i++) empty += bin($sformatf("bits 7 of the scales %b", 2'(i)), seen_types[i]);
    for (int i = 0; i < Kinds; i++) empty += bin($sformatf("kind of operands %0d", i), seen_kind[i]);
    for (int i = 1; i <= MostBeats; i++) empty += bin($sformatf("beats %0d", i), seen_beats[i]);
    empty += bin("result positive", seen_positive) + bin("result negative", seen_negative);
    empty += bin("result zero", seen_zero) + bin("result NaN", seen_nan);
    empty += bin("input stalled", seen_input_stall) + bin("output stalled", seen_output_stall);
    if (empty != 0) $fatal(1, "%0d bins of the coverage are empty", empty);
    $display("PASS  %0d dot products of %s equal to the golden model", checked, if4_dpi_format_name(Format));
  endfunction

  initial begin
    if (!$value$plusargs("seed=%d", seed)) seed = 1;
    if (!$value$plusargs("dots=%d", dots)) dots = 2000;
    $display("seed %0d", seed);
    void'($urandom(seed));
    if (if4_dpi_abi_version() != IF4_DPI_ABI_VERSION)
      $fatal(1, "the library has ABI version %0d, the package %0d", if4_dpi_abi_version(), IF4_DPI_ABI_VERSION);
    ok(if4_dpi_mac_create(Format, Lanes, 0, IF4_DPI_EXACT, golden));
    repeat (3) @(negedge clk);
    rst_n = 1;
    for (left = dots; left > 0; left--) begin
      if (left % 100 == 0) begin  // other stalls on both sides
        input_stalls = $urandom % 3 * 6;
        output_stalls = $urandom % 3 * 6;
      end
      drive_dot_product();
    end
    while (due.size() != 0) @(negedge clk);
    ok(if4_dpi_mac_destroy(golden));
    report();
    $finish;
  end
endmodule
