// A piece of a matrix product on one vector of units: what a worker of cosimulate_bits() does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "model/core/tensor.hpp"
#include "sim/bits/units.hpp"
#include "sim/mac/cosim.hpp"

namespace if4 {

/// The blocks of an operand.
struct BitsOperand {
  explicit BitsOperand(const QuantizedTensor& tensor);
  std::size_t rows, blocks;          ///< blocks of a row
  std::vector<std::uint64_t> codes;  ///< [rows][blocks]
  std::vector<std::uint8_t> scales;  ///< [rows][blocks]
  std::vector<bool> nan;             ///< [rows]: a scale of the row is NaN
};

/// A matrix product, as all workers share it. Each unit multiplies a row of `streamed`, whose bits a vector of units has
/// in planes, with rows of `common`, the same for all units.
struct BitsProduct {
  BitsOperand streamed, common;
  bool weights_streamed;              ///< otherwise the activations
  std::vector<std::uint32_t> golden;  ///< [common.rows][streamed.rows]; empty: nothing is compared
  bool golden_has_nan = false;

  MacResult expected(std::size_t streamed_row, std::size_t common_row) const;
};

/// The rows of both operands that a vector of units multiplies at one go; at most as many of `streamed` as it has units.
struct BitsPiece {
  std::size_t streamed_first, streamed_count, common_first, common_count;
};

/// Random stalls of all units of a vector.
class StallMask {
 public:
  StallMask(unsigned percent, std::uint64_t seed);
  /// Those of the next clock: each unit stalls with that probability, to within 2^-17.
  Mask next(int words);

 private:
  static constexpr int kBits = 16;
  unsigned threshold_;  // of 2^kBits
  std::mt19937_64 random_;
};

/// A vector of units that runs one piece after the other.
class ProductRun {
 public:
  /// `tick` is called now and then with the number of results since its last call. What it throws ends the run.
  ProductRun(const BitsProduct& product, const CosimOptions& options, const UnitBuild& build,
             std::string_view target, std::function<void(std::uint64_t)> tick);
  int units() const { return units_.units(); }
  std::string_view target() const { return units_.target(); }
  /// Counts of that piece alone, without `seconds` and `products`. `number` tells the stalls of pieces apart.
  CosimReport run(const BitsPiece& piece, std::uint64_t number);

 private:
  /// Where a unit is, if the units are not in step.
  struct Place {
    std::size_t beats = 0;     ///< taken
    std::size_t results = 0;   ///< given
    std::uint64_t clocks = 0;  ///< to the last result, where all have been given
  };
  BitsInput streamed_codes() const {
    return product_.weights_streamed ? BitsInput::kWCodes : BitsInput::kACodes;
  }
  BitsInput streamed_scale() const {
    return product_.weights_streamed ? BitsInput::kWScale : BitsInput::kAScale;
  }
  BitsInput common_codes() const {
    return product_.weights_streamed ? BitsInput::kACodes : BitsInput::kWCodes;
  }
  BitsInput common_scale() const {
    return product_.weights_streamed ? BitsInput::kAScale : BitsInput::kWScale;
  }
  std::size_t beats_of_unit() const { return piece_.common_count * product_.streamed.blocks; }

  void load_streamed();
  void start(const BitsPiece& piece, std::uint64_t number);
  void drive_in_step();
  void leave_step();
  void drive_apart();
  void fetch(int word);
  void take_results(const Mask& given);
  void take_in_step();
  void take_one(std::size_t unit, Place& place, std::uint32_t bits);
  void take_beats(const Mask& taken);
  bool done() const;
  void clock();
  void count_pairs();
  void finish();

  const BitsProduct& product_;
  const CosimOptions& options_;
  std::function<void(std::uint64_t)> tick_;
  BitsUnits units_;
  Planes streamed_planes_;                    // [blocks][72]: those of the rows below
  std::optional<BitsPiece> streamed_loaded_;  // the piece whose rows of `streamed` they are
  BitsPiece piece_{};
  Mask active_{};        // units that have a row
  Mask offered_{};       // units that are offered a beat
  Mask stale_{};         // units whose offer is not in the planes yet
  bool in_step_ = true;  // all units are where step_ is, without stalls
  bool moved_ = false;   // a beat or a result was taken in the last clock
  Place step_;
  std::vector<Place> places_;
  std::size_t finished_ = 0;  // of them, those with all results, if the units are not in step
  StallMask input_stalls_{0, 0}, output_stalls_{0, 0};
  std::uint64_t clock_ = 0;
  std::vector<std::uint32_t> numbers_;
  CosimReport report_;
};

}  // namespace if4
