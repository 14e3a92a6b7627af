#include "testbench/energy/stimulus.hpp"

#include <algorithm>
#include <stdexcept>

#include "model/core/error.hpp"
#include "model/core/float_bits.hpp"
#include "model/mac/gemm.hpp"

namespace if4::energy {

using faults::kStreams;
using faults::kWordParts;
using faults::Packed;
using faults::Port;
using faults::Word;

namespace {

Word all(bool value) {
  Word word;
  if (value) std::fill(std::begin(word.part), std::end(word.part), ~std::uint64_t{0});
  return word;
}

std::uint32_t number_of(const std::string& name, const std::vector<Port>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<std::uint32_t>(i);
  }
  throw InputError("the circuit has no port " + name);
}

std::string bit_name(const std::string& port, std::size_t width, std::size_t bit) {
  return width == 1 ? port : port + "[" + std::to_string(bit) + "]";
}

/// How many tiles the rows of both operands make. What is left over at the end of a tensor is not used.
std::size_t tiles(const Product& product, const Target& target) {
  return (product.activations.rows() / target.rows) * (product.weights.rows() / target.columns);
}

}  // namespace

void set_types(QuantizedTensor& tensor, bool integers) {
  for (std::uint8_t& scale : tensor.scales)
    scale = static_cast<std::uint8_t>((scale & kScaleMagnitudeMask) | (integers ? kScaleIntBit : 0));
}

Stimulus::Stimulus(const faults::Circuit& circuit, const Target& target, const std::vector<Product>& products)
    : circuit_(circuit), target_(target), words_(circuit.inputs.size()) {
  const auto pins = [](const std::string& port, std::size_t width, const std::vector<Port>& ports) {
    std::vector<std::uint32_t> found;
    for (std::size_t bit = 0; bit < width; ++bit)
      found.push_back(number_of(bit_name(port, width, bit), ports));
    return found;
  };
  const auto lanes = static_cast<std::size_t>(target.mac.lanes);
  const auto code_bits = static_cast<std::size_t>(traits(target.mac.format).code_bits);
  clock_ = number_of("clk_i", circuit.inputs);
  reset_ = number_of("rst_ni", circuit.inputs);
  valid_ = number_of("valid_i", circuit.inputs);
  last_ = number_of("last_i", circuit.inputs);
  taken_ = number_of("ready_o", circuit.outputs);
  ready_ = pins("ready_i", target.columns, circuit.inputs);
  a_codes_ = pins("a_codes_i", target.rows * lanes * code_bits, circuit.inputs);
  a_scales_ = pins("a_scale_i", target.rows * lanes / 2, circuit.inputs);
  w_codes_ = pins("w_codes_i", target.columns * lanes * code_bits, circuit.inputs);
  w_scales_ = pins("w_scale_i", target.columns * lanes / 2, circuit.inputs);
  results_valid_ = pins("valid_o", target.columns, circuit.outputs);
  bits_ = pins("result_o", 32 * target.columns, circuit.outputs);
  if (!target.lane_fp32) {
    nan_ = pins("nan_o", target.columns, circuit.outputs);
    overflow_ = pins("overflow_o", target.columns, circuit.outputs);
  }
  if (circuit.inputs.size() !=
      4 + ready_.size() + a_codes_.size() + a_scales_.size() + w_codes_.size() + w_scales_.size())
    throw InputError("the circuit has inputs that no such unit has");

  for (const Product& product : products) {
    for (const QuantizedTensor* tensor : {&product.activations, &product.weights}) {
      if (tensor->format != target.mac.format)
        throw InputError(product.name + ": is in " + std::string(format_name(tensor->format)) +
                         ", and the unit in " + std::string(format_name(target.mac.format)));
    }
    check_product(product.activations, product.weights);
    if (tiles(product, target) == 0) throw InputError(product.name + ": has fewer rows than the array");
  }
  if (products.empty()) throw InputError("there is nothing to multiply");
  const auto blocks = static_cast<std::size_t>(blocks_per_beat(target.mac));
  for (std::size_t copy = 0; copy < kStreams; ++copy) {
    Stream stream;
    stream.product = &products[copy % products.size()];
    const std::size_t of_product =
        (kStreams - copy % products.size() + products.size() - 1) / products.size();
    stream.tile = tiles(*stream.product, target) * (copy / products.size()) / of_product;
    stream.exact.assign(target.lane_fp32 ? 0 : target.rows * target.columns, ExactMac(target.mac));
    stream.lane.assign(target.lane_fp32 ? 1 : 0, LaneFp32Mac(LaneStart::kFirstProduct));
    stream.expected.resize(target.columns);
    const std::size_t row = (stream.product->activations.blocks_per_row() + blocks - 1) / blocks;
    longest_ = std::max(longest_, (target.least_beats + row - 1) / row * row);
    streams_.push_back(std::move(stream));
  }
}

void Stimulus::put(const std::vector<std::uint32_t>& pins, std::size_t first, Codes bits, int width,
                   std::size_t copy) {
  for (int bit = 0; bit < width; ++bit)
    words_[pins[first + static_cast<std::size_t>(bit)]].set(copy, ((bits >> bit) & 1U) != 0);
}

void Stimulus::finish(Stream& stream) {
  for (std::size_t column = 0; column < target_.columns; ++column) {
    for (std::size_t row = target_.rows; row-- > 0;) {
      if (target_.lane_fp32) {
        stream.expected[column].push_back({float_bits(stream.lane[0].result()), false, false});
        stream.lane[0].start();
      } else {
        stream.expected[column].push_back(stream.exact[row * target_.columns + column].finish());
      }
    }
  }
}

