#include "testbench/oracle_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string_view>

#include "model/safetensors.hpp"
#include "model/tiled_scales.hpp"

namespace if4 {

namespace {

constexpr std::size_t kBlock = kBlockSize;
constexpr std::size_t kMaxMessages = 20;
constexpr double kNearTie = 1e-5;

struct KnownFormat {
  std::string_view name;   ///< in the file
  std::string_view label;  ///< in the report
  QuantizeOptions options;
};
constexpr KnownFormat kKnownFormats[] = {
    {"if4.mse", "if4.mse", {Format::kIF4, Rule::kMse}},
    {"if4.mae", "if4.mae", {Format::kIF4, Rule::kMae}},
    {"if4.abs_max", "if4.abs_max", {Format::kIF4, Rule::kAbsMax}},
    {"nvfp4.static_6", "nvfp4.static_6", {Format::kNVFP4, Rule::kMse}},
    {"if4", "if4.mse", {Format::kIF4, Rule::kMse}},
    {"nvfp4", "nvfp4.static_6", {Format::kNVFP4, Rule::kMse}},
};

const KnownFormat* find_known(std::string_view name) {
  for (const KnownFormat& known : kKnownFormats) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

OracleCount& count_of(OracleReport& report, const KnownFormat& known) {
  for (OracleCount& count : report.counts) {
    if (count.label == known.label) return count;
  }
  OracleCount count;
  count.label = known.label;
  count.options = known.options;
  report.counts.push_back(count);
  return report.counts.back();
}

void add_message(OracleReport& report, const std::string& message) {
  if (report.messages.size() < kMaxMessages) report.messages.push_back(message);
}

void fail_tensor(OracleReport& report, const std::string& message) {
  ++report.tensor_failures;
  add_message(report, message);
}

// --- Reading the reference's tensors ---

const TensorInfo& require(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (info == nullptr) file.fail(name, "is missing");
  return *info;
}

/// The U8 tensor PREFIX/NAME for the first of the names that exists.
const TensorInfo& require_bytes(const SafetensorsFile& file, const std::string& prefix,
                                std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const TensorInfo* info = file.find(prefix + "/" + name);
    if (info == nullptr) continue;
    if (info->dtype != DType::kU8) file.fail(info->name, "is not U8");
    return *info;
  }
  file.fail(prefix + "/" + *names.begin(), "is missing");
}

std::vector<std::uint8_t> read_codes(const SafetensorsFile& file, const TensorInfo& info,
                                     const Shape& shape) {
  std::vector<std::uint8_t> bytes = file.read_bytes(info);
  const std::size_t values = shape[0] * shape[1];
  std::vector<std::uint8_t> codes;
  codes.reserve(values);
  if (info.shape == shape) {
    codes = std::move(bytes);
  } else if (info.shape == Shape{shape[0], shape[1] / 2}) {
    for (const std::uint8_t byte : bytes) {
      codes.push_back(byte & 15U);
      codes.push_back(static_cast<std::uint8_t>(byte >> 4));
    }
  } else {
    file.fail(info.name,
              "has shape " + to_string(info.shape) + ", which does not fit an input of " + to_string(shape));
  }
  if (std::any_of(codes.begin(), codes.end(), [](std::uint8_t code) { return code > 15; })) {
    file.fail(info.name, "holds a code above 15");
  }
  return codes;
}

/// Linear [rows, blocks], whichever way the file holds them.
std::vector<std::uint8_t> read_scales(const SafetensorsFile& file, const TensorInfo& info, std::size_t rows,
                                      std::size_t blocks) {
  std::vector<std::uint8_t> bytes = file.read_bytes(info);
  if (info.shape == Shape{rows, blocks}) return bytes;
  if (info.shape != Shape{tiled_size(rows, blocks)}) {
    file.fail(info.name, "has shape " + to_string(info.shape) + ", neither linear nor tiled scales of " +
                             to_string(Shape{rows, blocks}));
  }
  return untile_scales(bytes, rows, blocks);
}

// --- One block ---

struct BlockContext {
  std::string_view input;  ///< name
  std::array<float, kBlock> x;
  float amax;  ///< of the tensor, as stored
  QuantizeOptions options;
};

/// Elements before the scale, in double; INT4 with its factor.
using Elements = std::array<double, kBlock>;

Elements elements_of(const Block& block) {
  const bool is_int = decode_scale(block.scale).type == ElementType::kInt;
  Elements elements{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    const unsigned code = block.code(static_cast<int>(i));
    elements[i] = is_int ? int4_value(code) * 6.0 / 7.0 : fp4_halves(code) / 2.0;
  }
  return elements;
}

/// The error that the rule minimizes, in double and from the definition of the format.
double exact_error(const BlockContext& context, const Elements& elements, std::uint8_t scale) {
  const double step = static_cast<double>(scale_magnitude(scale)) * static_cast<double>(context.amax) /
                      static_cast<double>(kSpan * kScaleMax);
  double total = 0.0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const double error = std::fabs(elements[i] * step - static_cast<double>(context.x[i]));
    switch (context.options.rule) {
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

bool same(const Block& left, const Block& right) {
  return left.codes == right.codes && left.scale == right.scale;
}

bool nearly_equal(double left, double right) {
  return std::fabs(left - right) < kNearTie * std::max(left, right);
}

/// The FP4 candidate as the reference makes it where scaled magnitudes reach 7 (9 at most, where s is 0x01):
/// its rounding continues to 8, which is what it takes for the error; the code of that 8 comes out as 0x8.
struct WrappedFp4 {
  Block block;
  Elements elements;
};

WrappedFp4 wrap_large(const BlockValues& x, const Block& fp4, const TensorScale& tensor) {
  WrappedFp4 wrapped{fp4, elements_of(fp4)};
  const float steps_per_unit = 1.0F / (tensor.decode * scale_magnitude(fp4.scale));
  for (std::size_t i = 0; i < kBlock; ++i) {
    if (std::fabs(x[i] * steps_per_unit) < 7.0F) continue;
    wrapped.block.codes = (wrapped.block.codes & ~(std::uint64_t{15} << (4 * i))) | std::uint64_t{8}
                                                                                        << (4 * i);
    wrapped.elements[i] = std::copysign(8.0, static_cast<double>(x[i]));
  }
  return wrapped;
}

/// The class of a block that is not equal: the member of OracleCount to count it in.
std::size_t OracleCount::*classify(const BlockContext& context, const Block& ours, const Block& reference) {
  const std::uint8_t magnitude = ours.scale & kScaleMagnitudeMask;
  if (context.input == "subnormal" && reference.scale == kScaleNaN && magnitude != kScaleNaN) {
    return &OracleCount::reference_nan;
  }
  if (magnitude != (reference.scale & kScaleMagnitudeMask) || magnitude == 0) return &OracleCount::failures;

  const int k = normalizing_exponent(context.amax);
  const TensorScale tensor = tensor_scale(normalized(context.amax, k));
  BlockValues x{};
  for (std::size_t i = 0; i < kBlock; ++i) x[i] = normalized(context.x[i], k);
  const Rule rule = context.options.rule;
  const Block fp4 = encode_block(x, ElementType::kFloat, magnitude, tensor, rule).block;
  const Block int4 = encode_block(x, ElementType::kInt, magnitude, tensor, rule).block;
  const WrappedFp4 wrapped = wrap_large(x, fp4, tensor);
  const double fp4_error = exact_error(context, elements_of(fp4), magnitude);
  const double int_error = exact_error(context, elements_of(int4), magnitude);
  const bool two_candidates = context.options.format == Format::kIF4;

  if (magnitude <= 2 && !same(wrapped.block, fp4)) {
    const double wrapped_error = exact_error(context, wrapped.elements, magnitude);
    const bool either = nearly_equal(wrapped_error, int_error);
    const bool fp4_expected = !two_candidates || wrapped_error <= int_error;
    if (same(reference, wrapped.block) && (fp4_expected || either)) return &OracleCount::wrapped;
    if (same(reference, int4) && (!fp4_expected || (two_candidates && either))) return &OracleCount::wrapped;
  }
  if (two_candidates && (same(ours, fp4) || same(ours, int4))) {
    const Block& other = same(ours, fp4) ? int4 : fp4;
    if (same(reference, other) && nearly_equal(fp4_error, int_error)) return &OracleCount::near_ties;
    if (context.input == "huge" && rule == Rule::kMse && same(ours, int4) && same(reference, fp4) &&
        int_error < fp4_error && int_error > static_cast<double>(std::numeric_limits<float>::max())) {
      return &OracleCount::overflowed;
    }
  }
  return &OracleCount::failures;
}

std::string to_text(const Block& block) {
  std::ostringstream out;
  out << std::hex << std::uppercase << std::setfill('0') << std::setw(2) << static_cast<unsigned>(block.scale)
      << ' ' << std::setw(16) << static_cast<std::uint64_t>(block.codes);
  return out.str();
}

// --- One tensor ---

/// An amax below the normal numbers must quantize as any other does: no NaN, and as its 2^100-fold.
void check_subnormal(const Tensor& x, const QuantizedTensor& ours, const std::string& prefix,
                     const QuantizeOptions& options, OracleReport& report) {
  Tensor larger = x;
  for (float& value : larger.values) value = std::ldexp(value, 100);
  const QuantizedTensor expected = quantize(larger, options);
  if (ours.codes != expected.codes || ours.scales != expected.scales) {
    fail_tensor(report, prefix + ": quantized otherwise than 2^100 times the same tensor");
  }
  for (const std::uint8_t scale : ours.scales) {
    if (decode_scale(scale).nan) {
      fail_tensor(report, prefix + ": our scale is NaN");
      break;
    }
  }
}

void compare_tensor(const SafetensorsFile& file, const std::string& input, const std::string& prefix,
                    const KnownFormat& known, OracleReport& report) {
  const Tensor x = file.read_tensor(require(file, input + "/x"));
  if (x.shape.size() != 2 || x.columns() % kBlock != 0) {
    file.fail(input + "/x", "has shape " + to_string(x.shape) + ", not [rows, a multiple of 16]");
  }
  const std::size_t blocks = x.columns() / kBlock;
  const TensorInfo& codes_info = require_bytes(file, prefix, {"codes", "q", "packed"});
  const TensorInfo& scales_info = require_bytes(file, prefix, {"scales", "s", "scales_linear"});
  const std::vector<std::uint8_t> codes = read_codes(file, codes_info, x.shape);
  const std::vector<std::uint8_t> scales = read_scales(file, scales_info, x.rows(), blocks);
  if (file.find(prefix + "/scales_blocked") != nullptr) {
    ++report.tilings;
    const TensorInfo& tiled_info = require_bytes(file, prefix, {"scales_blocked"});
    if (tiled_info.shape != Shape{tiled_size(x.rows(), blocks)} ||
        read_scales(file, tiled_info, x.rows(), blocks) != scales) {
      fail_tensor(report, prefix + ": the tiled scales are not the linear ones");
    }
  }

  const QuantizedTensor ours = quantize(x, known.options);
  OracleCount& count = count_of(report, known);
  ++count.tensors;
  // The input "swizzle" comes without its amax.
  if (const TensorInfo* info = file.find(prefix + "/amax");
      info != nullptr || codes_info.name != prefix + "/packed") {
    const Tensor amax = file.read_tensor(require(file, prefix + "/amax"));
    if (amax.values.size() != 1) file.fail(prefix + "/amax", "is not one number");
    if (amax.values[0] != ours.amax) {
      fail_tensor(report, prefix + ": amax is " + std::to_string(ours.amax) + ", in the reference " +
                              std::to_string(amax.values[0]));
    }
  }
  if (input == "subnormal") check_subnormal(x, ours, prefix, known.options, report);

  for (std::size_t row = 0; row < x.rows(); ++row) {
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t first = (row * blocks + b) * kBlock;
      Block reference;
      reference.scale = scales[row * blocks + b];
      BlockContext context{input, {}, ours.amax, known.options};
      for (std::size_t i = 0; i < kBlock; ++i) {
        reference.codes |= static_cast<std::uint64_t>(codes[first + i]) << (4 * i);
        context.x[i] = x.values[first + i];
      }
      const Block block = ours.block(row, b);
      ++count.blocks;
      if (same(block, reference)) {
        ++count.equal;
        continue;
      }
      std::size_t OracleCount::*outcome = classify(context, block, reference);
      ++(count.*outcome);
      if (outcome == &OracleCount::failures) {
        add_message(report, prefix + " row " + std::to_string(row) + " block " + std::to_string(b) +
                                ": ours " + to_text(block) + ", reference " + to_text(reference));
      }
    }
  }
}

}  // namespace

std::size_t OracleReport::blocks() const {
  std::size_t total = 0;
  for (const OracleCount& count : counts) total += count.blocks;
  return total;
}

bool OracleReport::ok() const {
  const bool blocks_ok = std::all_of(counts.begin(), counts.end(), [](const OracleCount& count) {
    return count.blocks > 0 && count.failures == 0;
  });
  return blocks_ok && tensor_failures == 0 && blocks() > 0;
}

OracleReport check_oracle(const std::string& path) {
  const SafetensorsFile file(path);
  OracleReport report;
  report.path = path;
  std::map<std::string, bool> seen;
  for (const TensorInfo& info : file.tensors()) {
    const std::size_t first = info.name.find('/');
    const std::size_t last = info.name.rfind('/');
    const std::string input = info.name.substr(0, first);
    if (info.name == input + "/x") continue;
    if (first == last) {
      ++report.not_compared[info.name];
      continue;
    }
    const std::string prefix = info.name.substr(0, last);
    if (!seen.emplace(prefix, true).second) continue;
    const std::string name = info.name.substr(first + 1, last - first - 1);
    if (const KnownFormat* known = find_known(name); known != nullptr) {
      compare_tensor(file, input, prefix, *known, report);
    } else {
      ++report.not_compared[name];
    }
  }
  if (report.blocks() == 0) add_message(report, "no block was compared");
  return report;
}

bool is_oracle(const std::string& path) {
  const SafetensorsFile file(path);
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const TensorInfo& info) {
    const std::size_t slash = info.name.find('/');
    return slash != std::string::npos && info.name.substr(slash) == "/x";
  });
}

