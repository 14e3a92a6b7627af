#include "sim/program/options.hpp"

#include "model/core/text.hpp"

namespace if4 {

std::uint64_t parse_whole(const std::string& option, const std::string& text, std::uint64_t least,
                          std::uint64_t most) {
  const auto number = whole_number(text, least, most);
  if (!number)
    throw CLI::ValidationError(option, quoted_name(text) + " is not " + whole_number_range(least, most));
  return *number;
}

CLI::Option* add_text(CLI::App& app, const std::string& option, std::string& value, const std::string& kind,
                      const std::string& help) {
  return app.add_option(option, value, help)->type_name(kind);
}

void add_rule(CLI::App& app, Rule& rule, const std::string& help) {
  add_choice(app, "--rule", rule, choices_of(kRules, rule_name), help);
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

std::pair<CLI::Option*, CLI::Option*> add_operands(CLI::App& app, std::string& activations,
                                                   std::string& weights) {
  const char* const kind = "FILE:NAME";
  return {add_text(app, "--acts", activations, kind, "activations [M, K], plain or quantized"),
          add_text(app, "--weights", weights, kind, "weights [N, K], plain or quantized")};
}

void add_model_options(CLI::App& app, ModelOptions& options) {
  add_rule(app, options.quantize.rule, "which error decides between a block's candidates");
  app.add_option(
         "--include", options.include,
         "quantize the tensors of these names, where * is any text and ? one character; default: those "
         "of 2 or more dimensions")
      ->type_name("PATTERN");
  app.add_option("--exclude", options.exclude, "leave the tensors of these names alone")
      ->type_name("PATTERN");
  app.add_flag("--2d", options.quantize.square, "16 x 16 values share a scale, not 16");
  app.add_flag("--rht", options.quantize.rotate,
               "rotate every 16 values by a random Hadamard transform first");
  app.add_flag("--transpose", options.quantize.transpose, "quantize the transposed matrices");
  add_whole(app, "--stochastic", options.quantize.seed, 0, kAnyWhole,
            "round at random with this seed, not to the nearest code");
  add_threads(app, options.threads, "number of threads");
}

}  // namespace if4
