// Decodes one code into the integer operand (-1)^neg * (sig << shift). Combinational.
//
// Magnitudes of IF4: FP4 0 1 2 3 4 6 8 12 (halves), INT4 0..8. So bits 2:0 of a magnitude with bit 3 set are 0 or 4,
// which if4_product makes use of.
module if4_element #(
  parameter int Format = if4_pkg::FormatIF4
) (
  input  logic                                    is_int_i,  // the type: 1 int, 0 float; ignored where there is one only
  input  logic [if4_pkg::code_bits(Format)-1:0]  code_i,
  output logic                                    neg_o,     // the operand is negative, or -0
  output logic [if4_pkg::sig_width(Format)-1:0]   sig_o,
  output logic [if4_pkg::shift_width(Format)-1:0] shift_o    // 0 for an int
);

  localparam int CodeWidth = if4_pkg::code_bits(Format);
  localparam int MagWidth  = CodeWidth - 1;  // of a code without its sign
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
    // Bit by bit: what abc finds from the arithmetic is a third larger.
    logic twos;  // the bits are inverted and incremented
    assign twos    = is_int & code_i[CodeWidth-1] & (if4_pkg::int_code(Format) == if4_pkg::TwosComplement);
    assign shift_o = '0;
    if (CodeWidth == 4) begin : gen_e2m1
      logic fp, low;
      assign fp  = ~is_int;
      assign low = code_i[1] | code_i[0];
      // FP4 4, 6, 8, 12 are codes 4 to 7: their two low bits move up by one or two.
      assign sig_o[0] = code_i[0] & ~(fp & code_i[2]);
      assign sig_o[1] = code_i[1] ^ ((twos & code_i[0]) | (fp & code_i[2] & low));
      assign sig_o[2] = code_i[2] ^ ((twos & low) | (fp & code_i[2] & code_i[1] & ~code_i[0]));
      assign sig_o[3] = (twos & ~code_i[2] & ~low) | (fp & code_i[2] & code_i[1]);
    end else begin : gen_e2m0
      // IF3: 0, 1, 2, 3 and 0, 1, 2, 4; sign and magnitude.
      logic four;
      assign four  = ~is_int & code_i[1] & code_i[0];
      assign sig_o = {four, code_i[1:0] & {2{~four}}};
      logic unused;
      assign unused = twos;
    end
  end else begin : gen_float
    logic [MagWidth-Mantissa-1:0]              exponent;  // the field
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
