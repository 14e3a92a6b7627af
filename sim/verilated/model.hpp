// What Verilator generates, as an object, and what `make coverage` counts in it.
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

/// A model and the context it runs in. They hold the counts of lines and toggles too, so while counting, models are
/// kept to the end of the process and lent to one MacUnit after the other.
struct ModelBase {
  virtual ~ModelBase() = default;
  void sample() {
    if (toggles != nullptr) toggles->sample(context);
  }
  VerilatedContext context;
  std::unique_ptr<ToggleCounter> toggles;  ///< null unless counting
  std::string_view unit;
  bool lent = true;
};
template <class Top>
struct Model : ModelBase {
  Top top{&context};
};

/// The models that count.
std::vector<std::unique_ptr<ModelBase>>& kept_models();

/// Has all units that are made from now on count lines and toggles. Lines are counted, and signals public, only in the
/// classes of the program of `make coverage`.
void start_counting();
bool counting();

/// Writes what was counted, two files for each instance: "<unit>.<n>.dat" has the lines, as Verilator counts them, and
/// "<unit>.<n>.toggles" the bits that rose and fell from one rising edge of the clock to the next. Throws
/// std::runtime_error if a file cannot be written.
void write_counts(const std::string& folder);

template <class Top>
std::shared_ptr<Model<Top>> lend_model(std::string_view unit) {
  if (!counting()) return std::make_shared<Model<Top>>();
  const auto give_back = [](ModelBase* base) { base->lent = false; };
  for (const auto& kept : kept_models()) {
    if (kept->lent || kept->unit != unit) continue;
    kept->lent = true;
    return {static_cast<Model<Top>*>(kept.get()), give_back};
  }
  auto made = std::make_unique<Model<Top>>();
  made->toggles = std::make_unique<ToggleCounter>();
  made->unit = unit;
  const std::shared_ptr<Model<Top>> result(made.get(), give_back);
  kept_models().push_back(std::move(made));
  return result;
}

}  // namespace if4
