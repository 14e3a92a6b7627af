#include "sim/bits/cosim.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/core/parallel.hpp"
#include "model/mac/gemm.hpp"
#include "sim/bits/product_run.hpp"

namespace if4 {
namespace {

// Clocks of a piece: long against the latency of a unit and the time to load its rows, short enough for several workers.
constexpr std::size_t kMostClocks = 8192;
constexpr std::size_t kLeastClocks = 1024;
constexpr std::size_t kPiecesOfRows = 8;  // that the same rows are cut into, if these are long enough
constexpr std::size_t kShownMismatches = 8;

// The tensor as the unit reads it: another format of the same codes.
QuantizedTensor read_as(Format format, QuantizedTensor tensor) {
  tensor.format = format;
  return tensor;
}

BitsProduct make_product(const QuantizedTensor& activations, const QuantizedTensor& weights,
                         const CosimOptions& options, const std::function<void()>& poll) {
  const bool weights_streamed = weights.rows() > activations.rows();
  const QuantizedTensor& streamed = weights_streamed ? weights : activations;
  const QuantizedTensor& common = weights_streamed ? activations : weights;
  BitsProduct product{BitsOperand(streamed), BitsOperand(common), weights_streamed, {}, false};
  if (!options.compare) return product;
  const Format format = options.golden.format;
  // A product does not depend on which operand is which, and in this order the results of one clock lie together.
  GemmOptions gemm_options;
  gemm_options.threads = options.threads;
  gemm_options.progress = [&poll](std::uint64_t, std::uint64_t) { poll(); };
  GemmResult golden = gemm(options.golden, read_as(format, common), read_as(format, streamed), gemm_options);
  product.golden = std::move(golden.bits);
  product.golden_has_nan = golden.nan + golden.overflow != 0;
  return product;
}

std::vector<BitsPiece> cut(const BitsProduct& product, std::size_t units) {
  const std::size_t blocks = std::max<std::size_t>(1, product.common.blocks);
  const std::size_t wanted = (product.common.rows + kPiecesOfRows - 1) / kPiecesOfRows;
  const std::size_t count = std::clamp(wanted, (kLeastClocks + blocks - 1) / blocks,
                                       std::max(kMostClocks, blocks + kLeastClocks) / blocks);
  std::vector<BitsPiece> pieces;
  for (std::size_t streamed = 0; streamed < product.streamed.rows; streamed += units) {
    for (std::size_t common = 0; common < product.common.rows; common += count) {
      pieces.push_back({streamed, std::min(units, product.streamed.rows - streamed), common,
                        std::min(count, product.common.rows - common)});
    }
  }
  return pieces;
}

void add(CosimReport& sum, const CosimReport& piece) {
  sum.results += piece.results;
  sum.beats += piece.beats;
  sum.mismatches += piece.mismatches;
  sum.missing += piece.missing;
  sum.cycles += piece.cycles;
  sum.nan_results += piece.nan_results;
  sum.overflow_results += piece.overflow_results;
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t w = 0; w < 2; ++w) sum.pair_beats[a][w] += piece.pair_beats[a][w];
  }
  const std::size_t room = kShownMismatches - sum.first_mismatches.size();
  const auto first = piece.first_mismatches.begin();
  sum.first_mismatches.insert(
      sum.first_mismatches.end(), first,
      first + static_cast<std::ptrdiff_t>(std::min(room, piece.first_mismatches.size())));
  sum.last_moved_clock = std::max(sum.last_moved_clock, piece.last_moved_clock);
  if (!sum.first_wrong_clock) sum.first_wrong_clock = piece.first_wrong_clock;
}

// The results of the units [M, N], which are the golden ones, as all have been compared.
std::vector<float> products_of(const BitsProduct& product) {
  const std::size_t streamed_rows = product.streamed.rows, common_rows = product.common.rows;
  std::vector<float> products(product.golden.size());
  if (product.weights_streamed) {
    std::transform(product.golden.begin(), product.golden.end(), products.begin(), float_from_bits);
    return products;
  }
  constexpr std::size_t kSquare = 64;  // of which both sides stay in the cache
  for (std::size_t m0 = 0; m0 < streamed_rows; m0 += kSquare) {
    for (std::size_t n = 0; n < common_rows; ++n) {
      for (std::size_t m = m0; m < std::min(m0 + kSquare, streamed_rows); ++m)
        products[m * common_rows + n] = float_from_bits(product.golden[n * streamed_rows + m]);
    }
  }
  return products;
}

}  // namespace

CosimReport cosimulate_bits(const QuantizedTensor& activations, const QuantizedTensor& weights,
                            const CosimOptions& options, const BitsChoice& choice) {
  check_product(activations, weights);
  if (!options.wave.file.empty())
    throw InputError("--wave: the bits engine writes no waveform; --engine verilated does");
  const MacConfig& mac = choice.build.mac;
  if (options.golden.lanes != mac.lanes ||
      traits(options.golden.format).code_bits != traits(mac.format).code_bits)
    throw std::invalid_argument("the golden configuration reads other beats than the unit");
  const BitsKernel& kernel = bits_kernel(bits_netlist(choice.build.name), choice.target);

  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t total = static_cast<std::uint64_t>(activations.rows()) * weights.rows();
  std::atomic<std::uint64_t> done{0};
  const auto poll = [&] {
    if (options.progress) options.progress(done, total);
  };
  const BitsProduct product = make_product(activations, weights, options, poll);
  const std::vector<BitsPiece> pieces = cut(product, 64 * static_cast<std::size_t>(kernel.words));
  std::vector<std::unique_ptr<ProductRun>> runs(worker_count(pieces.size(), options.threads));
  for (std::size_t worker = 0; worker < runs.size(); ++worker) {
    // Only the calling thread may call options.progress.
    runs[worker] = std::make_unique<ProductRun>(product, options, choice.build, kernel.target,
                                                [&, worker](std::uint64_t results) {
                                                  done += results;
                                                  if (worker == 0) poll();
                                                });
  }
  std::vector<CosimReport> reports(pieces.size());
  parallel_for(pieces.size(), options.threads,
               [&](std::size_t i, unsigned worker) { reports[i] = runs[worker]->run(pieces[i], i); });
  CosimReport report;
  for (const CosimReport& piece : reports) add(report, piece);
  if (options.compare && report.passed()) report.products = products_of(product);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!runs.empty()) {
    report.engine = std::to_string(runs.front()->units()) + " units at once (" +
                    std::string(runs.front()->target()) + "), " + std::to_string(runs.size()) +
                    (runs.size() == 1 ? " worker" : " workers");
  }
  return report;
}

}  // namespace if4
