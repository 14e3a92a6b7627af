// if4 vectors: dot products and their results as text, for any testbench.
#include <fmt/format.h>

#include <memory>
#include <random>
#include <sstream>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "model/files/atomic_file.hpp"
#include "model/files/vectors.hpp"
#include "sim/program/commands.hpp"
#include "sim/program/dot_products.hpp"
#include "sim/program/operands.hpp"
#include "sim/program/options.hpp"

namespace if4 {
namespace {

struct Arguments {
  std::string output;
  std::uint64_t count = 100;  // dot products; ignored where tensors are given
  unsigned beats = 10;        // of each
  Format format = Format::kIF4;
  std::uint64_t seed = 1;
  ResultOrder order = ResultOrder::kLaneFp32;
  std::string activations;  // FILE:NAME, or empty for random operands
  std::string weights;
  Rule rule = Rule::kMse;
};

// The file while it is written.
class VectorWriter {
 public:
  VectorWriter(const std::string& path, ResultOrder order) : file_(path), order_(order) {}

  // `contents`: what the dot products are, in the comment on the first line.
  void begin(Format format, const std::string& contents) {
    format_ = format;
    if (order_ == ResultOrder::kLaneFp32 && !reads_as_if4(format)) {
      throw InputError("lane-FP32 results are for if4 and nvfp4, not " + std::string(format_name(format)) +
                       "; exact ones are for all formats: --result exact");
    }
    std::ostringstream header;
    header << fmt::format("# if4 vectors: {}, {} results\n", contents, result_order_name(order_));
    write_format(header, format);
    file_.write(header.str());
  }
  // Computes the result.
  void add(DotProduct dot_product) {
    dot_product.format = format_;
    dot_product.result =
        order_ == ResultOrder::kExact ? exact_result(dot_product).bits : lane_fp32_result(dot_product);
    std::ostringstream text;
    write_dot_product(text, dot_product);
    file_.write(text.str());
    ++count_;
  }
  void commit() { file_.commit(); }
  std::uint64_t count() const { return count_; }

 private:
  AtomicFile file_;
  ResultOrder order_;
  Format format_ = Format::kIF4;
  std::uint64_t count_ = 0;
};

// Uniform over all codes and all scale bytes of the format that are not NaN.
Block random_block(std::mt19937_64& random, Format format) {
  const int bits = traits(format).code_bits * kBlockSize;
  Block block;
  block.codes = random();
  if (bits > 64) block.codes |= static_cast<Codes>(random()) << 64;
  block.codes &= (Codes{1} << bits) - 1;
  do {
    block.scale = static_cast<std::uint8_t>(random() & (mixes_types(format) ? 0xFFU : 0x7FU));
  } while (decode_scale(block.scale).nan);
  return block;
}

void write_random(const Arguments& args, VectorWriter& writer) {
  writer.begin(args.format, fmt::format("{} random {} dot products of {} beats, seed {}", args.count,
                                        format_name(args.format), args.beats, args.seed));
  std::mt19937_64 random(args.seed);
  for (std::uint64_t i = 0; i < args.count; ++i) {
    DotProduct dot_product;
    for (unsigned b = 0; b < args.beats; ++b) {
      const Block activations = random_block(random, args.format);
      dot_product.beats.emplace_back(activations, random_block(random, args.format));
    }
    writer.add(std::move(dot_product));
  }
}

// Every row of the activations with every row of the weights.
void write_product(const Arguments& args, VectorWriter& writer) {
  const ProductOperand a = read_operand(args.activations, {args.format, args.rule});
  const ProductOperand w = read_operand(args.weights, {args.format, args.rule});
  check_product(a, w);
  writer.begin(common_format(a.quantized.format, w.quantized.format),
               one_line(args.activations) + " x " + one_line(args.weights));
  for (std::size_t m = 0; m < a.quantized.rows(); ++m) {
    for (std::size_t n = 0; n < w.quantized.rows(); ++n) {
      DotProduct dot_product;
      for (std::size_t b = 0; b < a.quantized.blocks_per_row(); ++b)
        dot_product.beats.emplace_back(a.quantized.block(m, b), w.quantized.block(n, b));
      writer.add(std::move(dot_product));
    }
  }
}

int run(const Arguments& args) {
  VectorWriter writer(args.output, args.order);
  (args.activations.empty() ? write_random : write_product)(args, writer);
  writer.commit();
  fmt::print("{}: {} dot products, {} results\n", one_line(args.output), writer.count(),
             result_order_name(args.order));
  return 0;
}

std::function<int()> set_up(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  add_text(app, "-o,--output", args->output, "FILE", "text file to write").required();
  add_whole(app, "--count", args->count, 1, kAnyWhole, "number of random dot products");
  add_whole(app, "--beats", args->beats, 1, 1024, "beats of each random dot product, 1 to 1024");
  add_whole(app, "--seed", args->seed, 0, kAnyWhole, "seed of the random dot products");
  add_format(app, args->format, has_mac, "format of random operands and of plain tensors");
  add_result_order(app, args->order, "which results: rounded at each step as the published unit, or once");
  const auto [activations, weights] = add_operands(app, args->activations, args->weights);
  activations.needs(weights);
  weights.needs(activations);
  add_rule(app, args->rule, "which error decides between the candidates of a block of plain tensors");
  return [args] { return run(*args); };
}

}  // namespace

const Command kVectorsCommand = {
    "vectors", "write dot products, random or of two tensors, and their results as text for any testbench",
    set_up};

}  // namespace if4
