// Files for the tests of the readers and writers: a folder of their own, raw bytes in and out, the message of
// an error.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "testbench/support/catch.hpp"

namespace if4::testing {

namespace fs = std::filesystem;

/// A directory that lives as long as the test.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "if4-io-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

inline void put(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  REQUIRE(file.good());
}

inline std::string get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
inline std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string little_endian(std::uint64_t value, std::size_t size) {
  return {reinterpret_cast<const char*>(&value), size};
}

inline std::string safetensors(const std::string& header, const std::string& data = "") {
  return little_endian(header.size(), 8) + header + data;
}

inline std::string npy(const std::string& header, const std::string& data, int major = 1) {
  return std::string("\x93NUMPY") + static_cast<char>(major) + '\0' +
         little_endian(header.size(), major == 1 ? 2 : 4) + header + data;
}

/// The message of the InputError that `action` must throw; checks what all of them have in common.
inline std::string error_of(const std::string& path, const std::function<void()>& action) {
  try {
    action();
    FAIL("no InputError");
  } catch (const if4::InputError& error) {
    const std::string message = error.what();
    INFO(message);
    CHECK(message.rfind(path + ": ", 0) == 0);
    CHECK(
        std::none_of(message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }));
    return message;
  }
  return "";
}

inline void check_contains(const std::string& message, const std::string& fragment) {
  INFO(message);
  INFO("expected: " << fragment);
  CHECK(message.find(fragment) != std::string::npos);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return bytes_of(a) == bytes_of(b);
}

/// A malformed file and a part of the message it must give.
struct BadFile {
  std::string bytes;
  std::string fragment;
};

}  // namespace if4::testing
