#include "sim/program/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "model/core/text.hpp"

namespace if4 {

namespace {

std::string with_default(const std::string& help, const std::string& by_default) {
  return by_default.empty() ? help : help + "; default " + by_default;
}

}  // namespace

const OptionRef& OptionRef::required() const {
  option_->required();
  return *this;
}

const OptionRef& OptionRef::needs(const OptionRef& other) const {
  option_->needs(other.option_);
  return *this;
}

const OptionRef& OptionRef::excludes(const OptionRef& other) const {
  option_->excludes(other.option_);
  return *this;
}

OptionRef add_text(CLI::App& app, const std::string& option, std::string& value, const std::string& kind,
                   const std::string& help) {
  return OptionRef(app.add_option(option, value, help)->type_name(kind));
}

OptionRef add_text(CLI::App& app, const std::string& option, std::function<void(const std::string&)> set,
                   const std::string& kind, const std::string& help) {
  return OptionRef(app.add_option_function<std::string>(option, set, help)->type_name(kind));
}

OptionRef add_list(CLI::App& app, const std::string& option, std::vector<std::string>& values,
                   const std::string& kind, const std::string& help) {
  return OptionRef(app.add_option(option, values, help)->type_name(kind));
}

OptionRef add_flag(CLI::App& app, const std::string& option, bool& value, const std::string& help) {
  return OptionRef(app.add_flag(option, value, help));
}

OptionRef add_flag(CLI::App& app, const std::string& option, std::function<void()> set,
                   const std::string& help) {
  return OptionRef(app.add_flag_callback(option, set, help));
}

void add_footer(CLI::App& app, const std::string& text) { app.footer(text); }

void fail_required(const std::string& what) { throw CLI::RequiredError(what); }

OptionRef add_name(CLI::App& app, const std::string& option, const std::vector<std::string>& names,
                   std::size_t by_default, std::function<void(std::size_t)> set, const std::string& help) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : "|") + name;
  const auto find = [names, all, set, option](const std::string& text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) throw CLI::ValidationError(option, "'" + text + "' is not one of " + all);
    set(static_cast<std::size_t>(found - names.begin()));
  };
  return add_text(app, option, find, all,
                  with_default(help, by_default < names.size() ? names[by_default] : std::string()));
}

// CLI11 alone takes -1 for the largest number, and any larger one too.
OptionRef add_number(CLI::App& app, const std::string& option, std::uint64_t least, std::uint64_t most,
                     std::function<void(std::uint64_t)> set, const std::string& by_default,
                     const std::string& help) {
  const auto parse = [option, least, most, set](const std::string& text) {
    const auto number = whole_number(text, least, most);
    if (!number) {
      throw CLI::ValidationError(option, quoted_name(text) + " is not " + whole_number_range(least, most));
    }
    set(*number);
  };
  return add_text(app, option, parse, "N", with_default(help, by_default));
}

OptionRef add_size(CLI::App& app, const std::string& option, std::function<void(std::uint64_t)> set,
                   const std::string& help) {
  const auto parse = [option, set](const std::string& text) {
    const auto bytes = byte_size(text);
    if (!bytes) throw CLI::ValidationError(option, quoted_name(text) + " is not a size such as 5GB or 300MB");
    set(*bytes);
  };
  return add_text(app, option, parse, "SIZE", help);
}

OptionRef add_rule(CLI::App& app, Rule& rule, const std::string& help) {
  return add_choice(app, "--rule", rule, choices_of(kRules, rule_name), help);
}

void add_format(CLI::App& app, Format& format, bool (*accepts)(Format), const std::string& help) {
  Choices<Format> choices;
  for (int number = 0; number < kFormatCount; ++number) {
    const auto choice = static_cast<Format>(number);
    if (accepts(choice)) choices.emplace_back(format_name(choice), choice);
  }
  add_choice(app, "--format", format, choices, help);
}

void add_threads(CLI::App& app, unsigned& threads, const std::string& help) {
  add_whole(app, "--threads", threads, 1, 1024, help + ", 1 to 1024; default one a core");
}

std::pair<OptionRef, OptionRef> add_operands(CLI::App& app, std::string& activations, std::string& weights) {
  const char* const kind = "FILE:NAME";
  return {add_text(app, "--acts", activations, kind, "activations [M, K], plain or quantized"),
          add_text(app, "--weights", weights, kind, "weights [N, K], plain or quantized")};
}

OptionRef add_model_options(CLI::App& app, ModelOptions& options) {
  const OptionRef rule =
      add_rule(app, options.quantize.rule, "which error decides between a block's candidates");
  add_list(app, "--include", options.include, "PATTERN",
           "quantize the tensors of these names, where * is any text and ? one character; default: those "
           "of 2 or more dimensions");
  add_list(app, "--exclude", options.exclude, "PATTERN", "leave the tensors of these names alone");
  add_flag(app, "--2d", options.quantize.square, "16 x 16 values share a scale, not 16");
  add_flag(app, "--rht", options.quantize.rotate,
           "rotate every 16 values by a random Hadamard transform first");
  add_flag(app, "--transpose", options.quantize.transpose, "quantize the transposed matrices");
  add_whole(app, "--stochastic", options.quantize.seed, 0, kAnyWhole,
            "round at random with this seed, not to the nearest code");
  add_threads(app, options.threads, "number of threads");
  return rule;
}

}  // namespace if4
