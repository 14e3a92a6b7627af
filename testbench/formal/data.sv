// The data of a beat go with it through every register of the pipelined unit, whatever stalls: if4_mac as it is, with
// dot products of one beat, each of which is one of two: operands of a fixed pattern, or the complement of all their
// bits. Any sequence of both, any handshake, unbounded. The result must come in its turn, and be the one of the two
// that belongs to it; the two results were computed from the text of the format in exact rationals.
//
// So a register that takes a value in the wrong clock, or does not hold it, shows in every bit in which the two
// patterns differ there. What other operands give is for the proofs without stalls, longer dot products for
// accumulate.sv. Registers without reset start at 0 in this proof; handshake.sv, without that, shows that none is read
// before it is loaded.
module data #(
  parameter int Lanes = 16,
  parameter int Pair  = 0,
  parameter int Depth = 0
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic ready_i,
  input logic tag_i,     // which of the two
  input logic choose_i
);

  localparam logic [63:0] ACodes = Pair == 0 ? 64'h0123456789ABCDEF : 64'h7777F11100002222;
  localparam logic [63:0] WCodes = Pair == 0 ? 64'hB1D2C3A4958677F8 : 64'h7263445566127F3F;
  localparam logic [7:0]  AScale = Pair == 0 ? 8'h5A : 8'h13;
  localparam logic [7:0]  WScale = Pair == 0 ? 8'h25 : 8'hC6;
  // Of 16 lanes; with 32, both blocks are alike, and the result is twice as large.
  localparam logic [31:0] Result0 = (Pair == 0 ? 32'hC1CB2000 : 32'h414C3000) + (Lanes == 16 ? 0 : 32'h00800000);
  localparam logic [31:0] Result1 = (Pair == 0 ? 32'hC1A72492 : 32'h45BC0925) + (Lanes == 16 ? 0 : 32'h00800000);
  localparam int Blocks = Lanes / 16;

  logic        ready, valid;
  logic [31:0] result;

  if4_mac #(.Format(0), .Lanes(Lanes), .Depth(Depth)) u_mac (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(valid_i), .ready_o(ready), .last_i(1'b1),
    .a_codes_i({Blocks{ACodes ^ {64{tag_i}}}}), .a_scale_i({Blocks{AScale ^ {8{tag_i}}}}),
    .w_codes_i({Blocks{WCodes ^ {64{tag_i}}}}), .w_scale_i({Blocks{WScale ^ {8{tag_i}}}}),
    .valid_o(valid), .ready_i(ready_i), .result_o(result), .nan_o(), .overflow_o()
  );

  logic started = 1'b0;
  always_ff @(posedge clk_i) started <= 1'b1;
  always_comb assume (started | ~rst_ni);

  // As in handshake.sv: any one is chosen, and watched until its result comes.
  logic [3:0] flight_q, ahead_q;
  logic       chosen_q, due_q, tag_q, take, give;
  assign take = valid_i & ready;
  assign give = valid & ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      flight_q <= '0;
      ahead_q  <= '0;
      chosen_q <= 1'b0;
      due_q    <= 1'b0;
      tag_q    <= 1'b0;
    end else begin
      flight_q <= flight_q + 4'(take) - 4'(give);
      if (take & choose_i & ~chosen_q) begin
        chosen_q <= 1'b1;
        due_q    <= 1'b1;
        tag_q    <= tag_i;
        ahead_q  <= flight_q - 4'(give);
      end else if (give & due_q) begin
        if (ahead_q == 0) due_q <= 1'b0;
        else ahead_q <= ahead_q - 4'd1;
      end
    end
  end

  always_comb begin
    if (rst_ni && valid) begin
      assert (result == Result0 || result == Result1);
      if (due_q && ahead_q == 0) assert (result == (tag_q ? Result1 : Result0));
    end
  end

endmodule
