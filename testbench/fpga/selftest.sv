// A MAC unit that tests itself on an FPGA: pseudo-random beats, and a signature of all results that is compared with the
// one that the golden model has (signature.cpp, which states the sequence and the signature bit by bit).
//
// Beats come from a shift register with linear feedback of 159 bits, x^159 + x^128 + 1 written by the places of its taps,
// that moves on by 128 bits for each beat that is taken. As the taps lie 31 bits apart and the newer one is 128 bits in,
// each of the 128 new bits is the XOR of two old ones. Beats are offered, and results are taken, in clocks that another
// such register chooses, which the results must not depend on.
//
// Macros: PARAMETERS, those of the unit as .Name(value), ...; GOLDEN, the signature that it must have.
/* verilator lint_off TIMESCALEMOD */ module selftest #(
  parameter int Format  = if4_pkg::FormatIF4,  // the unit's: one with codes of 4 bits
  parameter int Results = 256                  // how many results the signature is of
) (
  input  logic clk_i,
  output logic pass_o,       // all results are there, and the signature is the golden one
  output logic fail_o,       // all are there, and it is another
  output logic running_o,
  output logic signature_o   // once pass_o or fail_o is 1: the signature, its top bit first, one bit a clock, over and over
);

  localparam int Codes = if4_pkg::BlockSize * if4_pkg::code_bits(Format);
  localparam int Bits  = 159;
  localparam int Leap  = 128;
  localparam logic [Bits-1:0] Seed = Bits'({5{32'h9E3779B9}});
  localparam logic [33:0] Golden = `GOLDEN;

  if (Codes != 64) begin : gen_guard_codes
    initial $fatal(1, "selftest: Format has no codes of 4 bits");
  end

  // Reset ends 15 clocks after the configuration, which leaves all registers at 0.
  logic [3:0] start_q = '0;
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) begin
    if (start_q != '1) start_q <= start_q + 1'b1;
    rst_n_q <= start_q == '1;
  end

  // When a beat is offered and a result taken.
  logic [15:0] pace_q;
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) pace_q <= 16'd1;
    else pace_q <= {pace_q[14:0], pace_q[15] ^ pace_q[14] ^ pace_q[12] ^ pace_q[3]};
  end

  logic [Bits-1:0] beat_q;
  logic offered, wanted, taken, valid, done_q;
  logic [31:0] result;
  logic nan, overflow;

  assign offered = pace_q[0] | pace_q[5];
  assign wanted  = pace_q[9] | pace_q[14];

  logic ready;
  assign taken = offered & ready;

  always_ff @(posedge clk_i) begin
    if (!rst_n_q) beat_q <= Seed;
    else if (taken) beat_q <= {beat_q[Bits-Leap-1:0], beat_q[Bits-1 -: Leap] ^ beat_q[Leap-1:0]};
  end

  if4_mac #(`PARAMETERS) u_unit (
    .clk_i(clk_i), .rst_ni(rst_n_q),
    .valid_i(offered), .ready_o(ready), .last_i(beat_q[2:0] == '0),
    .a_codes_i(beat_q[3 +: Codes]), .w_codes_i(beat_q[67 +: Codes]),
    .a_scale_i(beat_q[131 +: 8]), .w_scale_i(beat_q[139 +: 8]),
    .valid_o(valid), .ready_i(wanted & ~done_q), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );

  // The signature, x^34 + x^27 + x^2 + x + 1 by the places of its taps, of the results in their order.
  logic [33:0] signature_q, next;
  logic [$clog2(Results)-1:0] count_q;
  logic pass_q, fail_q;

  assign next = {signature_q[32:0], signature_q[33] ^ signature_q[26] ^ signature_q[1] ^ signature_q[0]}
                ^ {overflow, nan, result};

  always_ff @(posedge clk_i) begin
    if (!rst_n_q) begin
      signature_q <= '0;
      count_q     <= '0;
      done_q      <= 1'b0;
      pass_q      <= 1'b0;
      fail_q      <= 1'b0;
    end else if (done_q) begin
      if (pass_q | fail_q) begin
        signature_q <= {signature_q[32:0], signature_q[33]};
      end else begin
        pass_q <= signature_q == Golden;
        fail_q <= signature_q != Golden;
      end
    end else if (valid & wanted) begin
      signature_q <= next;
      count_q     <= count_q + 1'b1;
      done_q      <= 32'(count_q) == Results - 1;
    end
  end

  assign pass_o      = pass_q;
  assign fail_o      = fail_q;
  assign running_o   = rst_n_q & ~pass_q & ~fail_q;
  assign signature_o = signature_q[33];

endmodule
