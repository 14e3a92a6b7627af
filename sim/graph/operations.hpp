// The operations of a network that are no products: FP32 in, double between, FP32 out. README.md has their formulas.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/graph/network.hpp"
#include "sim/graph/run.hpp"

namespace if4 {

/// The result of an operation that takes ids or one result of another, or two to add. `inputs`: the values of those that
/// it takes, with their shapes.
struct InputValues {
  ResultShape shape;
  const std::vector<float>* values = nullptr;
};
std::vector<float> compute(const Step& step, const Batch& batch, const std::vector<InputValues>& inputs);

}  // namespace if4
