// From the sums of the quarters of D, and two scales, to D * m_a * m_w * k of one block and its exponent: the stages
// that the unit and the cell of the array share.
//
// Latency: if4_pkg::block_stages clocks. Stage s takes what the one before it holds, or the inputs, at an edge with
// load_i[s]; who loads it says when. No reset: whether a stage holds a block is for the module around to know.
//   Depth = 0   stage 0: D, and the Booth digits of m_a * m_w;    stage 1: D * m_a * m_w * k
//   Depth = 1   stage 0: the inputs;    stage 1: D, and the Booth digits;    stage 2: D * m_a * m_w;
//               stage 3, where k is not 1 for all types: D * m_a * m_w * k
/* verilator lint_off TIMESCALEMOD */ module if4_scaled #(
  parameter int Format = if4_pkg::FormatIF4,  // one of if4_pkg::Format*
  parameter int Depth  = 0,                   // 0 or 1 (if4_mac)
  localparam int Stages = if4_pkg::block_stages(Format, Depth)
) (
  input  logic                                           clk_i,
  input  logic [Stages-1:0]                              load_i,      // stage s takes a block at this edge
  input  logic [4*if4_pkg::quarter_width(Format)-1:0]    quarters_i,  // as if4_quarters gives them
  input  logic [2:0]                                     carries_i,
  input  logic                                           a_int_i,     // type of the activations: 1 int, 0 float
  input  logic                                           a_nan_i,     // their scale, as if4_scale_decode gives it
  input  logic [if4_pkg::ScaleSigWidth-1:0]              a_sig_i,
  input  logic [if4_pkg::ScaleExpWidth-1:0]              a_exp_i,
  input  logic                                           w_int_i,     // the weights, likewise
  input  logic                                           w_nan_i,
  input  logic [if4_pkg::ScaleSigWidth-1:0]              w_sig_i,
  input  logic [if4_pkg::ScaleExpWidth-1:0]              w_exp_i,
  output logic signed [if4_pkg::block_width(Format)-1:0] block_o,     // D * m_a * m_w * k
  output logic [if4_pkg::ScaleShiftWidth-1:0]            shift_o,     // x_a + x_w - 2, 0..28
  output logic                                           nan_o        // a scale is NaN
);

  localparam int DotWidth      = if4_pkg::dot_width(Format);
  localparam int QuartersWidth = 4 * if4_pkg::quarter_width(Format);
  localparam int ScaledWidth   = if4_pkg::scaled_width(Format);
  localparam int BlockWidth    = if4_pkg::block_width(Format);
  localparam int SigWidth      = if4_pkg::ScaleSigWidth;
  localparam int ExpWidth      = if4_pkg::ScaleExpWidth;
  localparam int ShiftWidth    = if4_pkg::ScaleShiftWidth;
  localparam int Digits        = if4_pkg::BoothDigits;

  // The inputs, at Depth 1 from a register ----------------------------------------------------------------------------
  logic [QuartersWidth-1:0] quarters;
  logic [2:0]               carries;
  logic [SigWidth-1:0]      a_sig, w_sig;
  logic [ExpWidth-1:0]      a_exp, w_exp;
  logic                     a_int0, w_int0, nan0;

  if (Depth == 0) begin : gen_inputs
    assign {quarters, carries}          = {quarters_i, carries_i};
    assign {a_sig, w_sig, a_exp, w_exp} = {a_sig_i, w_sig_i, a_exp_i, w_exp_i};
    assign {a_int0, w_int0, nan0}       = {a_int_i, w_int_i, a_nan_i | w_nan_i};
  end else begin : gen_inputs_q
    always_ff @(posedge clk_i) begin
      if (load_i[0]) begin
        {quarters, carries}          <= {quarters_i, carries_i};
        {a_sig, w_sig, a_exp, w_exp} <= {a_sig_i, w_sig_i, a_exp_i, w_exp_i};
        {a_int0, w_int0, nan0}       <= {a_int_i, w_int_i, a_nan_i | w_nan_i};
      end
    end
  end

  // D, and the product of the scales ----------------------------------------------------------------------------------
  localparam int First = Depth;  // the stage that this is
  logic signed [DotWidth-1:0] dot, dot_q;
  logic [Digits-1:0]          one, two, neg, one_q, two_q, neg_q;  // Booth's digits of m_a * m_w
  logic [ShiftWidth-1:0]      shift_q;
  logic                       a_int_q, w_int_q, nan_q;

  if4_sum #(.Format(Format)) u_sum (.quarters_i(quarters), .carries_i(carries), .dot_o(dot));

  // Recoded here and not in the next stage, whose path is the longer one.
  if4_booth u_booth (.scale_i(8'(a_sig) * 8'(w_sig)), .one_o(one), .two_o(two), .neg_o(neg));

  always_ff @(posedge clk_i) begin
    if (load_i[First]) begin
      dot_q   <= dot;
      one_q   <= one;
      two_q   <= two;
      neg_q   <= neg;
      shift_q <= ShiftWidth'(a_exp) + ShiftWidth'(w_exp);
      a_int_q <= a_int0;
      w_int_q <= w_int0;
      nan_q   <= nan0;
    end
  end

  // Times the scale significands --------------------------------------------------------------------------------------
  logic [ScaledWidth-1:0]        scaled_sum, scaled_carry;  // D * m_a * m_w, as two numbers
  logic signed [ScaledWidth-1:0] scaled;                    // their sum, where it is weighted
  logic [ShiftWidth-1:0]         shift2;
  logic                          a_int2, w_int2, nan2;

  if4_factor #(.Format(Format)) u_factor (
    .dot_i(dot_q), .one_i(one_q), .two_i(two_q), .neg_i(neg_q), .sum_o(scaled_sum), .carry_o(scaled_carry)
  );

  if (Depth == 0) begin : gen_scaled
    assign scaled                 = scaled_sum + scaled_carry;
    assign shift2                 = shift_q;
    assign {a_int2, w_int2, nan2} = {a_int_q, w_int_q, nan_q};
  end else begin : gen_scaled_q
    if4_split_register #(.Width(ScaledWidth)) u_scaled (
      .clk_i(clk_i), .load_i(load_i[2]), .a_i(scaled_sum), .b_i(scaled_carry), .sum_o(scaled)
    );
    always_ff @(posedge clk_i) begin
      if (load_i[2]) begin
        shift2                 <= shift_q;
        {a_int2, w_int2, nan2} <= {a_int_q, w_int_q, nan_q};
      end
    end
  end

  // Times the weights of the types ------------------------------------------------------------------------------------
  logic [BlockWidth-1:0] block_sum, block_carry;  // D * m_a * m_w * k, as two numbers

  if4_weight #(.Format(Format)) u_weight (
    .a_int_i(a_int2), .w_int_i(w_int2), .scaled_i(scaled), .sum_o(block_sum), .carry_o(block_carry)
  );

  if (Depth == 0) begin : gen_block
    always_ff @(posedge clk_i) begin
      if (load_i[1]) begin
        block_o <= block_sum + block_carry;
        shift_o <= shift2;
        nan_o   <= nan2;
      end
    end
  end else if (Stages == 4) begin : gen_block_q
    if4_split_register #(.Width(BlockWidth)) u_block (
      .clk_i(clk_i), .load_i(load_i[3]), .a_i(block_sum), .b_i(block_carry), .sum_o(block_o)
    );
    always_ff @(posedge clk_i) begin
      if (load_i[3]) begin
        shift_o <= shift2;
        nan_o   <= nan2;
      end
    end
  end else begin : gen_no_weight
    assign block_o = block_sum;
    assign shift_o = shift2;
    assign nan_o   = nan2;
    logic unused;
    assign unused = ^block_carry;
  end

endmodule
