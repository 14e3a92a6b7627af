#include "sim/wave_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "model/atomic_file.hpp"
#include "model/error.hpp"

namespace if4 {

// VerilatedFstC removes whatever has the name, a device too, and stops the program where it cannot create the
// file: what could go wrong is found out here.
void check_wave_target(const std::string& wave) {
  std::error_code error;
  const auto status = std::filesystem::status(wave, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw InputError(one_line(wave) + ": cannot write a waveform to what is not a regular file");
  }
  std::FILE* file = std::fopen(wave.c_str(), "ab");
  if (file == nullptr) throw InputError(one_line(wave) + ": cannot write: " + std::strerror(errno));
  std::fclose(file);
}

}  // namespace if4
