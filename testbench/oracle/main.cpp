// Compares the quantizer with files of reference results. Exit status: 0 if all is equal but for the known
// exceptions, 1 after a difference or where there is nothing to compare, 2 after bad arguments or a file that
// cannot be read.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "testbench/oracle/check.hpp"

namespace {

/// `argument` itself, or the files of reference results in it where it is a folder.
std::vector<std::string> files_of(const std::string& argument) {
  if (!std::filesystem::is_directory(argument)) return {argument};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(argument)) {
    const std::string path = entry.path().string();
    if (entry.path().extension() == ".safetensors" && if4::is_reference_file(path)) files.push_back(path);
  }
  if (files.empty())
    throw if4::InputError(argument + ": the folder has no file of reference results (*.safetensors)");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " ORACLE...  (a safetensors file, or a folder of them)\n";
    return 2;
  }
  try {
    bool ok = true;
    for (int i = 1; i < argc; ++i) {
      for (const std::string& file : files_of(argv[i])) {
        const if4::ReferenceReport report = if4::compare_with_reference(file);
        std::cout << if4::to_text(report);
        ok = ok && report.ok();
      }
    }
    std::cout << (ok ? "oracle: pass" : "oracle: FAIL") << std::endl;
    if (!std::cout) throw if4::InputError("standard output cannot be written");
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 2;
  }
}
