// Files whose input and output is checked: every failure is an InputError that begins with the name
// of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/core/temporary.hpp"

namespace if4 {

/// A regular file that is open for reading at any offset. There is no position that reads would move, so
/// several threads may read at the same time.
class InputFile {
 public:
  /// Throws where the file cannot be opened or is not a regular file.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  InputFile& operator=(InputFile&&) = delete;

  const std::string& path() const { return path_; }
  /// The size in bytes that the file had when it was opened.
  std::uint64_t size() const { return size_; }
  /// Reads `size` bytes from byte `offset` of the file on to `to`. Throws where the file ends before that.
  void read(std::uint64_t offset, void* to, std::size_t size) const;

  /// The whole file as memory to read, valid as long as the object; null for an empty file. Throws where the
  /// file cannot be mapped.
  const std::uint8_t* map();
  /// Gives back the memory that this part of the mapping takes. It is read from the file again where it is
  /// used again.
  void release(std::uint64_t offset, std::uint64_t size) const;

  /// What the file is by its first bytes, for messages: file_kind().
  std::optional<std::string> kind() const;

  /// Throws InputError "PATH: MESSAGE".
  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  void* mapping_ = nullptr;
  std::uint64_t size_ = 0;
};

/// An output file that gets its name only when it is complete: it is written to a temporary file in the same
/// directory, which commit() renames. Without commit() the destructor removes the temporary file, and an
/// older file of that name stays as it was.
/// A device, a FIFO or a socket is written directly, and so is a descriptor of this process (/dev/stdout,
/// /dev/fd/N), at its current position. Where the path is a symbolic link, the link is kept and its target is
/// replaced.
class AtomicFile {
 public:
  /// Throws where the file cannot be created and where `path` is a directory. Messages call it `named`, or by its
  /// path: a file of an AtomicFolder is to have another one later.
  explicit AtomicFile(const std::string& path, const std::string& named = "");
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. Throws where they cannot be written; as output is buffered, a later call may be the one
  /// that throws.
  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Writes bytes from byte `offset` on, beyond the end or over what is there. A file takes either write() or
  /// write_at(). Bytes for a device or a pipe wait in an unnamed temporary file until commit().
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  /// Waits until the bytes are on the disk and gives the file its name. Throws where that fails. Nothing may
  /// be written afterwards.
  void commit();

 private:
  void create_temporary();
  void flush();
  void write_through(const char* data, std::size_t size);
  void send_spool();
  [[noreturn]] void fail(int error) const;

  std::string path_;     ///< as the user wrote it, for messages
  std::string target_;   ///< the file that commit() replaces
  Temporary temporary_;  ///< the file that is written meanwhile; none where the target is written directly
  std::string buffer_;
  int descriptor_ = -1;
  int spool_ = -1;  ///< the unnamed temporary file of write_at(); -1 where there is none
};

/// Writes `text` as the whole content of `path`, through an AtomicFile.
void write_text_file(const std::string& path, std::string_view text);

}  // namespace if4
