// A self-checking testbench for any module with the ports of if4_mac, in plain SystemVerilog: no classes, no randomize, no
// DPI. It drives the module by the $readmemh files of `if4 vectors --memh` and compares every result.
//
// What is tested, by macros (+define+NAME=VALUE):
//   IF4_DUT          the module (default: if4_mac)
//   IF4_DUT_PARAMS   its parameters as in an instantiation, .Format(2), .Lanes(16) (default: none)
// With what, by the header if4_kit_config.svh of the vectors, whose folder must be an include folder, and by plusargs:
//   +vectors=FOLDER  of stimulus.memh, expected.memh and points.memh (default: .)
//   +seed=N          of the stalls and of what the ports hold while no beat is offered (default: 1)
//   +watchdog=N      clocks without progress after which the run ends (default: 5000)
//   +show=N          mismatches that are printed (default: 8)
//   +stop_after=N    mismatches after which the run ends (default: 0, never)
//   +finish          end with $finish after a FAIL too, instead of $fatal
//   +heartbeat=N     print "clock N" every N clocks
//   +dump=FILE +dump_from=N +dump_to=N   write the waveform of these clocks, then end without a verdict
//
// A clock is 10 ns: the rising edge at 0, inputs change at 1, the clock falls at 5, outputs are sampled at 6 and 8. In one
// clock of four, ready_i is toggled from 6 to 7 and back, which no output may follow. Checked in every clock, and counted
// for the testpoint that the stimulus or the result belongs to:
//   value      result_o, nan_o and overflow_o are those expected, when valid_o rises; unknown bits are wrong
//   stable     while a result waits, valid_o stays 1 and neither result nor flags change
//   due        valid_o is 0 while no result is due: none comes early, twice, or after a reset
//   known      ready_o and valid_o are 0 or 1
//   comb       valid_o, result and flags do not follow ready_i within a clock
//   progress   beats are taken and results come; valid_o does not wait for ready_i
// The last line is PASS or FAIL with the numbers of checks and failures. A testpoint without a check is a failure.
`timescale 1ns / 1ps
`include "if4_kit_config.svh"
`ifndef IF4_DUT
`define IF4_DUT if4_mac
`endif

module if4_mac_tb;

  localparam int CodesWidth = `IF4_KIT_LANES * `IF4_KIT_CODE_BITS;
  localparam int ScaleWidth = `IF4_KIT_LANES / 2;
  localparam int ArgWidth   = 2 * (CodesWidth + ScaleWidth);
  localparam int Stimuli    = `IF4_KIT_STIMULI, Results = `IF4_KIT_RESULTS, Points = `IF4_KIT_POINTS;
  localparam logic [7:0] OpBeat = 8'h01, OpLast = 8'h03, OpStall = 8'h10, OpReset = 8'h20, OpWait = 8'h30, OpHold = 8'h40,
                         OpIdle = 8'h50, OpEnd = 8'hFF;
  localparam int EndQuiet = 256;  // clocks at the end in which no result may come

  // The module under test -------------------------------------------------------------------------------------------
  logic                  clk_i, rst_ni, valid_i, last_i, ready_i;
  logic [CodesWidth-1:0] a_codes_i, w_codes_i;
  logic [ScaleWidth-1:0] a_scale_i, w_scale_i;
  wire                   ready_o, valid_o, nan_o, overflow_o;
  wire  [31:0]           result_o;

`ifdef IF4_DUT_PARAMS
  `IF4_DUT #(`IF4_DUT_PARAMS) dut (
`else
  `IF4_DUT dut (
`endif
    .clk_i(clk_i), .rst_ni(rst_ni),
    .valid_i(valid_i), .ready_o(ready_o), .last_i(last_i),
    .a_codes_i(a_codes_i), .a_scale_i(a_scale_i), .w_codes_i(w_codes_i), .w_scale_i(w_scale_i),
    .valid_o(valid_o), .ready_i(ready_i), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
  );

  wire [33:0] outputs = {overflow_o, nan_o, result_o};

  // The vectors -------------------------------------------------------------------------------------------------------
  reg [ArgWidth+23:0] stimulus[0:Stimuli-1];  // {op, testpoint, argument}
  reg [63:0]          expected[0:Results-1];  // {testpoint, 14'b0, overflow, nan, result}
  reg [511:0]         names[0:Points-1];      // of the testpoints, in ASCII
  int                 checks[0:Points-1], failures[0:Points-1];

  // Where the run is
  int                  at;     // the line of stimulus that is being issued
  logic [7:0]          op;     // what it says
  logic [15:0]         point;
  logic [ArgWidth-1:0] arg;
  int  waited;                 // clocks that it has taken
  int  due;                    // index after the last result whose last beat has been taken
  int  taken;                  // index of the next result
  bit  seen;                   // it has been there, and was compared
  bit  offered;                // a beat is offered, until it is taken
  bit  held;                   // ready_i is held 0 until valid_o has been 1 for hold_left clocks
  bit  waits;                  // a result waited at the last edge; what it was:
  logic [33:0] waiting;
  bit  across;                 // the reset goes on across the edge that comes
  bit  ended, stuck;
  int  hold_left, input_stall, output_stall;
  int  clocks, still;          // since the start; without progress
  int  total_checks, total_failures, unchecked;
  logic [31:0] random;

  // Plusargs
  int  seed, watchdog, show, stop_after, heartbeat, dump_from, dump_to;
  string folder, dump;

  // Counting ----------------------------------------------------------------------------------------------------------
  // A check of the testpoint, and what is wrong where it fails.
  task automatic check(int of_point, bit right, string what);
    total_checks     = total_checks + 1;
    checks[of_point] = checks[of_point] + 1;
    if (!right) begin
      total_failures     = total_failures + 1;
      failures[of_point] = failures[of_point] + 1;
      if (total_failures <= show || stuck)
        $display("mismatch clock %0d testpoint %0s result %0d %0s", clocks, names[of_point], taken, what);
    end
  endtask

  task automatic check_value;
    logic [63:0] wanted;
    wanted = expected[taken];
    check(32'(wanted[63:48]), outputs === wanted[33:0],
          $sformatf("value: expected %h nan %b overflow %b, got %h nan %b overflow %b", wanted[31:0], wanted[32], wanted[33],
                    result_o, nan_o, overflow_o));
  endtask

  // Random numbers: a linear feedback shift register, 32 steps of which are three shifts (xorshift) --------------------
  task automatic next_random;
    random = random ^ (random << 13);
    random = random ^ (random >> 17);
    random = random ^ (random << 5);
  endtask

  // Inputs ------------------------------------------------------------------------------------------------------------
  // What the ports hold while no beat is offered, which no result may show.
  task automatic drive_garbage;
    logic [32*(CodesWidth/32+2)-1:0] garbage;
    valid_i   = 1'b0;
    next_random();
    garbage   = {CodesWidth / 32 + 2{random}};
    last_i    = random[0];
    a_codes_i = garbage[CodesWidth-1:0];
    w_codes_i = ~garbage[CodesWidth-1:0];
    a_scale_i = garbage[ScaleWidth+7:8];
    w_scale_i = garbage[ScaleWidth+15:16];
  endtask

  task automatic go_to(int to);
    at     = to;
    waited = 0;
    still  = 0;
    {op, point, arg} = stimulus[to];
  endtask

  // Ends the lines that need no further clock. What is left needs one.
  task automatic advance;
    bit more;
    more = 1'b1;
    while (more) begin
      more = 1'b0;
      case (op)
        OpStall: begin
          output_stall = 32'(arg[15:8]);
          input_stall  = 32'(arg[7:0]);
          more = 1'b1;
        end
        OpIdle: more = waited == 32'(arg[15:0]);
        OpWait: begin
          more = taken == 32'(arg[47:16]) && waited >= 32'(arg[15:0]);
          if (more) check(32'(point), 1'b1, "due");
        end
        OpHold: begin
          held      = 1'b1;
          hold_left = 32'(arg[15:0]);
          more      = 1'b1;
        end
        default: ;
      endcase
      if (more) go_to(at + 1);
    end
  endtask

  task automatic drive;
    bit stalled;
    next_random();
    stalled = 32'(random[15:8]) < input_stall;
    ready_i = 32'(random[23:16]) >= output_stall;
    if (op === OpBeat || op === OpLast) begin
      if (!offered && stalled) begin
        drive_garbage();
        still = 0;
      end else begin
        offered = 1'b1;
        valid_i = 1'b1;
        last_i  = op === OpLast;
        {w_codes_i, a_codes_i, w_scale_i, a_scale_i} = arg;
      end
    end else begin
      drive_garbage();
      if (op === OpIdle) waited = waited + 1;
      if (op === OpIdle || op === OpReset) still = 0;
      if ((op === OpWait && taken == 32'(arg[47:16])) || (op === OpEnd && due == taken)) begin
        waited = waited + 1;
        still  = 0;
        held   = 1'b0;
      end
      if (op === OpEnd && waited > EndQuiet) ended = 1'b1;
    end
    if (held) ready_i = 1'b0;
  endtask

  // A reset begins 2 ns after an edge. It ends 5 ns later, or 1 ns after the next edge.
  task automatic reset_now;
    rst_ni  = 1'b0;
    taken   = 32'(arg[47:16]);
    due     = taken;
    seen    = 1'b0;
    waits   = 1'b0;
    held    = 1'b0;
    across  = arg[7:0] == 8'd0;
  endtask

  // Outputs -----------------------------------------------------------------------------------------------------------
  task automatic toggle_ready;
    bit          was_valid;
    logic [33:0] was;
    was_valid = valid_o === 1'b1;
    was       = outputs;
    ready_i   = ~ready_i;
    #1;
    if ((valid_o === 1'b1) != was_valid) begin
      check(32'(point), 1'b0, "comb: valid_o follows ready_i within a clock");
    end else if (was_valid) begin
      check(32'(point), outputs === was, "comb: result or flags follow ready_i within a clock");
    end
    ready_i = ~ready_i;
  endtask

  task automatic sample;
    int owner;
    // A beat
    if (ready_o !== 1'b0 && ready_o !== 1'b1) check(32'(point), 1'b0, $sformatf("known: ready_o is %b", ready_o));
    if (valid_o !== 1'b0 && valid_o !== 1'b1) check(32'(point), 1'b0, $sformatf("known: valid_o is %b", valid_o));
    still = still + 1;
    if (valid_i && ready_o === 1'b1) begin
      offered = 1'b0;
      if (last_i) due = due + 1;
      go_to(at + 1);
    end
    // A result
    owner = taken < Results ? 32'(expected[taken][63:48]) : 32'(point);
    if (waits) begin
      if (valid_o !== 1'b1) check(owner, 1'b0, "stable: valid_o fell before the result was taken");
      else check(owner, outputs === waiting, "stable: result or flags changed before they were taken");
    end
    waits = 1'b0;
    if (valid_o === 1'b1 && taken >= due) begin
      check(32'(point), 1'b0, "due: valid_o is 1, but no result is due");
    end else if (valid_o === 1'b1) begin
      if (!seen) check_value();
      seen = 1'b1;
      if (held) begin
        hold_left = hold_left - 1;
        still     = 0;
        if (hold_left <= 0) begin
          held = 1'b0;
          check(owner, 1'b1, "progress");
        end
      end
      waits   = !ready_i;
      waiting = outputs;
      if (ready_i) begin
        taken = taken + 1;
        seen  = 1'b0;
        still = 0;
      end
    end
  endtask

  task automatic check_progress;
    if (still >= watchdog) begin
      stuck = 1'b1;
      if (held && due > taken)
        check(32'(point), 1'b0, "progress: valid_o stays 0 while ready_i is 0: it waits for ready_i, or the result is lost");
      else if (offered)
        check(32'(point), 1'b0, "progress: a beat is offered, and ready_o stays 0");
      else
        check(32'(point), 1'b0, "progress: the result does not come");
    end
  endtask

  // One clock, from 1 ns after its edge ------------------------------------------------------------------------------
  task automatic clock;
    bit resets;
    #1;
    if (across) begin  // the clock after a reset may have a beat
      rst_ni = 1'b1;
      across = 1'b0;
      go_to(at + 1);
    end
    advance();
    resets = op === OpReset && waited == 32'(arg[15:8]);
    if (op === OpReset) waited = waited + 1;
    drive();
    #1;
    if (resets) reset_now();
    #3 clk_i = 1'b0;
    #1;
    if (!rst_ni) begin
      check(32'(point), valid_o === 1'b0, "due: valid_o is not 0 in reset");
      #1;
      if (!across) begin
        rst_ni = 1'b1;
        go_to(at + 1);
      end
    end else begin
      if (random[31:30] == 2'b0) toggle_ready();
      else #1;
    end
    #1;
    if (rst_ni) sample();
    #2 clk_i = 1'b1;
    clocks = clocks + 1;
  endtask

  task automatic power_up;
    clk_i   = 1'b0;
    rst_ni  = 1'b1;
    ready_i = 1'b0;
    drive_garbage();
    #2 rst_ni = 1'b0;
    repeat (4) begin
      #5 clk_i = 1'b1;
      #5 clk_i = 1'b0;
    end
    check(32'(point), valid_o === 1'b0, "due: valid_o is not 0 in reset");
    #5 clk_i = 1'b1;
    #1 rst_ni = 1'b1;
  endtask

  // Whether all lines of the vectors have been read.
  function automatic bit vectors_are_there();
    vectors_are_there = stimulus[Stimuli-1][ArgWidth+23:ArgWidth+16] === OpEnd && ^expected[0] !== 1'bx
        && ^expected[Results-1] !== 1'bx && ^names[0] !== 1'bx && ^names[Points-1] !== 1'bx;
  endfunction

  task automatic read_plusargs;
    if ($value$plusargs("vectors=%s", folder) == 0) folder = ".";
    if ($value$plusargs("seed=%d", seed) == 0) seed = 1;
    if ($value$plusargs("watchdog=%d", watchdog) == 0) watchdog = 5000;
    if ($value$plusargs("show=%d", show) == 0) show = 8;
    if ($value$plusargs("stop_after=%d", stop_after) == 0) stop_after = 0;
    if ($value$plusargs("heartbeat=%d", heartbeat) == 0) heartbeat = 0;
    if ($value$plusargs("dump=%s", dump) == 0) dump = "";
    if ($value$plusargs("dump_from=%d", dump_from) == 0) dump_from = 0;
    if ($value$plusargs("dump_to=%d", dump_to) == 0) dump_to = 0;
  endtask

  task automatic report;
    for (int p = 0; p < Points; p++) begin
      $display("testpoint %0s checks %0d failures %0d", names[p], checks[p], failures[p]);
      if (checks[p] == 0) unchecked = unchecked + 1;
    end
    if (unchecked != 0) $display("%0d testpoints without a check", unchecked);
    if (total_failures == 0 && unchecked == 0 && taken == Results) begin
      $display("PASS if4_mac_tb: %0d checks, 0 failures, %0d testpoints, %0d clocks, seed %0d", total_checks, Points,
               clocks, seed);
      $finish;
    end else begin
      $display("FAIL if4_mac_tb: %0d checks, %0d failures, %0d testpoints, %0d without a check, %0d clocks, seed %0d",
               total_checks, total_failures, Points, unchecked, clocks, seed);
      if ($test$plusargs("finish")) $finish;
      else $fatal(1, "the module is wrong");
    end
  endtask

  initial begin
    read_plusargs();
    $readmemh({folder, "/stimulus.memh"}, stimulus);
    $readmemh({folder, "/expected.memh"}, expected);
    $readmemh({folder, "/points.memh"}, names);
    if (!vectors_are_there()) begin
      $display("FAIL if4_mac_tb: the vectors in %0s are not those of if4_kit_config.svh, or not there", folder);
      $fatal(1, "no vectors");
    end
    $display("seed %0d", seed);
    for (int p = 0; p < Points; p++) begin
      checks[p]   = 0;
      failures[p] = 0;
    end
    {due, taken, seen, offered, held, waits, across, ended, stuck} = '0;
    {hold_left, input_stall, output_stall, clocks, still, total_checks, total_failures, unchecked} = '0;
    // Seeds that differ in one bit give different numbers soon; 0 would give nothing else.
    random = (32'(seed) * 32'h9E3779B9) | 32'd1;
    go_to(0);
    power_up();
    while (!ended && !stuck && (stop_after == 0 || total_failures < stop_after)) begin
      if (dump != "" && clocks == dump_from) begin
        $dumpfile(dump);
        $dumpvars(0, if4_mac_tb);
      end
      if (dump != "" && clocks == dump_to) $finish;
      if (heartbeat != 0 && clocks % heartbeat == 0) begin
        $display("clock %0d", clocks);
        $fflush;
      end
      clock();
      check_progress();
    end
    report();
  end

endmodule
