// The commands of the program `if4`. Each is one file, NAME_command.cpp: its arguments, its options with
// their help, and what it does. To add one, write that file and name it in the two lists at the end of this
// one.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace if4 {

/// A command, such as `if4 quantize`.
struct Command {
  const char* name;
  const char* summary;  ///< a line of `if4 --help`, and the first one of `if4 NAME --help`
  /// Adds the options to `app`. What it returns is called once they are parsed: it runs the command, prints
  /// its report to stdout, and returns the exit code, 0 or, if a check failed, 1. Bad input is an InputError,
  /// which ends the program with exit code 2.
  std::function<int()> (*set_up)(CLI::App& app);
};

extern const Command kQuantizeCommand, kCompareCommand, kDequantizeCommand, kInspectCommand, kCosimCommand,
    kArrayCommand, kNetworkCommand, kTopologyCommand, kVectorsCommand, kReplayCommand;

#ifdef IF4_ONLY_COMMAND
/// The one of a program that has no other, and needs nothing of theirs.
inline constexpr const Command* kCommands[] = {&IF4_ONLY_COMMAND};
#else
/// All of them, in the order of `if4 --help`.
inline constexpr const Command* kCommands[] = {
    &kQuantizeCommand, &kCompareCommand, &kDequantizeCommand, &kInspectCommand, &kCosimCommand,
    &kArrayCommand,    &kNetworkCommand, &kTopologyCommand,   &kVectorsCommand, &kReplayCommand,
};
#endif

}  // namespace if4
