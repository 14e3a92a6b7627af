/* The golden model of IF4 for testbenches in any language: a C interface of libif4_dpi.so, which needs nothing but the C
   library of the system. if4_dpi_pkg.sv has the same functions for SystemVerilog (DPI-C).

   Every function that returns int returns a number from 0 on when it worked, and one of the negative IF4_DPI_BAD_* codes
   when it did not; if4_dpi_error_text() says what a code means. A function that fails writes none of its results. None
   throws, prints, or keeps a pointer that it was given. Functions may be called by several threads at a time, but those
   of one handle only by one.

   Formats, rules and roundings are numbers. Vectors of bits are arrays of 32-bit words, the lowest bits in word 0, as
   DPI passes `bit [N-1:0]`. They always have as many words as the declaration says, whatever the format; bits that it
   does not need must be 0. FP32 numbers are passed as their bits. Pointers must not be null. */
#ifndef IF4_DPI_H
#define IF4_DPI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with each change that a caller has to know of. A program that was compiled with this header works with the
   libraries whose if4_dpi_abi_version() is the same number. */
#define IF4_DPI_ABI_VERSION 2

#define IF4_DPI_BLOCK_WORDS 4   /* the codes of a block: 128 bits, for the 32 codes of MXFP4 */
#define IF4_DPI_BLOCK_VALUES 32 /* the values of a block, an FP32 number in each word */
#define IF4_DPI_BEAT_WORDS 12   /* the codes of one operand of a beat: 384 bits, for 64 lanes of 6 bits */

/* Error codes. */
#define IF4_DPI_BAD_FORMAT (-1)  /* no format has that number or name, or the units do not multiply it */
#define IF4_DPI_BAD_RULE (-2)    /* no rule has that number */
#define IF4_DPI_BAD_CONFIG (-3)  /* no unit has those lanes, that accumulator and that rounding */
#define IF4_DPI_BAD_CODE (-4)    /* bits are set above those of the codes */
#define IF4_DPI_BAD_SCALE (-5)   /* bits are set above those of the scale bytes */
#define IF4_DPI_BAD_VALUE (-6)   /* a value or amax is NaN or infinite, amax is negative, |value| > amax, or there are values
                                    beyond the block */
#define IF4_DPI_BAD_POINTER (-7) /* a pointer or a handle is null */
#define IF4_DPI_NO_MEMORY (-8)   /* no memory is left */
#define IF4_DPI_INTERNAL (-9)    /* a mistake in this library */

/* How a dot product is rounded. */
#define IF4_DPI_EXACT 0           /* exact, rounded once at the end: rtl/if4_mac.sv */
#define IF4_DPI_LANE_FP32 1       /* rounded at every step, lanes that start from +0: the published script */
#define IF4_DPI_LANE_FP32_FIRST 2 /* the same, but lanes start from the first product: the published unit, whose
                                     results differ in the sign of zeros */
#define IF4_DPI_EXACT_SCALED 3    /* exact and rounded once, r^2 times as large: rtl/if4_mac.sv with Scaled = 1, whose results
                                     are multiplied by amax_a * amax_w / (r * span * 448)^2. IF4: r = 7, span = 6 */

/* Which of the ways to code a block is kept: that of the least squared, absolute, or largest absolute error. */
#define IF4_DPI_MSE 0
#define IF4_DPI_MAE 1
#define IF4_DPI_ABS_MAX 2

/* IF4_DPI_ABI_VERSION of the library that runs. */
int if4_dpi_abi_version(void);

/* What a negative result means: one line, never null, valid as long as the program runs. */
const char *if4_dpi_error_text(int error);

/* --- Formats --- */

/* The number of the format of that name ("if4", "nvfp4", "if6_e3m2", ...; lower case). The units multiply those with the
   numbers 0 to 8, which are the values of the RTL parameter `Format`; the quantizer makes all 16. IF4_DPI_BAD_FORMAT. */
int if4_dpi_format(const char *name);
/* The name of a format, and "" where there is none of that number. Valid as long as the program runs. */
const char *if4_dpi_format_name(int format);
/* Bits of a code: 3, 4 or 6. IF4_DPI_BAD_FORMAT. */
int if4_dpi_code_bits(int format);
/* Values in a block: 16, or 32 for MXFP4. IF4_DPI_BAD_FORMAT. */
int if4_dpi_block_size(int format);
/* Bits of the accumulator that a unit of that format and lanes has where none are asked for. IF4_DPI_BAD_FORMAT,
   IF4_DPI_BAD_CONFIG. */
int if4_dpi_default_acc_width(int format, int lanes);

/* --- FP32 --- */

/* The number that FP32 bits stand for, exactly. */
double if4_dpi_real_from_fp32(uint32_t bits);
/* The bits of the FP32 number that is nearest to `value`, ties to even. */
uint32_t if4_dpi_fp32_from_real(double value);

/* --- Blocks --- */