void Stimulus::beat(Stream& stream, std::size_t copy) {
  const Product& product = *stream.product;
  const auto blocks = static_cast<std::size_t>(blocks_per_beat(target_.mac));
  const std::size_t across = product.weights.rows() / target_.columns;
  const std::size_t first_row = stream.tile / across * target_.rows;
  const std::size_t first_column = stream.tile % across * target_.columns;
  const int width = kBlockSize * traits(target_.mac.format).code_bits;
  const auto fetch = [&](const QuantizedTensor& tensor, std::size_t row, std::size_t block) {
    return block < tensor.blocks_per_row() ? tensor.block(row, block) : Block{};
  };
  const auto put_row = [&](const std::vector<Block>& row, std::size_t place, const auto& codes,
                           const auto& scales) {
    for (std::size_t b = 0; b < blocks; ++b) {
      put(codes, (place * blocks + b) * static_cast<std::size_t>(width), row[b].codes, width, copy);
      put(scales, (place * blocks + b) * 8, row[b].scale, 8, copy);
    }
  };
  std::vector<std::vector<Block>> a(target_.rows), w(target_.columns);
  for (std::size_t b = 0; b < blocks; ++b) {
    for (std::size_t row = 0; row < target_.rows; ++row)
      a[row].push_back(fetch(product.activations, first_row + row, stream.beat * blocks + b));
    for (std::size_t column = 0; column < target_.columns; ++column)
      w[column].push_back(fetch(product.weights, first_column + column, stream.beat * blocks + b));
  }
  for (std::size_t row = 0; row < target_.rows; ++row) put_row(a[row], row, a_codes_, a_scales_);
  for (std::size_t column = 0; column < target_.columns; ++column)
    put_row(w[column], column, w_codes_, w_scales_);
  const bool ignored = traits(target_.mac.format).int_code == IntCode::kNone;  // bit 7 means nothing
  for (std::size_t row = 0; row < target_.rows; ++row) {
    for (std::size_t column = 0; column < target_.columns; ++column) {
      for (std::size_t b = 0; b < blocks; ++b) {
        const auto is_int = [&](const Block& block) {
          return element_type(target_.mac.format, block.scale) == ElementType::kInt;
        };
        ++types_[2 * static_cast<int>(is_int(a[row][b])) + static_cast<int>(is_int(w[column][b]))];
      }
      if (target_.lane_fp32) {
        const std::uint8_t mask = ignored ? kScaleMagnitudeMask : 0xFF;
        const auto read = [&](const Block& block) {
          return Block{block.codes, static_cast<std::uint8_t>(block.scale & mask)};
        };
        stream.lane[0].beat(read(a[row][0]), read(w[column][0]));
      } else {
        stream.exact[row * target_.columns + column].beat(a[row].data(), w[column].data());
      }
    }
  }
  ++stream.beats;
  const std::size_t beats_of_row = (product.activations.blocks_per_row() + blocks - 1) / blocks;
  const bool end_of_row = ++stream.beat == beats_of_row;
  const bool last = end_of_row && stream.beats >= target_.least_beats;
  if (end_of_row) {
    stream.beat = 0;
    stream.tile = (stream.tile + 1) % tiles(product, target_);
  }
  words_[last_].set(copy, last);
  if (!last) return;
  stream.beats = 0;
  finish(stream);
}

void Stimulus::set(Packed& packed, bool out_of_reset) {
  words_[clock_] = all(true);
  words_[reset_] = all(out_of_reset);
  for (std::size_t copy = 0; copy < kStreams; ++copy) words_[valid_].set(copy, streams_[copy].waits);
  for (const std::uint32_t ready : ready_) words_[ready] = all(true);
  for (std::size_t input = 0; input < words_.size(); ++input) packed.set_input(input, words_[input]);
}

void Stimulus::reset(Packed& packed) { set(packed, false); }

void Stimulus::drain(Packed& packed) { set(packed, true); }

void Stimulus::drive(Packed& packed) {
  for (std::size_t copy = 0; copy < kStreams; ++copy) {
    if (!streams_[copy].waits) beat(streams_[copy], copy);
    streams_[copy].waits = true;
  }
  set(packed, true);
}

void Stimulus::compare(const Packed& packed, std::size_t copy, std::size_t column) {
  MacResult shown;
  for (std::size_t bit = 0; bit < 32; ++bit)
    shown.bits |= static_cast<std::uint32_t>(packed.output(bits_[32 * column + bit]).bit(copy)) << bit;
  shown.nan = !nan_.empty() && packed.output(nan_[column]).bit(copy);
  shown.overflow = !overflow_.empty() && packed.output(overflow_[column]).bit(copy);
  std::deque<MacResult>& expected = streams_[copy].expected[column];
  if (expected.empty() || expected.front() != shown)
    throw std::runtime_error("the netlist gives a result that is not the golden model's: stream " +
                             std::to_string(copy) + ", output " + std::to_string(column) + ", after " +
                             std::to_string(results_) + " results");
  expected.pop_front();
  ++results_;
}

void Stimulus::check(const Packed& packed) {
  for (std::size_t copy = 0; copy < kStreams; ++copy) {
    if (streams_[copy].waits && packed.output(taken_).bit(copy)) {
      streams_[copy].waits = false;
      ++beats_;
    }
    for (std::size_t column = 0; column < target_.columns; ++column) {
      if (packed.output(results_valid_[column]).bit(copy)) compare(packed, copy, column);
    }
  }
}

bool Stimulus::waits() const {
  return std::any_of(streams_.begin(), streams_.end(), [](const Stream& stream) { return stream.waits; });
}

std::uint64_t Stimulus::pending() const {
  std::uint64_t count = 0;
  for (const Stream& stream : streams_) {
    for (const auto& expected : stream.expected) count += expected.size();
  }
  return count;
}

}  // namespace if4::energy
