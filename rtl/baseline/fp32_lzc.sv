// Counts the zeros above the leading one of a number. Combinational.
//
// A binary search: each step looks whether the upper half of a window is zero, counts it if so, and keeps the half
// that holds the leading one.
module fp32_lzc #(
  parameter int Width = 28,                  // at least 2
  parameter int CountWidth = $clog2(Width)   // not to be set
) (
  input  logic [Width-1:0]      value_i,
  output logic [CountWidth-1:0] count_o      // 0..Width-1; all ones if value_i is zero
);

  // The steps, from the last, which looks at one bit, to the first.
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

  // Step 0 leaves the leading one itself.
  logic unused;
  assign unused = gen_step[0].kept;

endmodule
