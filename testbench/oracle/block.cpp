#include "testbench/oracle/block.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

namespace if4 {

namespace {

constexpr std::size_t kLanes = kBlockSize;
constexpr double kNearTie = 1e-5;

using Blocks = std::vector<Block>;
/// Values before the scale, in double, with their factor.
using Elements = std::vector<double>;

bool same(const Blocks& left, const Blocks& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Block& a, const Block& b) { return a.codes == b.codes && a.scale == b.scale; });
}

bool nearly_equal(double left, double right) {
  return std::fabs(left - right) <= kNearTie * std::max(left, right);
}

Elements elements_of(Format format, const Blocks& blocks) {
  const FormatTraits& t = traits(format);
  Elements elements;
  for (const Block& block : blocks) {
    const ElementType type = element_type(format, block.scale);
    for (int i = 0; i < t.block_size; ++i) {
      const int numerator = operand(format, type, block.code(i, t.code_bits)) * weight(format, type);
      elements.push_back(static_cast<double>(numerator) / (t.divisor << t.fraction_bits));
    }
  }
  return elements;
}

/// The error that the rule minimizes, in double and from the definition of the format.
double exact_error(const BlockGroup& group, const Elements& elements, std::uint8_t scale) {
  const double step = static_cast<double>(scale_value(group.options.format, scale)) *
                      static_cast<double>(group.amax) /
                      static_cast<double>(amax_divisor(group.options.format));
  double total = 0.0;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double error = std::fabs(elements[i] * step - static_cast<double>(group.x[i]));
    switch (group.options.rule) {
      case Rule::kMse:
        total += error * error;
        break;
      case Rule::kMae:
        total += error;
        break;
      case Rule::kAbsMax:
        total = std::max(total, error);
        break;
    }
  }
  return total;
}

/// A candidate as the quantizer codes it, and how the reference may do it.
struct Coded {
  Blocks blocks;
  double error = 0.0;
  /// FP4 where scaled magnitudes reach 7 (9 at most, where s is 0x01): the reference's rounding continues to
  /// 8, which is what it takes for the error; the code of that 8 comes out as 0x8.
  Blocks wrapped;
  double wrapped_error = 0.0;
};

Coded code(const BlockGroup& group, const Candidate& candidate) {
  const Format format = group.options.format;
  const bool has_amax = traits(format).scale_code == ScaleCode::kE4M3;
  const int k = has_amax ? normalizing_exponent(group.amax) : 0;
  const TensorScale tensor = tensor_scale(format, normalized(group.amax, k));
  std::vector<float> x;
  float largest = 0.0F;
  for (const float value : group.x) {
    x.push_back(normalized(value, k));
    largest = std::max(largest, std::fabs(x.back()));
  }
  const std::uint8_t magnitude = block_scale(format, candidate, largest, tensor);
  const bool is_int = candidate.type == ElementType::kInt;
  const auto bits = static_cast<std::size_t>(traits(format).code_bits);
  Coded result;
  for (std::size_t first = 0; first < x.size(); first += block_size(format)) {
    Block block;
    block.scale = magnitude;
    if (mixes_types(format) && is_int && magnitude != 0) block.scale |= kScaleIntBit;
    for (std::size_t part = 0; part < block_size(format); part += kLanes) {
      BlockValues values{};
      std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(first + part), kLanes, values.begin());
      const Encoded encoded = encode_values(values, candidate.type, magnitude, tensor, group.options, 0);
      block.codes |= encoded.codes << (part * bits);
    }
    result.blocks.push_back(block);
  }
  Elements elements = elements_of(format, result.blocks);
  result.error = exact_error(group, elements, magnitude);
  result.wrapped = result.blocks;
  const bool fp4 = !is_int && traits(format).code_bits == 4 && has_amax;
  if (fp4 && magnitude != 0 && magnitude <= 2) {
    const float steps_per_unit = 1.0F / (tensor.decode * scale_magnitude(magnitude));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (std::fabs(x[i] * steps_per_unit) < 7.0F) continue;
      Codes& codes = result.wrapped[i / kLanes].codes;
      codes = (codes & ~(Codes{15} << (4 * (i % kLanes)))) | Codes{8} << (4 * (i % kLanes));
      elements[i] = std::copysign(8.0, static_cast<double>(x[i]));
    }
  }
  result.wrapped_error = exact_error(group, elements, magnitude);
  return result;
}

}  // namespace

std::size_t ReferenceCount::*classify(const BlockGroup& group) {
  if (same(group.ours, group.reference)) return &ReferenceCount::equal;
  const bool has_amax = traits(group.options.format).scale_code == ScaleCode::kE4M3;
  const auto reference_is_nan = [](const Block& block) {
    return (block.scale & kScaleMagnitudeMask) == kScaleNaN;
  };
  if (group.input == "subnormal" && has_amax &&
      std::all_of(group.reference.begin(), group.reference.end(), reference_is_nan) &&
      std::none_of(group.ours.begin(), group.ours.end(), reference_is_nan)) {
    return &ReferenceCount::reference_nan;
  }

  std::vector<Coded> coded;
  for (const Candidate& candidate : candidates(group.options.format)) {
    coded.push_back(code(group, candidate));
  }
  const auto kept = std::find_if(coded.begin(), coded.end(),
                                 [&](const Coded& one) { return same(group.ours, one.blocks); });
  if (kept == coded.end()) return &ReferenceCount::failures;
  for (const Coded& one : coded) {
    // The reference keeps the least of the errors as it sees them, wrapped ones included.
    const bool least = std::all_of(coded.begin(), coded.end(), [&](const Coded& other) {
      return one.wrapped_error <= other.wrapped_error || nearly_equal(one.wrapped_error, other.wrapped_error);
    });
    const bool wraps = std::any_of(coded.begin(), coded.end(),
                                   [](const Coded& any) { return !same(any.blocks, any.wrapped); });
    if (wraps && least && same(group.reference, one.wrapped)) return &ReferenceCount::wrapped;
    if (!same(group.reference, one.blocks)) continue;
    if (nearly_equal(one.error, kept->error)) return &ReferenceCount::near_ties;
    const bool overflows = kept->error > static_cast<double>(std::numeric_limits<float>::max());
    if (group.input == "huge" && group.options.rule == Rule::kMse && &one == &coded[0] && overflows &&
        kept->error < one.error) {
      return &ReferenceCount::overflowed;
    }
  }
  return &ReferenceCount::failures;
}

std::string to_text(const Block& block) {
  std::ostringstream out;
  out << std::hex << std::uppercase << std::setfill('0') << std::setw(2) << static_cast<unsigned>(block.scale)
      << ' ' << std::setw(16) << static_cast<std::uint64_t>(block.codes >> 64) << ' ' << std::setw(16)
      << static_cast<std::uint64_t>(block.codes);
  return out.str();
}

}  // namespace if4
