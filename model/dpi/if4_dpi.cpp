#include "model/dpi/if4_dpi.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <variant>
#include <vector>

#include "model/core/float_bits.hpp"
#include "model/core/format.hpp"
#include "model/mac/lane_fp32.hpp"
#include "model/mac/mac.hpp"
#include "model/quantize/fast_kernel.hpp"
#include "model/quantize/options.hpp"

namespace {

using namespace if4;

constexpr std::uint32_t kInfinityBits = 0x7F800000;
constexpr std::uint32_t kSignBit = 0x80000000;
constexpr int kMaxBlocks = 4;  // of an operand in a beat

// Calls `work`, which returns the result of a function of the header. No exception passes it.
template <class Work>
int guarded(const Work& work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return IF4_DPI_NO_MEMORY;
  } catch (...) {
    return IF4_DPI_INTERNAL;
  }
}

std::optional<Format> format_of(int number) {
  if (number < 0 || number >= kFormatCount) return std::nullopt;
  return static_cast<Format>(number);
}

// Whether any of the `size` bits of a vector from bit `from` on is set.
bool any_bit(const std::uint32_t* words, int from, int size) {
  for (int bit = from; bit < size; ++bit) {
    if ((words[bit / 32] >> (bit % 32) & 1) != 0) return true;
  }
  return false;
}

// `count` bits of a vector, from bit `from` on.
Codes bits_of(const std::uint32_t* words, int from, int count) {
  Codes codes = 0;
  for (int i = 0; i < count; ++i) {
    codes |= static_cast<Codes>(words[(from + i) / 32] >> ((from + i) % 32) & 1) << i;
  }
  return codes;
}

bool is_exact(int rounding) { return rounding == IF4_DPI_EXACT || rounding == IF4_DPI_EXACT_SCALED; }

MacConfig config_of(int format, int lanes, int acc_width, int rounding) {
  return {static_cast<Format>(format), lanes, acc_width, rounding == IF4_DPI_EXACT_SCALED};
}

// A MAC of one of the two kinds behind a handle.
class Mac {
 public:
  Mac(const MacConfig& config, int rounding) : config_(config) {
    if (is_exact(rounding)) {
      mac_.emplace<ExactMac>(config);
    } else {
      mac_.emplace<LaneFp32Mac>(start(rounding));
    }
  }

  const MacConfig& config() const { return config_; }

  void beat(const Block* a, const Block* w) {
    if (auto* exact = std::get_if<ExactMac>(&mac_)) {
      exact->beat(a, w);
    } else {
      std::get<LaneFp32Mac>(mac_).beat(read(*a), read(*w));
    }
  }

  MacResult finish() {
    if (auto* exact = std::get_if<ExactMac>(&mac_)) return exact->finish();
    auto& lanes = std::get<LaneFp32Mac>(mac_);
    const MacResult result{float_bits(lanes.result()), false, false};
    lanes.start();
    return result;
  }

 private:
  static LaneStart start(int rounding) {
    return rounding == IF4_DPI_LANE_FP32 ? LaneStart::kZero : LaneStart::kFirstProduct;
  }

  // Formats of one type ignore bit 7 of a scale byte, which LaneFp32Mac reads.
  Block read(const Block& block) const {
    if (mixes_types(config_.format)) return block;
    return {block.codes, static_cast<std::uint8_t>(block.scale & kScaleMagnitudeMask)};
  }

  MacConfig config_;
  std::variant<ExactMac, LaneFp32Mac> mac_;
};

// 0, or the error code of a configuration that no unit has.
int check_config(int format, int lanes, int acc_width, int rounding) {
  const auto known = format_of(format);
  if (!known || !has_mac(*known)) return IF4_DPI_BAD_FORMAT;
  try {
    check(MacConfig{*known, lanes, acc_width});
  } catch (const std::invalid_argument&) {
    return IF4_DPI_BAD_CONFIG;
  }
  if (is_exact(rounding)) return 0;
  if (rounding != IF4_DPI_LANE_FP32 && rounding != IF4_DPI_LANE_FP32_FIRST) return IF4_DPI_BAD_CONFIG;
  const bool published = *known == Format::kIF4 || *known == Format::kNVFP4;
  return published && lanes == kBlockSize && acc_width == 0 ? 0 : IF4_DPI_BAD_CONFIG;
}

