// Prints the row of every format in if4_pkg: a line a format, its number, then the columns of kFormatTraits in their order.
module format_rows;
  initial begin
    for (int format = 0; format < if4_pkg::Formats; format++) begin
      $display("%0d %0d %0d %0d %0d %0d %0d %0d %0d", format, if4_pkg::code_bits(format),
               if4_pkg::exponent_bits(format), if4_pkg::mantissa_bits(format), if4_pkg::int_code(format),
               if4_pkg::float_weight(format), if4_pkg::int_weight(format), if4_pkg::divisor(format),
               if4_pkg::fraction_bits(format));
    end
  end
endmodule
