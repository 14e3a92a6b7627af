#include "sim/verilated/wave_file.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {
namespace {

namespace fs = std::filesystem;

// With less than this the library may stop the program: it maps its own unfinished files.
constexpr std::uintmax_t kLeastSpace = 4 << 20;

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw InputError(one_line(path) + ": cannot write: " + why);
}

// An FST file is blocks: a byte of type, 8 bytes of length, the highest first, and that length counts itself.
bool is_whole(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  std::uintmax_t at = 0;
  while (!error && at < size) {
    std::array<unsigned char, 9> head{};
    file.seekg(static_cast<std::streamoff>(at));
    if (!file.read(reinterpret_cast<char*>(head.data()), head.size())) return false;
    std::uint64_t length = 0;
    for (std::size_t i = 1; i < head.size(); ++i) length = length << 8 | head[i];
    constexpr unsigned char kUnfinished = 0xFF;
    if (head[0] == kUnfinished || length < 8 || length > size - at - 1) return false;
    at += 1 + length;
  }
  return !error && at != 0;
}

}  // namespace

void check_writable(const std::string& file, const std::string& named) {
  std::FILE* const opened = std::fopen(file.c_str(), "ab");
  if (opened == nullptr) fail(named, std::strerror(errno));
  std::fclose(opened);
}

WaveFile::WaveFile(const std::string& path) : path_(path) {
  if (path.empty()) return;
  std::error_code error;
  const auto status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw InputError(one_line(path) + ": cannot write a waveform to what is not a regular file");
  const fs::path target = fs::weakly_canonical(fs::absolute(path, error), error);
  target_ = error ? path : target.string();
  const fs::path folder = fs::path(target_).parent_path();
  const std::string temporary = folder / (".if4-" + std::to_string(::getpid()) + "-wave.tmp");
  check_writable(temporary, path);
  temporary_ = temporary;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < kLeastSpace) {
    fs::remove(temporary_, error);
    fail(path, "less than 4 MiB are free there");
  }
}

WaveFile::~WaveFile() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

void WaveFile::commit() {
  if (temporary_.empty()) return;
  if (!is_whole(temporary_)) fail(path_, "the waveform is not complete; is the disk full?");
  std::error_code error;
  fs::rename(temporary_, target_, error);
  if (error) fail(path_, error.message());
  temporary_.clear();
}

}  // namespace if4
