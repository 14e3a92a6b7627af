// Sentences from files: as ids of tokens, and as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace if4 {

/// The ids of a safetensors file: the tensor `ids` [sentences, most tokens] of I32 or I64, padded at will, and `lengths`
/// [sentences], how many of each row count; without `lengths` all do. Throws InputError, naming the file and the
/// sentence, where they are something else.
std::vector<std::vector<std::uint32_t>> read_ids(const std::string& path);

/// The lines of a text file that are not blank, without their line ends. Throws InputError, naming the file, where there is none,
/// and where it is larger than 64 MiB.
std::vector<std::string> read_sentences(const std::string& path);

}  // namespace if4
