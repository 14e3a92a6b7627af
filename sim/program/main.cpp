// The program `if4`. Exit codes: 0 done, 1 a check failed, 2 bad input or usage (one line on stderr).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <string_view>

#include "model/core/error.hpp"
#include "model/core/text.hpp"
#include "sim/program/commands.hpp"
#include "sim/report/version.hpp"
#include "sim/terminal/interrupt.hpp"
#include "sim/terminal/progress.hpp"

namespace if4 {
namespace {

constexpr const char* kFooter =
    "Input is a .safetensors file, FILE:NAME for one tensor of it, or a .npy file. Plain tensors are F32, "
    "BF16 "
    "or F16\n"
    "(in .npy files <f4 or <f2), quantized ones are from `if4 quantize`.\n"
    "Exit code 0: done; 1: a check failed; 2: bad input, with one line on stderr that says where.\n";

int fail(const std::string& message) {
  std::fprintf(stderr, "if4: %s\n", message.c_str());
  return 2;
}

// The exit code once everything is printed. A full disk may have shown in an earlier write than the last one.
int printed(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  return fail("cannot write to the standard output");
}

bool is_command(std::string_view name) {
  return std::any_of(std::begin(kCommands), std::end(kCommands),
                     [&](const Command* command) { return command->name == name; });
}

// Parses the command line, which runs the command: its callback sets `status`.
int run(CLI::App& app, int argc, char** argv, const int& status) {
  try {
    // CLI11 would only say that a subcommand is required.
    if (argc > 1 && argv[1][0] != '-' && !is_command(argv[1]))
      return fail(quoted_name(argv[1]) + " is not a command; see if4 --help");
    app.parse(argc, argv);
    return printed(status);
  } catch (const CLI::Success& help) {
    return printed(app.exit(help));
  } catch (const CLI::ParseError& error) {
    return fail(one_line(error.what()));
  } catch (const InputError& error) {
    return fail(error.what());
  } catch (const std::bad_alloc&) {
    return fail("not enough memory");
  } catch (const std::exception& error) {
    // fmt::print throws where a report is longer than its buffer.
    if (std::ferror(stdout) != 0) return printed(1);
    std::fprintf(stderr, "if4: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace if4

int main(int argc, char** argv) {
  // A write beyond the limit of a file's size (ulimit -f) fails then, as on a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  if4::end_at_signals(if4::ProgressBar::erase);
  CLI::App app{
      "IF4: quantize tensors to 4-bit blocks, and multiply them on the Verilated MAC unit and array"};
  app.require_subcommand(1);
  app.set_version_flag("--version", if4::generator(), "print the version and the commit, and stop");
  app.footer(if4::kFooter);
  int status = 0;
  for (const if4::Command* command : if4::kCommands) {
    CLI::App* const added = app.add_subcommand(command->name, command->summary);
    added->callback([&status, run = command->set_up(*added)] { status = run(); });
  }
  return if4::run(app, argc, argv, status);
}