using BeatBlocks = std::array<Block, kMaxBlocks>;

// The blocks of an operand of a beat, or the error code of bits that it does not have.
int read_operand(const MacConfig& config, const std::uint32_t* codes, std::uint32_t scales,
                 BeatBlocks& blocks) {
  const int bits = traits(config.format).code_bits;
  const int count = blocks_per_beat(config);
  if (any_bit(codes, config.lanes * bits, 32 * IF4_DPI_BEAT_WORDS)) return IF4_DPI_BAD_CODE;
  if (count < kMaxBlocks && scales >> (8 * count) != 0) return IF4_DPI_BAD_SCALE;
  for (int i = 0; i < count; ++i) {
    blocks[static_cast<std::size_t>(i)] = {bits_of(codes, i * kBlockSize * bits, kBlockSize * bits),
                                           static_cast<std::uint8_t>(scales >> (8 * i))};
  }
  return 0;
}

void write(const MacResult& from, std::uint32_t* result, unsigned char* nan, unsigned char* overflow) {
  *result = from.bits;
  *nan = from.nan ? 1 : 0;
  *overflow = from.overflow ? 1 : 0;
}

// The codes and scales of `values`, which have passed the checks of if4_dpi_quantize_block().
Block quantized(Format format, Rule rule, float amax, const std::uint32_t* values) {
  Block block;
  if (amax == 0.0F) return block;
  QuantizeOptions options;
  options.format = format;
  options.rule = rule;
  std::array<float, IF4_DPI_BLOCK_VALUES> x{};
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = float_from_bits(values[i]);
  std::array<std::uint8_t, sizeof(Codes)> codes{};
  const std::size_t pieces = block_size(format) / kBlockSize;
  KernelJob job;
  job.x = x.data();
  job.row_values = kBlockSize;
  job.rows = pieces;
  job.pieces = 1;
  job.stride = pieces;
  job.row_pieces = 1;
  job.codes = codes.data();
  job.row_code_bytes = code_bytes(format) / pieces;
  job.scales = &block.scale;
  kernel_encode(kernel_params(options, amax), job);
  for (std::size_t i = 0; i < code_bytes(format); ++i) block.codes |= static_cast<Codes>(codes[i]) << (8 * i);
  return block;
}

// The codes of a block in a row of them, as files have them.
Codes codes_at(const std::uint8_t* codes, std::size_t index, std::size_t bytes) {
  Codes result = 0;
  for (std::size_t i = 0; i < bytes; ++i) result |= static_cast<Codes>(codes[index * bytes + i]) << (8 * i);
  return result;
}

}  // namespace

int if4_dpi_abi_version() { return IF4_DPI_ABI_VERSION; }

const char* if4_dpi_error_text(int error) {
  switch (error) {
    case IF4_DPI_BAD_FORMAT:
      return "no format has that number or name, or the MAC units do not multiply it";
    case IF4_DPI_BAD_RULE:
      return "no rule has that number: 0 mse, 1 mae, 2 abs_max";
    case IF4_DPI_BAD_CONFIG:
      return "no MAC unit has that number of lanes (16, 32, 64), accumulator width (2 to 120, or 0) and "
             "rounding";
    case IF4_DPI_BAD_CODE:
      return "bits are set above those of the codes";
    case IF4_DPI_BAD_SCALE:
      return "bits are set above those of the scale bytes";
    case IF4_DPI_BAD_VALUE:
      return "a value is not finite, beyond amax or beyond the block, or amax is negative or not finite";
    case IF4_DPI_BAD_POINTER:
      return "a pointer or a handle is null";
    case IF4_DPI_NO_MEMORY:
      return "no memory is left";
    case IF4_DPI_INTERNAL:
      return "a mistake in libif4_dpi";
    default:
      return error >= 0 ? "no error" : "no error has that code";
  }
}

