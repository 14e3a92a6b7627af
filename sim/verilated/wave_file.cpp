#include "sim/verilated/wave_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

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
constexpr const char* kWaveName = "wave.fst";

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

Wave wave_around(Wave wave, std::uint64_t clock) {
  const std::uint64_t end = clock + 1 + wave.cycles / 8;
  if (end > wave.cycles) wave.first = end - wave.cycles;
  return wave;
}

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
  if (!folder_.create(target_, [](const char* name) { return ::mkdir(name, 0777) == 0; }))
    fail(path, std::strerror(errno));
  check_writable(temporary(), path);
  const fs::space_info space = fs::space(folder_.path(), error);
  if (!error && space.available < kLeastSpace) fail(path, "less than 4 MiB are free there");
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < kLeastSpace)
    fail(path, "the limit of the size of files (ulimit -f) is below 4 MiB");
}

std::string WaveFile::temporary() const {
  return folder_.path().empty() ? "" : folder_.path() + "/" + kWaveName;
}

void WaveFile::commit() {
  if (folder_.path().empty()) return;
  if (!is_whole(temporary())) fail(path_, "the waveform is not complete; is the disk full?");
  if (!folder_.rename(target_, kWaveName)) fail(path_, std::strerror(errno));
}

}  // namespace if4
