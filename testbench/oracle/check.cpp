#include "testbench/oracle/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <iomanip>
#include <limits>
#include <sstream>
#include <string_view>

#include "model/core/tiled_scales.hpp"
#include "model/files/safetensors.hpp"
#include "testbench/oracle/block.hpp"

namespace if4 {

namespace {

constexpr std::size_t kBlock = kBlockSize;
constexpr std::size_t kMaxMessages = 20;

struct KnownFormat {
  std::string_view name;   ///< in the file
  std::string_view label;  ///< in the report
  QuantizeOptions options;
};
constexpr QuantizeOptions square(Format format) {
  QuantizeOptions options{format, Rule::kMse};
  options.square = true;
  return options;
}
constexpr KnownFormat kKnownFormats[] = {
    {"if4.mse", "if4.mse", {Format::kIF4, Rule::kMse}},
    {"if4.mae", "if4.mae", {Format::kIF4, Rule::kMae}},
    {"if4.abs_max", "if4.abs_max", {Format::kIF4, Rule::kAbsMax}},
    {"if4.mse.2d", "if4.mse.2d", square(Format::kIF4)},
    {"nvfp4.static_6", "nvfp4.static_6", {Format::kNVFP4, Rule::kMse}},
    {"nvfp4.static_4", "nvfp4.static_4", {Format::kNVFP4_4, Rule::kMse}},
    {"nvfp4.mse", "nvfp4.mse (4/6)", {Format::kNVFP4_46, Rule::kMse}},
    {"nvfp4.mse.2d", "nvfp4.mse.2d", square(Format::kNVFP4_46)},
    {"nvint4.static_6", "nvint4", {Format::kNVINT4, Rule::kMse}},
    {"mxfp4.static_6", "mxfp4.static_6", {Format::kMXFP4, Rule::kMse}},
    {"mxfp4.static_4", "mxfp4.static_4", {Format::kMXFP4_4, Rule::kMse}},
    {"if6_e2m3.mse", "if6_e2m3.mse", {Format::kIF6E2M3, Rule::kMse}},
    {"if6_e3m2.mse", "if6_e3m2.mse", {Format::kIF6E3M2, Rule::kMse}},
    {"nvfp6_e2m3.static_6", "nvfp6_e2m3", {Format::kNVFP6E2M3, Rule::kMse}},
    {"nvfp6_e3m2.static_6", "nvfp6_e3m2", {Format::kNVFP6E3M2, Rule::kMse}},
    // The layout of the second file.
    {"if4", "if4.mse", {Format::kIF4, Rule::kMse}},
    {"nvfp4", "nvfp4.static_6", {Format::kNVFP4, Rule::kMse}},
    {"if3", "if3.mse", {Format::kIF3, Rule::kMse}},
    {"nvint3", "nvint3", {Format::kNVINT3, Rule::kMse}},
    {"nvint4", "nvint4", {Format::kNVINT4, Rule::kMse}},
    {"nvint6", "nvint6", {Format::kNVINT6, Rule::kMse}},
    {"nvfp3", "nvfp3", {Format::kNVFP3, Rule::kMse}},
};

const KnownFormat* find_known(std::string_view name) {
  for (const KnownFormat& known : kKnownFormats) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

ReferenceCount& count_of(ReferenceReport& report, const KnownFormat& known) {
  for (ReferenceCount& count : report.counts) {
    if (count.label == known.label) return count;
  }
  ReferenceCount count;
  count.label = known.label;
  count.options = known.options;
  report.counts.push_back(count);
  return report.counts.back();
}

void add_message(ReferenceReport& report, const std::string& message) {
  if (report.messages.size() < kMaxMessages) report.messages.push_back(message);
}

void fail_tensor(ReferenceReport& report, const std::string& message) {
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

std::vector<std::uint8_t> read_codes(const SafetensorsFile& file, const TensorInfo& info, const Shape& shape,
                                     int code_bits) {
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
  if (std::any_of(codes.begin(), codes.end(), [&](std::uint8_t code) { return code >> code_bits != 0; })) {
    file.fail(info.name, "holds a code of more than " + std::to_string(code_bits) + " bits");
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

// --- One tensor ---

/// An amax below the normal numbers must quantize as any other does: no NaN, and as its 2^100-fold.
void check_subnormal(const Tensor& x, const QuantizedTensor& ours, const std::string& prefix,
                     const QuantizeOptions& options, ReferenceReport& report) {
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

void check_amax(const SafetensorsFile& file, const std::string& prefix, float ours, ReferenceReport& report) {
  const Tensor amax = file.read_tensor(require(file, prefix + "/amax"));
  if (amax.values.size() != 1) file.fail(prefix + "/amax", "is not one number");
  if (amax.values[0] == ours) return;
  fail_tensor(report, prefix + ": amax is " + std::to_string(ours) + ", in the reference " +
                          std::to_string(amax.values[0]));
}

void check_tiling(const SafetensorsFile& file, const std::string& prefix,
                  const std::vector<std::uint8_t>& scales, std::size_t rows, std::size_t blocks,
                  ReferenceReport& report) {
  ++report.tilings;
  const TensorInfo& tiled = require_bytes(file, prefix, {"scales_blocked"});
  if (tiled.shape != Shape{tiled_size(rows, blocks)} || read_scales(file, tiled, rows, blocks) != scales ||
      file.read_bytes(tiled) != tile_scales(scales, rows, blocks)) {
    fail_tensor(report, prefix + ": the tiled scales are not the linear ones");
  }
}

void compare_tensor(const SafetensorsFile& file, const std::string& input, const std::string& prefix,
                    const KnownFormat& known, ReferenceReport& report) {
  const Format format = known.options.format;
  const std::size_t size = block_size(format);
  const Tensor x = file.read_tensor(require(file, input + "/x"));
  if (x.shape.size() != 2 || x.columns() % size != 0) {
    file.fail(input + "/x", "has shape " + to_string(x.shape) + ", not [rows, a multiple of 16]");
  }
  const std::size_t blocks = x.columns() / size;
  const TensorInfo& codes_info = require_bytes(file, prefix, {"codes", "q", "packed"});
  const TensorInfo& scales_info = require_bytes(file, prefix, {"scales", "s", "scales_linear"});
  const int bits = traits(format).code_bits;
  const std::vector<std::uint8_t> codes = read_codes(file, codes_info, x.shape, bits);
  const std::vector<std::uint8_t> scales = read_scales(file, scales_info, x.rows(), blocks);
  if (file.find(prefix + "/scales_blocked") != nullptr) {
    check_tiling(file, prefix, scales, x.rows(), blocks, report);
  }

  const QuantizedTensor ours = quantize(x, known.options);
  ReferenceCount& count = count_of(report, known);
  ++count.tensors;
  // The input "swizzle" and 2D tensors come without their amax.
  const bool has_amax = codes_info.name != prefix + "/packed" && !known.options.square;
  if (has_amax || file.find(prefix + "/amax") != nullptr) check_amax(file, prefix, ours.amax, report);
  if (input == "subnormal" && traits(format).scale_code == ScaleCode::kE4M3) {
    check_subnormal(x, ours, prefix, known.options, report);
  }

  const std::size_t rows_per_group = known.options.square ? kBlock : 1;
  for (std::size_t row = 0; row < x.rows(); row += rows_per_group) {
    for (std::size_t b = 0; b < blocks; ++b) {
      BlockGroup group{input, known.options, ours.amax, {}, {}, {}};
      for (std::size_t r = row; r < std::min(row + rows_per_group, x.rows()); ++r) {
        const std::size_t first = (r * blocks + b) * size;
        Block reference;
        reference.scale = scales[r * blocks + b];
        for (std::size_t i = 0; i < size; ++i) {
          reference.codes |= static_cast<Codes>(codes[first + i]) << (static_cast<std::size_t>(bits) * i);
          group.x.push_back(x.values[first + i]);
        }
        group.ours.push_back(ours.block(r, b));
        group.reference.push_back(reference);
      }
      std::size_t ReferenceCount::*outcome = classify(group);
      count.blocks += group.ours.size();
      count.*outcome += group.ours.size();
      if (outcome == &ReferenceCount::failures) {
        add_message(report, prefix + " row " + std::to_string(row) + " block " + std::to_string(b) +
                                ": ours " + to_text(group.ours[0]) + ", reference " +
                                to_text(group.reference[0]));
      }
    }
  }
}

/// rotate() against the matrix of the reference, by unit vectors, and against its rotation of swizzle/x.
void compare_rotation(const SafetensorsFile& file, ReferenceReport& report) {
  const Tensor matrix = file.read_tensor(require(file, "rht/matrix"));
  const Tensor x = file.read_tensor(require(file, "swizzle/x"));
  const Tensor expected = file.read_tensor(require(file, "rht/x_rotated_bf16"));
  if (matrix.shape != Shape{kBlock, kBlock} || expected.shape != x.shape || x.columns() % kBlock != 0) {
    file.fail("rht/matrix", "or its neighbours have an unknown shape");
  }
  const auto compare = [&](const BlockValues& in, const float* out, const char* name, std::size_t block) {
    const BlockValues y = rotate(in);
    report.rotated += kBlock;
    if (std::equal(y.begin(), y.end(), out)) return;
    fail_tensor(report, std::string(name) + ": block " + std::to_string(block) + " is rotated otherwise");
  };
  for (std::size_t i = 0; i < kBlock; ++i) {
    BlockValues unit{};
    unit[i] = 1.0F;
    compare(unit, matrix.values.data() + i * kBlock, "rht/matrix", i);
  }
  for (std::size_t first = 0; first < x.values.size(); first += kBlock) {
    BlockValues in{};
    std::copy_n(x.values.data() + first, kBlock, in.begin());
    compare(in, expected.values.data() + first, "rht/x_rotated_bf16", first / kBlock);
  }
}

}  // namespace

std::size_t ReferenceReport::blocks() const {
  std::size_t total = 0;
  for (const ReferenceCount& count : counts) total += count.blocks;
  return total;
}

bool ReferenceReport::ok() const {
  const bool blocks_ok = std::all_of(counts.begin(), counts.end(), [](const ReferenceCount& count) {
    return count.blocks > 0 && count.failures == 0;
  });
  return blocks_ok && tensor_failures == 0 && not_compared.empty() && blocks() > 0;
}

ReferenceReport compare_with_reference(const std::string& path) {
  const SafetensorsFile file(path);
  ReferenceReport report;
  report.path = path;
  std::map<std::string, bool> seen;
  for (const TensorInfo& info : file.tensors()) {
    const std::size_t first = info.name.find('/');
    const std::size_t last = info.name.rfind('/');
    const std::string input = info.name.substr(0, first);
    if (info.name == input + "/x") continue;
    if (input == "rht") {
      if (info.name == "rht/matrix") compare_rotation(file, report);
      continue;
    }
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

bool is_reference_file(const std::string& path) {
  const SafetensorsFile file(path);
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const TensorInfo& info) {
    const std::size_t slash = info.name.find('/');
    return slash != std::string::npos && info.name.substr(slash) == "/x";
  });
}

std::string to_text(const ReferenceReport& report) {
  std::ostringstream out;
  out << report.path << '\n';
  out << "  format             tensors  blocks   equal  near ties  wrapped  overflowed  reference NaN  "
         "failures\n";
  for (const ReferenceCount& count : report.counts) {
    out << "  " << std::left << std::setw(17) << count.label << std::right << std::setw(9) << count.tensors
        << std::setw(8) << count.blocks << std::setw(8) << count.equal << std::setw(11) << count.near_ties
        << std::setw(9) << count.wrapped << std::setw(12) << count.overflowed << std::setw(15)
        << count.reference_nan << std::setw(10) << count.failures << '\n';
  }
  if (report.rotated > 0) out << "  rotated values compared: " << report.rotated << '\n';
  if (report.tilings > 0) out << "  tiled scales compared with linear ones: " << report.tilings << '\n';
  if (!report.not_compared.empty()) {
    out << "  not compared (unknown format), tensors:";
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
