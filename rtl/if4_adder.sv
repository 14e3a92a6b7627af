// Sum of two numbers, modulo 2^Width. Combinational.
//
// A carry-select adder: every part but the lowest is added twice, with and without a carry from below, and that carry
// then chooses. It is written out since logic optimizers turn one carry chain over a whole accumulator into a slow
// ripple carry, in whatever form the chain is described.
/* verilator lint_off TIMESCALEMOD */ module if4_adder #(
  parameter int Width = 64,  // bits of the numbers, at least 2
  parameter int Part  = 22   // bits of a part, at least 1; the lowest part has what is left
) (
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] sum_o  // a_i + b_i; signed or unsigned alike
);

  localparam int Parts = (Width + Part - 1) / Part;

  for (genvar p = 0; p < Parts; p++) begin : gen_part
    localparam int High = Width - (Parts - 1 - p) * Part;
    localparam int Low  = p == 0 ? 0 : High - Part;
    localparam int Bits = High - Low;
    logic [Bits:0] sum, chosen;
    logic          carry;
    assign sum = {1'b0, a_i[Low +: Bits]} + {1'b0, b_i[Low +: Bits]};
    if (p == 0) begin : gen_lowest
      assign chosen = sum;
    end else begin : gen_select
      logic [Bits:0] sum_carry;
      assign sum_carry = {1'b0, a_i[Low +: Bits]} + {1'b0, b_i[Low +: Bits]} + (Bits+1)'(1);
      assign chosen    = gen_part[p-1].carry ? sum_carry : sum;
    end
    assign carry = chosen[Bits];
    assign sum_o[Low +: Bits] = chosen[Bits-1:0];
  end

  logic unused;
  assign unused = gen_part[Parts-1].carry;

endmodule
