// Kinds of options that CLI11 lacks, and the options that several commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/format.hpp"
#include "model/files/model_quantizer.hpp"
#include "model/quantize/quantizer.hpp"

namespace if4 {

/// The names that an option takes, in the order of help, and what they stand for.
template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

/// The choices of an enumeration whose values name() names.
template <typename Values, typename Name>
auto choices_of(const Values& values, Name name) {
  Choices<std::decay_t<decltype(*std::begin(values))>> choices;
  for (const auto& value : values) choices.emplace_back(name(value), value);
  return choices;
}

/// An option that takes one of the names. Help lists them, and says which one `value` is: the default.
template <typename T>
CLI::Option* add_choice(CLI::App& app, const std::string& option, T& value, const Choices<T>& choices,
                        const std::string& help) {
  std::string names, by_default;
  for (const auto& [name, choice] : choices) {
    names += (names.empty() ? "" : "|") + name;
    if (choice == value) by_default = "; default " + name;
  }
  const auto set = [&value, choices, option, names](const std::string& text) {
    for (const auto& [name, choice] : choices) {
      if (name != text) continue;
      value = choice;
      return;
    }
    throw CLI::ValidationError(option, "'" + text + "' is not one of " + names);
  };
  return app.add_option_function<std::string>(option, set, help + by_default)->type_name(names);
}

/// Checks what was given to the option: a whole number from `least` to `most`. CLI11 alone takes -1 for the
/// largest number, and any larger one too. Throws CLI::ValidationError.
std::uint64_t parse_whole(const std::string& option, const std::string& text, std::uint64_t least,
                          std::uint64_t most);

/// An option that takes a whole number from `least` to `most`. Help names what `value` is as the default,
/// unless that is out of range and so stands for something else.
template <typename T>
CLI::Option* add_whole(CLI::App& app, const std::string& option, T& value, std::uint64_t least,
                       std::uint64_t most, const std::string& help) {
  const auto set = [&value, least, most, option](const std::string& text) {
    value = static_cast<T>(parse_whole(option, text, least, most));
  };
  std::string by_default;
  if constexpr (std::is_integral_v<T>) {
    if (value >= least) by_default = "; default " + std::to_string(value);
  }
  return app.add_option_function<std::string>(option, set, help + by_default)->type_name("N");
}
inline constexpr std::uint64_t kAnyWhole = std::numeric_limits<std::uint64_t>::max();

/// An option that takes text; `kind` says in help what it is, such as "FILE".
CLI::Option* add_text(CLI::App& app, const std::string& option, std::string& value, const std::string& kind,
                      const std::string& help);

/// --rule; `help` says of what.
void add_rule(CLI::App& app, Rule& rule, const std::string& help);
/// --format: the formats for which `accepts` is true.
void add_format(CLI::App& app, Format& format, bool (*accepts)(Format), const std::string& help);
/// --threads, up to 1024. 0 stands for one on each core.
void add_threads(CLI::App& app, unsigned& threads, const std::string& help);
/// --acts and --weights, the operands of a product.
std::pair<CLI::Option*, CLI::Option*> add_operands(CLI::App& app, std::string& activations,
                                                   std::string& weights);
/// The options that `quantize` and `compare` have in common.
void add_model_options(CLI::App& app, ModelOptions& options);

}  // namespace if4
