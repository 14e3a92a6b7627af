// Counts the zeros above the leading one of a number. Combinational.
//
// A binary search: each step looks whether the upper half of a window is zero, counts it if so, and keeps the half
// that holds the leading one.
/* verilator lint_off TIMESCALEMOD */ module fp32_lzc #(
  parameter int Width = 28,                  // bits of the number, at least 2
  parameter int CountWidth = $clog2(Width)   // bits of the count; follows from Width, not to be set
) (
  input  logic [Width-1:0]      value_i,     // the number
  output logic [CountWidth-1:0] count_o      // 0..Width-1; all ones if value_i is zero
);

  // Step l counts 2^l zeros or none. The first step is CountWidth - 1; step 0 looks at one bit and is the last.
  for (genvar l = 0; l < CountWidth; l++) begin : gen_step
    logic [(2<<l)-1:0] window;
    if (l == CountWidth - 1) begin : gen_first
      assign window = (2 << l)'(value_i) << ((2 << l) - Width);
    end else begin : gen_next
      assign window = gen_step[l+1].kept;
    end

    logic [(1<<l)-1:0] kept;
    assign count_o[l] = window[(2<<l)-1:(1<<l)] == '0;
    assign kept = count_o[l] ? window[(1<<l)-1:0] : window[(2<<l)-1:(1<<l)];
  end

  // What step 0 keeps is the leading one itself, which nobody reads.
  logic unused;
  assign unused = gen_step[0].kept;

endmodule
