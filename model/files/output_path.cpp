#include "model/files/output_path.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {
namespace {

namespace fs = std::filesystem;

/// The path with all links followed, as far as it exists.
fs::path real(const std::string& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(fs::absolute(path), error);
  if (error) return fs::absolute(path).lexically_normal();
  return result.has_filename() ? result : result.parent_path();  // without a slash at the end
}

bool begins_with(const fs::path& path, const fs::path& start) {
  return std::mismatch(start.begin(), start.end(), path.begin(), path.end()).first == start.end();
}

}  // namespace

void check_not_input(const std::string& output, const std::vector<std::string>& inputs) {
  std::error_code ignored;
  for (const std::string& input : inputs) {
    const fs::path to = real(output), from = real(input);
    const bool same = fs::equivalent(output, input, ignored);  // hard links too
    const bool inside = fs::is_directory(from, ignored) && begins_with(to, from);
    const bool around = fs::is_directory(to, ignored) && begins_with(from, to);
    if (same || to == from) throw InputError(one_line(output) + ": the output is the input");
    if (inside) throw InputError(one_line(output) + ": the output is in the input folder");
    if (around) throw InputError(one_line(output) + ": the output folder holds the input");
  }
}

void check_safetensors_name(const std::string& output) {
  std::error_code ignored;
  const std::string ending = fs::path(output).extension().string();
  if (ending.empty() || ending == ".safetensors") return;
  if (fs::exists(output, ignored) && !fs::is_regular_file(output, ignored) &&
      !fs::is_directory(output, ignored))
    return;
  throw InputError(one_line(output) +
                   ": a safetensors file is written, and its name must end in .safetensors");
}

}  // namespace if4