std::string to_text(const OracleReport& report) {
  std::ostringstream out;
  out << report.path << '\n';
  out << "  format           tensors  blocks   equal  near ties  wrapped  overflowed  reference NaN  "
         "failures\n";
  for (const OracleCount& count : report.counts) {
    out << "  " << std::left << std::setw(15) << count.label << std::right << std::setw(9) << count.tensors
        << std::setw(8) << count.blocks << std::setw(8) << count.equal << std::setw(11) << count.near_ties
        << std::setw(9) << count.wrapped << std::setw(12) << count.overflowed << std::setw(15)
        << count.reference_nan << std::setw(10) << count.failures << '\n';
  }
  if (report.tilings > 0) out << "  tiled scales compared with linear ones: " << report.tilings << '\n';
  if (!report.not_compared.empty()) {
    out << "  not compared (format not built yet), tensors:";
    const char* separator = " ";
    for (const auto& [label, tensors] : report.not_compared) {
      out << separator << label << ' ' << tensors;
      separator = ", ";
    }
    out << '\n';
  }
  if (report.tensor_failures > 0) out << "  failures outside the blocks: " << report.tensor_failures << '\n';
  for (const std::string& message : report.messages) out << "  FAIL " << message << '\n';
  return out.str();
}

}  // namespace if4
