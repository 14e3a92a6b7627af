// Files with checked input and output: every failure is an InputError that starts with the file's name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace if4 {

/// A regular file open for reading at any offset. Not copyable; reads do not move a shared position.
class InputFile {
 public:
  /// Throws if the file cannot be opened or is not a regular file.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  InputFile& operator=(InputFile&&) = delete;

  const std::string& path() const { return path_; }
  /// Bytes, as of the opening.
  std::uint64_t size() const { return size_; }
  /// Fills `size` bytes at `to` from byte `offset` on. Throws if the file ends before that.
  void read(std::uint64_t offset, void* to, std::size_t size) const;

  /// The whole file as read-only memory, valid as long as the object. Throws if it cannot be mapped. An empty
  /// file has no address.
  const std::uint8_t* map();
  /// Lets go of the memory of that part of the mapping; it is read again where it is used again.
  void release(std::uint64_t offset, std::uint64_t size) const;

  /// An InputError "PATH: MESSAGE" to throw.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  void* mapping_ = nullptr;
  std::uint64_t size_ = 0;
};

/// An output file that gets its name only when complete: written to a temporary in the same directory,
/// renamed by commit(). Without commit() the destructor removes the temporary and an older file of that name
/// stays as it was. A device, FIFO or socket (/dev/full) is written directly, and so is a descriptor of this
/// process
/// (/dev/stdout, /dev/fd/N), at its current position. A symbolic link is kept, its target replaced. A process
/// that is killed leaves its temporary ".if4-PID-N.tmp" behind.
class AtomicFile {
 public:
  /// Throws if the file cannot be created, or `path` is a directory.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws if the bytes cannot be written; as output is buffered, the next call may be the one to
  /// throw.
  void write(const void* data, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Writes at byte `offset`, beyond the end or over what is there; not to be mixed with write(). What is to
  /// go to a device or a pipe waits in an unnamed temporary file until commit().
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  /// Makes the file appear under its name once its bytes are on the disk. Throws if that fails. Nothing may
  /// be written after.
  void commit();

 private:
  void create_temporary();
  void flush();
  void write_through(const char* data, std::size_t size);
  void send_spool();
  [[noreturn]] void fail(int error) const;

  std::string path_;       ///< as the user wrote it, for messages
  std::string target_;     ///< what commit() replaces
  std::string temporary_;  ///< empty when writing directly
  std::string buffer_;
  int descriptor_ = -1;
  int spool_ = -1;  ///< of write_at() to a device
};

/// Writes `text` as the whole content of `path` through an AtomicFile.
void write_text_file(const std::string& path, std::string_view text);

}  // namespace if4
