// What commands that run products on the array have in common: the options of the system, and the files of a run.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/files/atomic_file.hpp"
#include "sim/program/array_runner.hpp"
#include "sim/program/options.hpp"

namespace if4 {

/// As they were given.
struct SystemOptions {
  std::string config;                                      ///< JSON file of knobs; empty: none
  std::string clock_from;                                  ///< result.json of a synthesis; empty: none
  std::vector<std::pair<std::string, std::string>> knobs;  ///< those that the command line sets, in order
};
/// --config, and an option for every knob but `without`.
void add_system(CLI::App& app, SystemOptions& options, const std::string& without = "");
/// --engine.
void add_engine(CLI::App& app, ArrayEngine& engine, const std::string& help);
/// The system that they describe; a line on stderr says where its clock is above the one that --clock-from allows.
/// Throws InputError where they describe none.
SystemConfig make_config(const SystemOptions& options);

/// The files of a run.
class RunFiles {
 public:
  /// Notes a file that `option` names. Throws InputError, naming both options, if it is to be written and is one
  /// that was noted before. An empty path, and what is in /dev or /proc, is no file.
  void use(const std::string& option, const std::string& path, bool written);

 private:
  std::map<std::string, std::string> used_;  // by path: the option
};

/// A file of the report, created before anything runs: a run of hours does not end at a folder that is missing.
class ReportFile {
 public:
  /// Throws InputError if it cannot be created. An empty path is no file.
  explicit ReportFile(const std::string& path)
      : file_(path.empty() ? nullptr : std::make_unique<AtomicFile>(path)) {}
  template <typename Text>
  void write(const Text& text) {
    if (file_ == nullptr) return;
    file_->write(text());
    file_->commit();
  }

 private:
  std::unique_ptr<AtomicFile> file_;
};

}  // namespace if4
