// Decodes one code into its operand, the integer (-1)^neg * (sig << shift). Combinational.
//
// Magnitudes of IF4 are 0 1 2 3 4 6 8 12 as FP4, in halves, and 0..8 as INT4. So if bit 3 of a magnitude is set, its
// bits 1:0 are 0; if4_product makes use of that.
/* verilator lint_off TIMESCALEMOD */ module if4_element #(
  parameter int Format = if4_pkg::FormatIF4  // one of if4_pkg::Format*
) (
  input  logic                                    is_int_i,  // type: 1 int, 0 float; ignored by formats of one type
  input  logic [if4_pkg::code_bits(Format)-1:0]   code_i,    // the element's code
  output logic                                    neg_o,     // the operand is negative, or -0
  output logic [if4_pkg::sig_width(Format)-1:0]   sig_o,     // significand, or the whole magnitude (if4_pkg::whole)
  output logic [if4_pkg::shift_width(Format)-1:0] shift_o    // max(exponent field, 1) - 1; 0 of an int, or if whole
);

  localparam int CodeWidth = if4_pkg::code_bits(Format);
  localparam int MagWidth  = CodeWidth - 1;  // bits of a code without its sign
  localparam int Mantissa  = if4_pkg::mantissa_bits(Format);
  localparam int SigWidth  = if4_pkg::sig_width(Format);

  logic is_int;

  assign neg_o = code_i[CodeWidth-1];

  if (if4_pkg::has_both(Format)) begin : gen_type
    assign is_int = is_int_i;
  end else begin : gen_one_type
    assign is_int = if4_pkg::has_int(Format);
    logic unused;
    assign unused = is_int_i;
  end

  if (if4_pkg::whole(Format)) begin : gen_whole
    // Written bit by bit, as what abc makes of the arithmetic is a third larger.
    logic twos;  // a negative number in two's complement: its bits are to be inverted and incremented
    assign twos    = is_int & code_i[CodeWidth-1] & (if4_pkg::int_code(Format) == if4_pkg::TwosComplement);
    assign shift_o = '0;
    if (CodeWidth == 4) begin : gen_e2m1
      logic fp, low;  // type float; one of the two low bits is set
      assign fp  = ~is_int;
      assign low = code_i[1] | code_i[0];
      // FP4's codes 4 to 7 are the magnitudes 4, 6, 8, 12: their low bits count two or four halves, not one.
      assign sig_o[0] = code_i[0] & ~(fp & code_i[2]);
      assign sig_o[1] = code_i[1] ^ ((twos & code_i[0]) | (fp & code_i[2] & low));
      assign sig_o[2] = code_i[2] ^ ((twos & low) | (fp & code_i[2] & code_i[1] & ~code_i[0]));
      assign sig_o[3] = (twos & ~code_i[2] & ~low) | (fp & code_i[2] & code_i[1]);
    end else begin : gen_e2m0
      // IF3: the two low bits are the magnitude of an int; of a float, 3 stands for 4.
      logic four;  // the code is the float 4
      assign four  = ~is_int & code_i[1] & code_i[0];
      assign sig_o = {four, code_i[1:0] & {2{~four}}};
      logic unused;
      assign unused = twos;
    end
  end else begin : gen_float
    logic [MagWidth-Mantissa-1:0]              exponent;  // the exponent field
    logic [Mantissa:0]                         sig;
    logic [if4_pkg::shift_width(Format)-1:0]   shift;

    assign exponent = code_i[MagWidth-1:Mantissa];
    assign sig      = {|exponent, code_i[Mantissa-1:0]};
    assign shift    = exponent - {{(MagWidth-Mantissa-1){1'b0}}, |exponent};

    if (if4_pkg::has_int(Format)) begin : gen_int
      assign sig_o   = is_int ? code_i[MagWidth-1:0] : SigWidth'(sig);
      assign shift_o = is_int ? '0 : shift;
    end else begin : gen_no_int
      assign sig_o   = sig;
      assign shift_o = shift;
      logic unused;
      assign unused = is_int;
    end
  end

endmodule
