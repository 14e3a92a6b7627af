// Where a waveform is to go.
#pragma once

#include <string>

namespace if4 {

/// Throws InputError unless a waveform can be written to that file: it cannot be created, or is something
/// else than a regular file.
void check_wave_target(const std::string& wave);

}  // namespace if4
