// What a file is, by its first bytes, so that a message about a file of the wrong kind can say it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace if4 {

/// As much of a file as file_kind() makes use of.
inline constexpr std::size_t kKindPrefix = 4096;

/// "a GGUF file", "a PyTorch checkpoint (a pickle in a zip archive)", "a Git LFS pointer: the file itself was not
/// fetched", ...; nothing where the content is of no known kind. `prefix` is what a file of `size` bytes begins with:
/// kKindPrefix bytes, or all of them.
std::optional<std::string> file_kind(std::string_view prefix, std::uint64_t size);

}  // namespace if4
