// What the codes of every format mean, as literal values from the text of the formats (README.md in rtl/ and its
// sources). Takes nothing from rtl/: the numbers of the formats are written out as well.
//
//   0 IF4, 1 MixFP4, 2 NVFP4, 3 NVINT4, 4 IF3, 5 IF6-E2M3, 6 IF6-E3M2, 7 NVFP6-E2M3, 8 NVFP6-E3M2
package formal_tables;

  // 0, .5, 1, 1.5, 2, 3, 4, 6 in halves.
  function automatic int e2m1(input logic [4:0] magnitude);
    case (magnitude)
      0: e2m1 = 0; 1: e2m1 = 1; 2: e2m1 = 2; 3: e2m1 = 3; 4: e2m1 = 4; 5: e2m1 = 6; 6: e2m1 = 8; 7: e2m1 = 12;
      default: e2m1 = 0;
    endcase
  endfunction

  // 0, 1, 2, 4.
  function automatic int e2m0(input logic [4:0] magnitude);
    case (magnitude)
      0: e2m0 = 0; 1: e2m0 = 1; 2: e2m0 = 2; 3: e2m0 = 4;
      default: e2m0 = 0;
    endcase
  endfunction

  // 0 to 7.5 in eighths.
  function automatic int e2m3(input logic [4:0] magnitude);
    case (magnitude)
      0: e2m3 = 0; 1: e2m3 = 1; 2: e2m3 = 2; 3: e2m3 = 3; 4: e2m3 = 4; 5: e2m3 = 5; 6: e2m3 = 6; 7: e2m3 = 7;
      8: e2m3 = 8; 9: e2m3 = 9; 10: e2m3 = 10; 11: e2m3 = 11; 12: e2m3 = 12; 13: e2m3 = 13; 14: e2m3 = 14;
      15: e2m3 = 15; 16: e2m3 = 16; 17: e2m3 = 18; 18: e2m3 = 20; 19: e2m3 = 22; 20: e2m3 = 24; 21: e2m3 = 26;
      22: e2m3 = 28; 23: e2m3 = 30; 24: e2m3 = 32; 25: e2m3 = 36; 26: e2m3 = 40; 27: e2m3 = 44; 28: e2m3 = 48;
      29: e2m3 = 52; 30: e2m3 = 56; 31: e2m3 = 60;
      default: e2m3 = 0;
    endcase
  endfunction

  // 0 to 28 in sixteenths.
  function automatic int e3m2(input logic [4:0] magnitude);
    case (magnitude)
      0: e3m2 = 0; 1: e3m2 = 1; 2: e3m2 = 2; 3: e3m2 = 3; 4: e3m2 = 4; 5: e3m2 = 5; 6: e3m2 = 6; 7: e3m2 = 7;
      8: e3m2 = 8; 9: e3m2 = 10; 10: e3m2 = 12; 11: e3m2 = 14; 12: e3m2 = 16; 13: e3m2 = 20; 14: e3m2 = 24;
      15: e3m2 = 28; 16: e3m2 = 32; 17: e3m2 = 40; 18: e3m2 = 48; 19: e3m2 = 56; 20: e3m2 = 64; 21: e3m2 = 80;
      22: e3m2 = 96; 23: e3m2 = 112; 24: e3m2 = 128; 25: e3m2 = 160; 26: e3m2 = 192; 27: e3m2 = 224; 28: e3m2 = 256;
      29: e3m2 = 320; 30: e3m2 = 384; 31: e3m2 = 448;
      default: e3m2 = 0;
    endcase
  endfunction

  // INT4 in two's complement.
  function automatic int int4(input logic [3:0] code);
    case (code)
      0: int4 = 0; 1: int4 = 1; 2: int4 = 2; 3: int4 = 3; 4: int4 = 4; 5: int4 = 5; 6: int4 = 6; 7: int4 = 7;
      8: int4 = -8; 9: int4 = -7; 10: int4 = -6; 11: int4 = -5; 12: int4 = -4; 13: int4 = -3; 14: int4 = -2;
      default: int4 = -1;
    endcase
  endfunction

  function automatic int width(int format);
    case (format)
      4: width = 3;
      5, 6, 7, 8: width = 6;
      default: width = 4;
    endcase
  endfunction

  // The operand of a code: the float value in the format's unit, or the int.
  function automatic int operand(int format, input logic is_int, input logic [5:0] code);
    int magnitude;
    logic negative;
    case (format)
      4: negative = code[2];
      5, 6, 7, 8: negative = code[5];
      default: negative = code[3];
    endcase
    case (format)
      0: magnitude = e2m1({2'b00, code[2:0]});
      1: magnitude = is_int ? {29'd0, code[2:0]} : e2m1({2'b00, code[2:0]});
      2: magnitude = e2m1({2'b00, code[2:0]});
      4: magnitude = is_int ? {30'd0, code[1:0]} : e2m0({3'b000, code[1:0]});
      5: magnitude = is_int ? {27'd0, code[4:0]} : e2m3(code[4:0]);
      6: magnitude = is_int ? {27'd0, code[4:0]} : e3m2(code[4:0]);
      7: magnitude = e2m3(code[4:0]);
      8: magnitude = e3m2(code[4:0]);
      default: magnitude = 0;
    endcase
    if (format == 3 || (format == 0 && is_int)) operand = int4(code[3:0]);
    else operand = negative ? -magnitude : magnitude;
  endfunction

  // Largest magnitude of an operand of a type.
  function automatic int largest(int format, input logic is_int);
    case (format)
      0: largest = is_int ? 8 : 12;
      1: largest = is_int ? 7 : 12;
      2: largest = 12;
      3: largest = 8;
      4: largest = is_int ? 3 : 4;
      5: largest = is_int ? 31 : 60;
      6: largest = is_int ? 31 : 448;
      7: largest = 60;
      default: largest = 448;
    endcase
  endfunction

  // Weights of both types: what makes an element of its operand, over one denominator.
  function automatic int weight(int format, input logic is_int);
    case (format)
      0: weight = is_int ? 12 : 7;    // 6/7 = 12/14, 1/2 = 7/14
      1: weight = is_int ? 2 : 1;     // 1, 1/2
      4: weight = is_int ? 4 : 3;     // 4/3, 1
      5: weight = is_int ? 60 : 31;   // 7.5/31 = 60/248, 1/8 = 31/248
      6: weight = is_int ? 448 : 31;  // 28/31 = 448/496, 1/16 = 31/496
      default: weight = 1;
    endcase
  endfunction

endpackage