int if4_dpi_format(const char* name) {
  if (name == nullptr) return IF4_DPI_BAD_POINTER;
  const auto format = format_from_name(name);
  return format ? static_cast<int>(*format) : IF4_DPI_BAD_FORMAT;
}

const char* if4_dpi_format_name(int format) {
  const auto known = format_of(format);
  return known ? format_name(*known).data() : "";  // the names are literals, which end in 0
}

int if4_dpi_code_bits(int format) {
  const auto known = format_of(format);
  return known ? traits(*known).code_bits : IF4_DPI_BAD_FORMAT;
}

int if4_dpi_block_size(int format) {
  const auto known = format_of(format);
  return known ? traits(*known).block_size : IF4_DPI_BAD_FORMAT;
}

int if4_dpi_default_acc_width(int format, int lanes) {
  return guarded([&] {
    const int error = check_config(format, lanes, 0, IF4_DPI_EXACT);
    return error != 0 ? error : default_acc_width({static_cast<Format>(format), lanes, 0});
  });
}

double if4_dpi_real_from_fp32(std::uint32_t bits) { return static_cast<double>(float_from_bits(bits)); }

std::uint32_t if4_dpi_fp32_from_real(double value) { return float_bits(static_cast<float>(value)); }

int if4_dpi_quantize_block(int format, int rule, std::uint32_t amax, const std::uint32_t* values,
                           std::uint32_t* codes, std::uint32_t* scale) {
  return guarded([&] {
    const auto known = format_of(format);
    if (!known) return IF4_DPI_BAD_FORMAT;
    if (rule < IF4_DPI_MSE || rule > IF4_DPI_ABS_MAX) return IF4_DPI_BAD_RULE;
    if (values == nullptr || codes == nullptr || scale == nullptr) return IF4_DPI_BAD_POINTER;
    // The order of FP32 magnitudes is that of their bits, with NaN above infinity.
    if (amax >= kInfinityBits) return IF4_DPI_BAD_VALUE;
    for (int i = 0; i < IF4_DPI_BLOCK_VALUES; ++i) {
      const bool inside = i < if4_dpi_block_size(format);
      if (inside ? (values[i] & ~kSignBit) > amax : values[i] != 0) return IF4_DPI_BAD_VALUE;
    }
    const Block block =
        quantized(*known, kRules[static_cast<std::size_t>(rule)], float_from_bits(amax), values);
    for (int i = 0; i < IF4_DPI_BLOCK_WORDS; ++i)
      codes[i] = static_cast<std::uint32_t>(block.codes >> (32 * i));
    *scale = block.scale;
    return 0;
  });
}

int if4_dpi_decode_code(int format, std::uint32_t scale, std::uint32_t code, double* number,
                        double* element) {
  return guarded([&] {
    const auto known = format_of(format);
    if (!known) return IF4_DPI_BAD_FORMAT;
    const FormatTraits& t = traits(*known);
    if (scale > 0xFF) return IF4_DPI_BAD_SCALE;
    if (code >> t.code_bits != 0) return IF4_DPI_BAD_CODE;
    if (number == nullptr || element == nullptr) return IF4_DPI_BAD_POINTER;
    const auto byte = static_cast<std::uint8_t>(scale);
    const ElementType type = element_type(*known, byte);
    const int integer = operand(*known, type, code);
    *number = type == ElementType::kInt ? integer : std::ldexp(integer, -t.fraction_bits);
    // The product of the integers and of s, which has 4 bits, is exact, so that only the division rounds.
    const double product =
        static_cast<double>(integer * weight(*known, type)) * static_cast<double>(scale_value(*known, byte));
    *element = std::ldexp(product / t.divisor, -t.fraction_bits);
    return 0;
  });
}

