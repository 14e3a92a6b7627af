#!/usr/bin/env python3
"""The dot product of README.md by the golden model through ctypes, exact and in lane-FP32: example.py LIBIF4_DPI.SO"""

import ctypes
import sys

lib = ctypes.CDLL(sys.argv[1])
lib.if4_dpi_real_from_fp32.restype = ctypes.c_double
lib.if4_dpi_error_text.restype = ctypes.c_char_p

# Two blocks of each operand, as files have them: 8 bytes of codes, element 0 in the lowest bits, and a scale byte each.
a_codes = (0x1E3).to_bytes(8, "little") + (0x8).to_bytes(8, "little")
w_codes = (0x2B3).to_bytes(8, "little") + (0x5).to_bytes(8, "little")
for rounding in (0, 1):
    result, nan, overflow = ctypes.c_uint32(), ctypes.c_ubyte(), ctypes.c_ubyte()
    status = lib.if4_dpi_dot_product(lib.if4_dpi_format(b"if4"), 16, 0, rounding, 2, a_codes, b"\x42\xB0", w_codes, b"\xB4\xB8",
                                     ctypes.byref(result), ctypes.byref(nan), ctypes.byref(overflow))
    if status < 0:
        sys.exit(lib.if4_dpi_error_text(status).decode())
    print(f"{result.value:08X} {lib.if4_dpi_real_from_fp32(result):.6f} nan {nan.value} overflow {overflow.value}")
