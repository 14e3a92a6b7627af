// The edge of one row or column of the array: Skew registers for the raw blocks of a beat, then their decoders, in
// front of the first cell. Latency: Skew edges with advance_i. No reset: whether there is a
// beat is for the array to know.
/* verilator lint_off TIMESCALEMOD */ module if4_array_edge #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Lanes  = 16,                  // elements of a beat: 16, 32 or 64
  parameter int Skew   = 0                    // registers, 0 or more: the number of the row or column
) (
  input  logic                                            clk_i,
  input  logic                                            advance_i,  // the registers move at this edge
  input  logic [Lanes*if4_pkg::code_bits(Format)-1:0]     codes_i,    // element i in slice i
  input  logic [Lanes/2-1:0]                              scale_i,    // block i in byte i; 7: 1 int, 0 float; 6:0: E4M3
  output logic [Lanes/16*if4_pkg::edge_width(Format)-1:0] beat_o      // block i in slice i (if4_pkg::edge_width)
);

  localparam int Blocks       = Lanes / if4_pkg::BlockSize;
  localparam int CodeWidth    = if4_pkg::code_bits(Format);
  localparam int SigWidth     = if4_pkg::sig_width(Format);
  localparam int ElementWidth = if4_pkg::element_width(Format);
  localparam int EdgeWidth    = if4_pkg::edge_width(Format);
  localparam int RawWidth     = Lanes * CodeWidth + Lanes / 2;

  logic [RawWidth-1:0] raw;

  if (Skew == 0) begin : gen_straight
    assign raw = {scale_i, codes_i};
    logic unused;
    assign unused = clk_i ^ advance_i;
  end else begin : gen_skew
    logic [Skew*RawWidth-1:0] skew_q;  // the oldest beat on top
    always_ff @(posedge clk_i) begin
      if (advance_i) skew_q <= (Skew*RawWidth)'({skew_q, scale_i, codes_i});
    end
    assign raw = skew_q[Skew*RawWidth-1 -: RawWidth];
  end

  for (genvar b = 0; b < Blocks; b++) begin : gen_block
    logic [if4_pkg::ScaleWidth-1:0]    scale;
    logic                              nan;
    logic [if4_pkg::ScaleSigWidth-1:0] sig;
    logic [if4_pkg::ScaleExpWidth-1:0] exponent;
    logic [16*ElementWidth-1:0]        elements;

    assign scale = raw[Lanes*CodeWidth + 8*b +: 8];

    if4_scale_decode u_scale (.scale_i(scale[6:0]), .nan_o(nan), .sig_o(sig), .exp_o(exponent));

    if (if4_pkg::decoded(Format)) begin : gen_decode
      for (genvar i = 0; i < if4_pkg::BlockSize; i++) begin : gen_element
        logic                                    neg;
        logic [SigWidth-1:0]                     element_sig;
        logic [if4_pkg::shift_width(Format)-1:0] shift;
        if4_element #(.Format(Format)) u_element (
          .is_int_i(scale[7]), .code_i(raw[(16*b + i)*CodeWidth +: CodeWidth]),
          .neg_o(neg), .sig_o(element_sig), .shift_o(shift)
        );
        assign elements[i*ElementWidth +: ElementWidth] = {element_sig, neg};
        logic unused;
        assign unused = ^shift;
      end
    end else begin : gen_codes
      assign elements = raw[16*b*CodeWidth +: 16*CodeWidth];
    end

    if (if4_pkg::has_both(Format)) begin : gen_type
      assign beat_o[b*EdgeWidth +: EdgeWidth] = {scale[7], nan, exponent, sig, elements};
    end else begin : gen_one_type
      assign beat_o[b*EdgeWidth +: EdgeWidth] = {nan, exponent, sig, elements};
      logic unused;
      assign unused = scale[7];
    end
  end

endmodule