int if4_dpi_decode_scale(int format, std::uint32_t scale, double* s, int* is_int) {
  return guarded([&] {
    const auto known = format_of(format);
    if (!known) return IF4_DPI_BAD_FORMAT;
    if (scale > 0xFF) return IF4_DPI_BAD_SCALE;
    if (s == nullptr || is_int == nullptr) return IF4_DPI_BAD_POINTER;
    const auto byte = static_cast<std::uint8_t>(scale);
    *s = static_cast<double>(scale_value(*known, byte));
    *is_int = element_type(*known, byte) == ElementType::kInt ? 1 : 0;
    return 0;
  });
}

int if4_dpi_mac_create(int format, int lanes, int acc_width, int rounding, if4_dpi_mac* mac) {
  return guarded([&] {
    if (mac == nullptr) return IF4_DPI_BAD_POINTER;
    const int error = check_config(format, lanes, acc_width, rounding);
    if (error == 0) *mac = new Mac(config_of(format, lanes, acc_width, rounding), rounding);
    return error;
  });
}

int if4_dpi_mac_beat(if4_dpi_mac mac, const std::uint32_t* a_codes, std::uint32_t a_scale,
                     const std::uint32_t* w_codes, std::uint32_t w_scale) {
  return guarded([&] {
    if (mac == nullptr || a_codes == nullptr || w_codes == nullptr) return IF4_DPI_BAD_POINTER;
    Mac& unit = *static_cast<Mac*>(mac);
    BeatBlocks a, w;
    if (const int error = read_operand(unit.config(), a_codes, a_scale, a)) return error;
    if (const int error = read_operand(unit.config(), w_codes, w_scale, w)) return error;
    unit.beat(a.data(), w.data());
    return 0;
  });
}

int if4_dpi_mac_finish(if4_dpi_mac mac, std::uint32_t* result, unsigned char* nan, unsigned char* overflow) {
  return guarded([&] {
    if (mac == nullptr || result == nullptr || nan == nullptr || overflow == nullptr)
      return IF4_DPI_BAD_POINTER;
    write(static_cast<Mac*>(mac)->finish(), result, nan, overflow);
    return 0;
  });
}

int if4_dpi_mac_reset(if4_dpi_mac mac) {
  return guarded([&] {
    if (mac == nullptr) return IF4_DPI_BAD_POINTER;
    static_cast<Mac*>(mac)->finish();
    return 0;
  });
}

int if4_dpi_mac_destroy(if4_dpi_mac mac) {
  return guarded([&] {
    if (mac == nullptr) return IF4_DPI_BAD_POINTER;
    delete static_cast<Mac*>(mac);
    return 0;
  });
}

int if4_dpi_dot_product(int format, int lanes, int acc_width, int rounding, unsigned blocks,
                        const std::uint8_t* a_codes, const std::uint8_t* a_scales,
                        const std::uint8_t* w_codes, const std::uint8_t* w_scales, std::uint32_t* result,
                        unsigned char* nan, unsigned char* overflow) {
  return guarded([&] {
    if (const int error = check_config(format, lanes, acc_width, rounding)) return error;
    for (const void* pointer : {static_cast<const void*>(a_codes), static_cast<const void*>(a_scales),
                                static_cast<const void*>(w_codes), static_cast<const void*>(w_scales),
                                static_cast<const void*>(result), static_cast<const void*>(nan),
                                static_cast<const void*>(overflow)}) {
      if (pointer == nullptr) return IF4_DPI_BAD_POINTER;
    }
    const MacConfig config = config_of(format, lanes, acc_width, rounding);
    Mac mac(config, rounding);
    const std::size_t bytes = code_bytes(config.format);
    const auto per_beat = static_cast<std::size_t>(blocks_per_beat(config));
    for (std::size_t first = 0; first < blocks; first += per_beat) {
      BeatBlocks a, w;
      for (std::size_t i = 0; i < per_beat && first + i < blocks; ++i) {
        a[i] = {codes_at(a_codes, first + i, bytes), a_scales[first + i]};
        w[i] = {codes_at(w_codes, first + i, bytes), w_scales[first + i]};
      }
      mac.beat(a.data(), w.data());
    }
    write(mac.finish(), result, nan, overflow);
    return 0;
  });
}
