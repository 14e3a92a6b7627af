// What a path must be that a command is to write to.
#pragma once

#include <string>
#include <vector>

namespace if4 {

/// Throws InputError where `output` is one of the files or folders `inputs`, is in one of these folders, or holds
/// one of them: by what the paths lead to, whatever links are on the way.
void check_not_input(const std::string& output, const std::vector<std::string>& inputs);

/// Throws InputError where a safetensors file cannot be called `output`: its name has an ending, and another one
/// than .safetensors. What is no regular file, such as /dev/stdout, may have any name.
void check_safetensors_name(const std::string& output);

}  // namespace if4
