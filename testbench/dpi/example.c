/* An example of the golden model in C: quantizes two blocks, decodes what came out, and multiplies them.

   cc -std=c99 example.c -lif4_dpi -lm */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "if4_dpi.h"

/* The result of a call that must work. */
static int ok(int status) {
  if (status < 0) {
    fprintf(stderr, "if4_dpi: %s\n", if4_dpi_error_text(status));
    exit(1);
  }
  return status;
}

/* A block of the 16 values and, in `element`, what its codes stand for; gives amax. */
static double quantize(int format, const double *values, uint32_t *codes, uint32_t *scale, double *element) {
  uint32_t bits[IF4_DPI_BLOCK_VALUES] = {0};
  double amax = 0;
  int i;
  for (i = 0; i < 16; ++i) {
    bits[i] = if4_dpi_fp32_from_real(values[i]);
    amax = fmax(amax, fabs(values[i]));
  }
  ok(if4_dpi_quantize_block(format, IF4_DPI_MSE, if4_dpi_fp32_from_real(amax), bits, codes, scale));
  for (i = 0; i < 16; ++i) {
    double number;
    ok(if4_dpi_decode_code(format, *scale, codes[i / 8] >> (4 * (i % 8)) & 15, &number, &element[i]));
  }
  return amax;
}

int main(void) {
  const int format = ok(if4_dpi_format("if4"));
  double a[16], w[16], a_element[16], w_element[16], a_amax, w_amax, sum = 0, original = 0;
  uint32_t a_codes[IF4_DPI_BEAT_WORDS] = {0}, w_codes[IF4_DPI_BEAT_WORDS] = {0}, a_scale, w_scale, result;
  unsigned char nan, overflow;
  if4_dpi_mac mac;
  int i;

  if (if4_dpi_abi_version() != IF4_DPI_ABI_VERSION) {
    fprintf(stderr, "libif4_dpi has ABI version %d, not %d\n", if4_dpi_abi_version(), IF4_DPI_ABI_VERSION);
    return 1;
  }
  for (i = 0; i < 16; ++i) {
    a[i] = (i - 5) / 8.0;
    w[i] = (i * i % 7 - 3) / 4.0;
    original += a[i] * w[i];
  }
  a_amax = quantize(format, a, a_codes, &a_scale, a_element);
  w_amax = quantize(format, w, w_codes, &w_scale, w_element);
  for (i = 0; i < 16; ++i) sum += a_element[i] * w_element[i];

  ok(if4_dpi_mac_create(format, 16, 0, IF4_DPI_EXACT, &mac));
  ok(if4_dpi_mac_beat(mac, a_codes, a_scale, w_codes, w_scale));
  ok(if4_dpi_mac_finish(mac, &result, &nan, &overflow));
  ok(if4_dpi_mac_destroy(mac));

  printf("a        %08X%08X scale %02X\n", (unsigned)a_codes[1], (unsigned)a_codes[0], (unsigned)a_scale);
  printf("w        %08X%08X scale %02X\n", (unsigned)w_codes[1], (unsigned)w_codes[0], (unsigned)w_scale);
  printf("result   %08X nan %d overflow %d\n", (unsigned)result, nan, overflow);
  printf("value    %.6f, and %.6f without quantization\n",
         if4_dpi_real_from_fp32(result) * a_amax * w_amax / (2688.0 * 2688.0), original);
  /* The elements add up to what the MAC gives, but for its one rounding. */
  return fabs(sum - if4_dpi_real_from_fp32(result)) <= fabs(sum) * 1e-7 ? 0 : 1;
}
