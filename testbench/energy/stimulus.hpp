// Products of quantized tensors as the beats of many units at once, and the results that these must give.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "model/core/tensor.hpp"
#include "model/mac/lane_fp32.hpp"
#include "model/mac/mac.hpp"
#include "testbench/faults/packed.hpp"

namespace if4::energy {

/// What is driven: a MAC unit, or an array of cells, which is a unit where it has one row and one column.
struct Target {
  MacConfig mac;
  bool lane_fp32 = false;  ///< the unit adds in FP32, as model/mac/lane_fp32.hpp does, and has no flags
  std::size_t rows = 1, columns = 1;
  std::size_t least_beats = 1;  ///< of a dot product
};

/// The operands of a product, which the streams divide among them.
struct Product {
  std::string name;  ///< for messages
  QuantizedTensor activations, weights;
};

/// A tensor whose blocks all have the element type that bit 7 of its scales says, for formats of two types.
void set_types(QuantizedTensor& tensor, bool integers);

/// Offers a beat in every clock to every copy of a circuit with the ports of if4_mac or if4_array, each copy its own rows,
/// and compares all results with the golden model. Rows of activations stay and rows of weights move on, as in `cosim`;
/// where a row has fewer than least_beats beats, the products of several rows are added up in one dot product.
class Stimulus {
 public:
  /// `products` must outlive it. Throws InputError where the circuit does not have the ports of such a unit, where a
  /// tensor has another format than the unit, and where operands differ in K.
  Stimulus(const faults::Circuit& circuit, const Target& target, const std::vector<Product>& products);

  /// The beats of the longest dot product.
  std::size_t longest() const { return longest_; }

  /// Sets all inputs of a clock: in reset; with a beat; or with none but those that were offered before and not taken.
  void reset(faults::Packed& packed);
  void drive(faults::Packed& packed);
  void drain(faults::Packed& packed);
  /// Compares what the outputs show after settle(), and notes which units take their beat: the others are offered it again.
  /// Throws std::runtime_error where a result is wrong or there should be none.
  void check(const faults::Packed& packed);

  /// Whether a unit has not taken the beat that it is offered.
  bool waits() const;
  /// Beats that were taken.
  std::uint64_t beats() const { return beats_; }

  /// Results that were compared, and those that are still to come.
  std::uint64_t results() const { return results_; }
  std::uint64_t pending() const;
  /// Pairs of blocks that were driven, by the types of activations and weights: FP FP, FP INT, INT FP, INT INT.
  const std::uint64_t* types() const { return types_; }

 private:
  struct Stream {
    const Product* product = nullptr;
    std::size_t tile = 0;         ///< of the product: which rows of both
    std::size_t beat = 0;         ///< of these rows
    std::size_t beats = 0;        ///< of the dot product so far
    bool waits = false;           ///< it is offered a beat that it has not taken
    std::vector<ExactMac> exact;  ///< of each cell
    std::vector<LaneFp32Mac> lane;
    std::vector<std::deque<MacResult>> expected;  ///< of each column
  };

  std::uint32_t input(const std::string& name) const;
  std::uint32_t output(const std::string& name) const;
  void beat(Stream& stream, std::size_t copy);
  void finish(Stream& stream);
  void put(const std::vector<std::uint32_t>& pins, std::size_t first, Codes bits, int width,
           std::size_t copy);
  void compare(const faults::Packed& packed, std::size_t copy, std::size_t column);
  void set(faults::Packed& packed, bool out_of_reset);

  const faults::Circuit& circuit_;
  Target target_;
  std::vector<Stream> streams_;
  std::vector<faults::Word> words_;  ///< of each input
  std::uint32_t clock_ = 0, reset_ = 0, valid_ = 0, last_ = 0, taken_ = 0;
  std::vector<std::uint32_t> ready_, a_codes_, a_scales_, w_codes_, w_scales_;  ///< inputs
  std::vector<std::uint32_t> results_valid_, bits_, nan_, overflow_;            ///< outputs
  std::size_t longest_ = 1;
  std::uint64_t results_ = 0, beats_ = 0, types_[4] = {};
};

}  // namespace if4::energy
