// Counts clocks of latency and throughput of a unit with the ports of if4_mac, for `make area` (Icarus Verilog). TOP and
// PARAMETERS are its name and parameters, as macros. What the unit computes is not looked at here.
module clocks;

  localparam int Patience = 4000;  // clocks without a result are an error

  logic clk = 1'b0, rst_n = 1'b0, valid = 1'b0, last = 1'b0;
  logic ready, result_valid;
  logic [383:0] codes = '0;   // for the widest unit; a narrower one takes the lower bits
  logic [31:0]  scales = '0;
  logic [31:0]  result;
  int now = 0;

  `TOP #(`PARAMETERS) dut (
    .clk_i(clk), .rst_ni(rst_n), .valid_i(valid), .ready_o(ready), .last_i(last),
    .a_codes_i(codes[$bits(dut.a_codes_i)-1:0]), .a_scale_i(scales[$bits(dut.a_scale_i)-1:0]),
    .w_codes_i(codes[$bits(dut.w_codes_i)-1:0]), .w_scale_i(scales[$bits(dut.w_scale_i)-1:0]),
    .valid_o(result_valid), .ready_i(1'b1), .result_o(result)
  );

  always #1 clk = ~clk;
  always @(posedge clk) now <= now + 1;

  int first_taken, last_taken, first_result, last_result, results;
  always @(posedge clk) begin
    if (rst_n && result_valid) begin
      if (results == 0) first_result <= now;
      last_result <= now;
      results     <= results + 1;
    end
  end

  // Offers beats back to back, every `length`-th of which is a last one, and waits for the results.
  task automatic run(input int dot_products, input int length);
    int waited;
    results = 0;
    for (int i = 0; i < dot_products * length; i++) begin
      @(negedge clk);
      valid  = 1'b1;
      last   = (i + 1) % length == 0;
      waited = 0;
      while (!ready) begin
        @(negedge clk);
        waited = waited + 1;
        if (waited > Patience) $fatal(1, "a beat is not taken");
      end
      @(posedge clk);
      if (i == 0) first_taken = now;
      last_taken = now;
    end
    @(negedge clk);
    valid  = 1'b0;
    waited = 0;
    while (results < dot_products) begin
      @(negedge clk);
      waited = waited + 1;
      if (waited > Patience) $fatal(1, "a result does not come");
    end
  endtask

  int latency, least, most, clocks_of_beats;

  task automatic latency_of(input int length);
    run(1, length);
    latency = last_result - last_taken;
    if (least == 0 || latency < least) least = latency;
    if (latency > most) most = latency;
  endtask

  initial begin
    least = 0;
    most  = 0;
    repeat (4) @(negedge clk);
    rst_n = 1'b1;
    // The latency may depend on the sum: zero, then the smallest, then larger ones up to the largest.
    latency_of(1);
    codes = 1;
    for (int scale = 1; scale < 127; scale = scale + 7) begin
      scales = {4{scale[7:0]}};
      latency_of(1);
    end
    codes  = {96{4'h7}};
    scales = {4{8'h7E}};
    latency_of(1024);
    clocks_of_beats = last_taken - first_taken + 1;
    codes  = 1;
    scales = {4{8'h01}};
    run(33, 1);
    $display("latency_least %0d", least);
    $display("latency_most %0d", most);
    $display("clocks_of_1024_beats %0d", clocks_of_beats);
    $display("clocks_of_32_results %0d", last_result - first_result);
    $finish;
  end

endmodule
