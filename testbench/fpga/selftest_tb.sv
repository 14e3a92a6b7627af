// Runs the self-test, the RTL or the chip as its bitstream describes it, until it passes or fails, and prints
// `selftest pass|fail SIGNATURE CLOCKS`, with the signature that comes out of its pin; or `selftest hangs CLOCKS`.
//
// Macro: CHIP, the module under test.
module selftest_tb;
  localparam int Longest = 1000000;  // clocks

  logic clk = 1'b0;
  logic pass, fail, running, bit_out;
  logic [33:0] signature = '0;
  int clocks = 0;

  `CHIP chip (.clk_i(clk), .pass_o(pass), .fail_o(fail), .running_o(running), .signature_o(bit_out));

  always #5 clk = ~clk;

  always @(negedge clk) begin
    clocks = clocks + 1;
    if (clocks > Longest) begin
      $display("selftest hangs %0d", clocks);
      $finish;
    end
  end

  initial begin
    wait (pass === 1'b1 || fail === 1'b1);
    @(negedge clk);
    for (int i = 0; i < 34; i = i + 1) begin
      signature = {signature[32:0], bit_out};
      @(negedge clk);
    end
    if (pass === fail || running !== 1'b0) $display("selftest contradicts itself: pass %b fail %b running %b", pass, fail, running);
    else $display("selftest %0s %0h %0d", pass ? "pass" : "fail", signature, clocks);
    $finish;
  end
endmodule
