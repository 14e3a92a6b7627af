// The options of commands. CLI11 parses them; its header, which takes a compiler seconds, is included by options.cpp and
// main.cpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/checkpoint/model_quantizer.hpp"
#include "model/core/format.hpp"
#include "model/quantize/options.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace if4 {

/// An option that was added, to say more about it.
class OptionRef {
 public:
  explicit OptionRef(CLI::Option* option) : option_(option) {}
  const OptionRef& required() const;
  /// Where this option is given, the other one must be too.
  const OptionRef& needs(const OptionRef& other) const;
  /// Only one of the two may be given.
  const OptionRef& excludes(const OptionRef& other) const;

 private:
  CLI::Option* option_;
};

/// An option that takes text; `kind` says in help what it is, such as "FILE".
OptionRef add_text(CLI::App& app, const std::string& option, std::string& value, const std::string& kind,
                   const std::string& help);
/// The same with a function that is called with the text.
OptionRef add_text(CLI::App& app, const std::string& option, std::function<void(const std::string&)> set,
                   const std::string& kind, const std::string& help);
/// An option that may be given several times.
OptionRef add_list(CLI::App& app, const std::string& option, std::vector<std::string>& values,
                   const std::string& kind, const std::string& help);
/// An option without a value.
OptionRef add_flag(CLI::App& app, const std::string& option, bool& value, const std::string& help);
OptionRef add_flag(CLI::App& app, const std::string& option, std::function<void()> set,
                   const std::string& help);
/// What stands below the options in help.
void add_footer(CLI::App& app, const std::string& text);
/// Thrown while a command line is parsed: "WHAT is required".
[[noreturn]] void fail_required(const std::string& what);

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

/// An option that takes one of the names, and calls `set` with its index. Help lists the names, and says which one is
/// the default; `by_default` is its index, or any other number where there is none.
OptionRef add_name(CLI::App& app, const std::string& option, const std::vector<std::string>& names,
                   std::size_t by_default, std::function<void(std::size_t)> set, const std::string& help);

/// An option that takes one of the choices. The default is what `value` is.
template <typename T>
OptionRef add_choice(CLI::App& app, const std::string& option, T& value, const Choices<T>& choices,
                     const std::string& help) {
  std::vector<std::string> names;
  std::size_t by_default = choices.size();
  for (const auto& [name, choice] : choices) {
    if (choice == value) by_default = names.size();
    names.push_back(name);
  }
  const auto set = [&value, choices](std::size_t index) { value = choices[index].second; };
  return add_name(app, option, names, by_default, set, help);
}

/// An option that takes a whole number from `least` to `most`; `by_default` is what help says of the default, or empty.
OptionRef add_number(CLI::App& app, const std::string& option, std::uint64_t least, std::uint64_t most,
                     std::function<void(std::uint64_t)> set, const std::string& by_default,
                     const std::string& help);

/// The same for a variable. Help names what `value` is as the default, unless that is out of range and so stands for
/// something else.
template <typename T>
OptionRef add_whole(CLI::App& app, const std::string& option, T& value, std::uint64_t least,
                    std::uint64_t most, const std::string& help) {
  std::string by_default;
  if constexpr (std::is_integral_v<T>) {
    if (value >= least) by_default = std::to_string(value);
  }
  const auto set = [&value](std::uint64_t number) { value = static_cast<T>(number); };
  return add_number(app, option, least, most, set, by_default, help);
}
inline constexpr std::uint64_t kAnyWhole = std::numeric_limits<std::uint64_t>::max();

/// An option that takes a number of bytes, as byte_size() reads it.
OptionRef add_size(CLI::App& app, const std::string& option, std::function<void(std::uint64_t)> set,
                   const std::string& help);

/// --rule; `help` says of what.
OptionRef add_rule(CLI::App& app, Rule& rule, const std::string& help);
/// --format: the formats for which `accepts` is true.
void add_format(CLI::App& app, Format& format, bool (*accepts)(Format), const std::string& help);
/// --threads, up to 1024. 0 stands for one on each core.
void add_threads(CLI::App& app, unsigned& threads, const std::string& help);
/// --acts and --weights, the operands of a product.
std::pair<OptionRef, OptionRef> add_operands(CLI::App& app, std::string& activations, std::string& weights);
/// The options that `quantize` and `compare` have in common. Returns --rule.
OptionRef add_model_options(CLI::App& app, ModelOptions& options);

}  // namespace if4
