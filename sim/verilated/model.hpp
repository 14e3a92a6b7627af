// What Verilator generates, as an object, and what a build for coverage counts in it.
#pragma once

#include <verilated.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace if4 {

/// Counts the toggles of a model: which bits of which signals have been seen to rise, and to fall, between
/// two samples. All signals that are public in the model's context, but for parameters.
class ToggleCounter {
 public:
  /// Compares with the sample before; the first one only takes the values.
  void sample(const VerilatedContext& context);
  /// A line each signal: scope, name, bits, and the bits that rose and those that fell, in hexadecimal.
  void write(const std::string& path) const;

 private:
  struct Signal {
    std::string scope, name;
    int bits;
    const void* data;
    std::size_t bytes;
    std::size_t first_word;  // in the vectors below
  };
  void find_signals(const VerilatedContext& context);

  std::vector<Signal> signals_;
  std::vector<std::uint32_t> before_, rose_, fell_;
};

/// A model and the context it runs in. They hold the counts of lines and toggles too, so a build for coverage
/// keeps them to the end of the process and lends them to one MacUnit after the other.
struct ModelBase {
  virtual ~ModelBase() = default;
  VerilatedContext context;
#if IF4_COVERAGE
  void sample() { toggles.sample(context); }
  ToggleCounter toggles;
  std::string_view unit;
  bool lent = true;
#else
  void sample() {}
#endif
};
template <class Top>
struct Model : ModelBase {
  Top top{&context};
};

/// All models of a build for coverage.
std::vector<std::unique_ptr<ModelBase>>& kept_models();

/// Writes what was counted since the start of the process, two files for each instance: "<unit>.<n>.dat" has
/// the lines, as Verilator counts them, and "<unit>.<n>.toggles" the bits that rose and fell from one rising
/// edge of the clock to the next. Throws std::logic_error unless built with CONFIG=coverage.
void write_counts(const std::string& folder);

template <class Top>
std::shared_ptr<Model<Top>> lend_model(std::string_view unit) {
#if IF4_COVERAGE
  const auto give_back = [](ModelBase* base) { base->lent = false; };
  for (const auto& kept : kept_models()) {
    if (kept->lent || kept->unit != unit) continue;
    kept->lent = true;
    return {static_cast<Model<Top>*>(kept.get()), give_back};
  }
  auto made = std::make_unique<Model<Top>>();
  made->unit = unit;
  const std::shared_ptr<Model<Top>> result(made.get(), give_back);
  kept_models().push_back(std::move(made));
  return result;
#else
  (void)unit;
  return std::make_shared<Model<Top>>();
#endif
}

}  // namespace if4