/* Quantizes one block of a tensor.
   amax:   FP32 bits of the largest magnitude of the whole tensor, 0 or more. A block that is a tensor of its own has the
           largest magnitude of its values.
   values: FP32 numbers as bits, each within -amax..amax; 0 beyond if4_dpi_block_size().
   codes:  code i in bits code_bits * i and up.
   scale:  the scale byte, 0..255.
   IF4_DPI_BAD_FORMAT, IF4_DPI_BAD_RULE, IF4_DPI_BAD_VALUE, IF4_DPI_BAD_POINTER. */
int if4_dpi_quantize_block(int format, int rule, uint32_t amax, const uint32_t values[IF4_DPI_BLOCK_VALUES],
                           uint32_t codes[IF4_DPI_BLOCK_WORDS], uint32_t *scale);

/* What a code stands for in a block with that scale byte.
   number:  the number that the code itself is: -6..6 for FP4, -8..7 for INT4; exact. The FP4 code 0x8 gives 0.
   element: number * factor of the type * s, rounded once to double; NaN where the scale is NaN.
   IF4_DPI_BAD_FORMAT, IF4_DPI_BAD_SCALE, IF4_DPI_BAD_CODE, IF4_DPI_BAD_POINTER. */
int if4_dpi_decode_code(int format, uint32_t scale, uint32_t code, double *number, double *element);

/* What a scale byte stands for.
   s:      the E4M3 number in bits 6:0, or the power of two of MXFP4; exact, and NaN for the NaN code.
   is_int: 1 if the codes of the block are integers, else 0.
   IF4_DPI_BAD_FORMAT, IF4_DPI_BAD_SCALE, IF4_DPI_BAD_POINTER. */
int if4_dpi_decode_scale(int format, uint32_t scale, double *s, int *is_int);

/* --- Dot products --- */

/* A MAC and the beats that it has taken. */
typedef void *if4_dpi_mac;

/* Makes a MAC.
   format:    0..8.
   lanes:     products a beat: 16, 32 or 64.
   acc_width: bits of the accumulator, 2..120, or 0 for if4_dpi_default_acc_width(). Lane-FP32 has none: 0.
   rounding:  IF4_DPI_EXACT or IF4_DPI_EXACT_SCALED, or one of the IF4_DPI_LANE_FP32* for `if4` and `nvfp4` with 16 lanes.
   The caller hands the MAC back to if4_dpi_mac_destroy(). IF4_DPI_BAD_FORMAT, IF4_DPI_BAD_CONFIG, IF4_DPI_BAD_POINTER,
   IF4_DPI_NO_MEMORY. */
int if4_dpi_mac_create(int format, int lanes, int acc_width, int rounding, if4_dpi_mac *mac);

/* Adds a beat, which is given as the ports of the unit are.
   a_codes, w_codes: element i in bits code_bits * i and up.
   a_scale, w_scale: lanes / 2 bits; the scale byte of block i in bits 8i + 7 to 8i.
   IF4_DPI_BAD_CODE, IF4_DPI_BAD_SCALE, IF4_DPI_BAD_POINTER; the MAC then has not taken the beat. */
int if4_dpi_mac_beat(if4_dpi_mac mac, const uint32_t a_codes[IF4_DPI_BEAT_WORDS], uint32_t a_scale,
                     const uint32_t w_codes[IF4_DPI_BEAT_WORDS], uint32_t w_scale);

/* Ends the dot product of the beats since the last one ended, and starts the next. No beat gives +0.
   result:        FP32 bits: without a flag +0 or a normal number for IF4_DPI_EXACT and IF4_DPI_EXACT_SCALED, and the NaN
                  0x7FC00000 with one.
   nan, overflow: the flags of the unit, 0 or 1, never both 1. Lane-FP32 has none: it reads a NaN scale as 448.
   IF4_DPI_BAD_POINTER. */
int if4_dpi_mac_finish(if4_dpi_mac mac, uint32_t *result, unsigned char *nan, unsigned char *overflow);

/* Drops the beats since the last dot product ended, as a reset of the unit does. IF4_DPI_BAD_POINTER. */
int if4_dpi_mac_reset(if4_dpi_mac mac);

/* Frees the MAC; the handle must not be used again. IF4_DPI_BAD_POINTER. */
int if4_dpi_mac_destroy(if4_dpi_mac mac);

/* A whole dot product, with the arguments of if4_dpi_mac_create() and the results of if4_dpi_mac_finish().
   blocks:             blocks of either operand, 0 or more; a last beat that lacks some has zeros.
   a_codes, w_codes:   blocks * 2 * code_bits bytes, as in the files of `if4 quantize`: the codes of a block follow each
                       other from the lowest bits up, so that of two 4-bit codes in a byte the even one is the low nibble.
   a_scales, w_scales: a byte for each block.
   IF4_DPI_BAD_FORMAT, IF4_DPI_BAD_CONFIG, IF4_DPI_BAD_POINTER, IF4_DPI_NO_MEMORY. */
int if4_dpi_dot_product(int format, int lanes, int acc_width, int rounding, unsigned int blocks, const uint8_t *a_codes,
                        const uint8_t *a_scales, const uint8_t *w_codes, const uint8_t *w_scales, uint32_t *result,
                        unsigned char *nan, unsigned char *overflow);

#ifdef __cplusplus
}
#endif
#endif
