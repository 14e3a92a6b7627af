// IF4 multiply-accumulate unit: exact dot products of IF4 blocks, rounded once to FP32.
//
// A beat is one block of activations and one block of weights: 16 lanes. `last_i` ends a dot product; the next beat
// starts another. NVFP4 is the subset with bit 7 of both scales clear.
//
// Handshake. A beat is taken in a clock with valid_i & ready_o, a result is given in a clock with valid_o & ready_i.
// valid_o, once high, stays high with a stable result until it is taken. ready_o does not depend on valid_i; it
// depends combinationally on ready_i, since a full pipeline moves on when its result is taken. Results come in order,
// one for each beat with last_i; none is ever dropped.
//
// Throughput: one beat a clock, for dot products of any length, as long as results are taken.
// Latency: Latency = 6 clocks from the edge that takes the last beat to the first edge at which the result can be
// taken, without stalls.
// Reset: asynchronous, active low. It drops all beats and results in flight and starts with a new dot product.
//
// Result. With A the exact sum in units of 2^-20 / 49 (see README.md in this folder), result_o = A * 2^-20 / 49
// rounded to nearest even. It is +0 or normal; or the quiet NaN 0x7FC00000 where one of the flags is set:
//   nan_o       a scale of one of its beats was NaN (E4M3 0x7F)
//   overflow_o  a partial sum, in the order of the beats, left the 64-bit accumulator; never together with nan_o
module if4_mac (
  input  logic                           clk_i,
  input  logic                           rst_ni,

  input  logic                           valid_i,
  output logic                           ready_o,
  input  logic                           last_i,     // this beat ends its dot product
  input  logic [if4_pkg::CodesWidth-1:0] a_codes_i,  // activations, element i in bits 4i+3:4i
  input  logic [if4_pkg::ScaleWidth-1:0] a_scale_i,  // bit 7: INT4 elements, bits 6:0: E4M3 magnitude
  input  logic [if4_pkg::CodesWidth-1:0] w_codes_i,  // weights, likewise
  input  logic [if4_pkg::ScaleWidth-1:0] w_scale_i,

  output logic                           valid_o,
  input  logic                           ready_i,
  output logic [31:0]                    result_o,   // FP32
  output logic                           nan_o,
  output logic                           overflow_o
);

  // Stage 1: products and their sum -----------------------------------------------------------------------------------
  logic a_int, w_int;
  logic signed [if4_pkg::DotWidth-1:0]   dot, dot_q;  // D
  logic                                  scale_nan, nan1_q;
  logic [if4_pkg::ScaleProductWidth-1:0] scale_product, scale_product_q;
  logic [if4_pkg::ScaleShiftWidth-1:0]   scale_shift, shift1_q;
  logic a_int_q, w_int_q, last1_q, valid1_q, ready1, ready2, ready3;

  assign a_int = a_scale_i[7];
  assign w_int = w_scale_i[7];

  if4_dot u_dot (
    .a_int_i(a_int), .w_int_i(w_int), .a_codes_i(a_codes_i), .w_codes_i(w_codes_i), .dot_o(dot)
  );

  if4_scale u_scale (
    .a_scale_i(a_scale_i[6:0]), .w_scale_i(w_scale_i[6:0]),
    .nan_o(scale_nan), .product_o(scale_product), .shift_o(scale_shift)
  );

  assign ready1  = ~valid1_q | ready2;
  assign ready_o = ready1;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
    end else if (ready1) begin
      valid1_q <= valid_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready1 & valid_i) begin
      dot_q           <= dot;
      scale_product_q <= scale_product;
      shift1_q        <= scale_shift;
      a_int_q         <= a_int;
      w_int_q         <= w_int;
      nan1_q          <= scale_nan;
      last1_q         <= last_i;
    end
  end

  // Stage 2: factor of the types and scale significands ---------------------------------------------------------------
  // k = 49 = 32 + 16 + 1 (FP,FP), 84 = 64 + 16 + 4 (mixed), 144 = 128 + 16 (INT,INT): a sum of three terms.
  logic signed [if4_pkg::TermWidth-1:0] dot_wide, term_high, term_low, term;  // D, D * 32..128, D * 0..4, D * k
  logic signed [if4_pkg::BeatWidth-1:0] beat, beat_q;  // D * k * m_a * m_w
  logic [if4_pkg::ScaleShiftWidth-1:0]  shift2_q;
  logic nan2_q, last2_q, valid2_q;

  assign dot_wide = if4_pkg::TermWidth'(dot_q);

  always_comb begin
    unique case ({a_int_q, w_int_q})
      2'b00: begin
        term_high = dot_wide <<< 5;
        term_low  = dot_wide;
      end
      2'b11: begin
        term_high = dot_wide <<< 7;
        term_low  = '0;
      end
      default: begin
        term_high = dot_wide <<< 6;
        term_low  = dot_wide <<< 2;
      end
    endcase
  end

  assign term = term_high + (dot_wide <<< 4) + term_low;
  assign beat = if4_pkg::BeatWidth'(term) * $signed({{(if4_pkg::BeatWidth-if4_pkg::ScaleProductWidth){1'b0}},
                                                     scale_product_q});

  assign ready2 = ~valid2_q | ready3;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid2_q <= 1'b0;
    end else if (ready2) begin
      valid2_q <= valid1_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready2 & valid1_q) begin
      beat_q   <= beat;
      shift2_q <= shift1_q;
      nan2_q   <= nan1_q;
      last2_q  <= last1_q;
    end
  end

  // Stage 3: align and accumulate -------------------------------------------------------------------------------------
  // The accumulator is also the register that the output stage reads: a finished sum stays until it is taken.
  logic signed [if4_pkg::AlignedWidth-1:0] aligned;
  logic signed [if4_pkg::AccWidth-1:0]     addend, base, sum, acc_q;
  logic sum_overflow;
  logic first_q;                 // the next beat starts a dot product
  logic nan_q, overflow_q;       // of the dot product so far
  logic done_q, out_ready;       // acc_q is a finished sum; the output stage takes it

  assign aligned = if4_pkg::AlignedWidth'(beat_q) <<< shift2_q;
  assign addend  = if4_pkg::AccWidth'(aligned);
  assign base    = first_q ? '0 : acc_q;
  assign sum     = base + addend;
  assign sum_overflow = (base[if4_pkg::AccWidth-1] == addend[if4_pkg::AccWidth-1]) &
                        (base[if4_pkg::AccWidth-1] != sum[if4_pkg::AccWidth-1]);

  assign ready3 = ~done_q | out_ready;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      done_q  <= 1'b0;
      first_q <= 1'b1;
    end else if (ready3) begin
      done_q <= valid2_q & last2_q;
      if (valid2_q) first_q <= last2_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready3 & valid2_q) begin
      acc_q      <= sum;
      nan_q      <= nan2_q | (nan_q & ~first_q);
      overflow_q <= sum_overflow | (overflow_q & ~first_q);
    end
  end

  // Stages 4 to 6: round ----------------------------------------------------------------------------------------------
  if4_fp32 u_fp32 (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(done_q), .ready_o(out_ready), .sum_i(acc_q), .nan_i(nan_q), .overflow_i(overflow_q),
    .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
  );

endmodule
