#include "model/files/atomic_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "model/core/error.hpp"
#include "model/core/file_kind.hpp"
#include "model/core/text.hpp"

namespace if4 {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

std::string reason(int error) { return std::generic_category().message(error); }

/// The open descriptor of this process that the path stands for, even where it leads to a regular file.
std::optional<int> descriptor_of(std::string_view path) {
  if (path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view directory : {"/dev/fd/", "/proc/self/fd/"}) {
    if (path.substr(0, directory.size()) != directory) continue;
    int descriptor = -1;
    const char* const end = path.data() + path.size();
    const auto [last, error] = std::from_chars(path.data() + directory.size(), end, descriptor);
    if (error == std::errc{} && last == end && descriptor >= 0) return descriptor;
  }
  return std::nullopt;
}

int open_retrying(const char* path, int flags, mode_t mode = 0) {
  int descriptor = -1;
  do {
    descriptor = ::open(path, flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  // Without O_NONBLOCK, the opening of a FIFO would wait for a writer, and the FIFO could not be refused.
  descriptor_ = open_retrying(path.c_str(), O_RDONLY | O_NONBLOCK);
  if (descriptor_ < 0) fail("cannot open: " + reason(errno));
  struct stat status {};
  const int result = ::fstat(descriptor_, &status);
  const int error = errno;
  if (result == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(descriptor_);
  if (result != 0) fail("cannot read: " + reason(error));
  fail(S_ISDIR(status.st_mode) ? "cannot read: " + reason(EISDIR) : "cannot read: not a regular file");
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      size_(other.size_) {}

InputFile::~InputFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::read(std::uint64_t offset, void* to, std::size_t size) const {
  auto* next = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t count = ::pread(descriptor_, next, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot read: " + reason(errno));
    if (count == 0) fail("cannot read: the file ends at byte " + std::to_string(offset));
    next += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

const std::uint8_t* InputFile::map() {
  if (mapping_ == nullptr && size_ != 0) {
    void* const memory = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_, 0);
    if (memory == MAP_FAILED) fail("cannot map into memory: " + reason(errno));
    mapping_ = memory;
  }
  return static_cast<const std::uint8_t*>(mapping_);
}

void InputFile::release(std::uint64_t offset, std::uint64_t size) const {
  // The system takes whole pages only. This is advice, which may fail without harm.
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = (offset + page - 1) / page * page;
  const std::uint64_t last = (offset + size) / page * page;
  if (mapping_ == nullptr || last <= first) return;
  static_cast<void>(::madvise(static_cast<std::uint8_t*>(mapping_) + first, last - first, MADV_DONTNEED));
}

std::optional<std::string> InputFile::kind() const {
  std::string prefix(std::min<std::uint64_t>(size_, kKindPrefix), '\0');
  read(0, prefix.data(), prefix.size());
  return file_kind(prefix, size_);
}

void InputFile::fail(const std::string& message) const { throw InputError(one_line(path_) + ": " + message); }

AtomicFile::AtomicFile(const std::string& path, const std::string& named)
    : path_(named.empty() ? path : named), target_(path) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) fail(EISDIR);
  const std::optional<int> open_already = descriptor_of(path);
  if (open_already || (exists && !S_ISREG(status.st_mode))) {
    // A duplicate of the descriptor has the same position as the original, and can be made of a socket too.
    descriptor_ =
        open_already ? ::fcntl(*open_already, F_DUPFD_CLOEXEC, 0) : open_retrying(path.c_str(), O_WRONLY);
    if (descriptor_ < 0) fail(errno);
    return;
  }
  if (exists) {
    const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
    if (!resolved) fail(errno);
    target_ = resolved.get();
  }
  create_temporary();
  // A file that was private before stays private. On a file system without modes this fails without harm.
  if (exists) static_cast<void>(::fchmod(descriptor_, status.st_mode & 07777U) == 0);
}

AtomicFile::~AtomicFile() {
  if (spool_ >= 0) ::close(spool_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AtomicFile::create_temporary() {
  const auto make = [this](const char* name) {
    descriptor_ = open_retrying(name, O_WRONLY | O_CREAT | O_EXCL, 0666);
    return descriptor_ >= 0;
  };
  if (!temporary_.create(target_, make)) fail(errno);
}

void AtomicFile::write(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  if (buffer_.size() + size > kBufferBytes) flush();
  if (size > kBufferBytes) {
    write_through(bytes, size);
  } else {
    buffer_.append(bytes, size);
  }
}

void AtomicFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_through(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::write(descriptor_, data, std::min<std::size_t>(size, INT_MAX));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno);
    data += count;
    size -= static_cast<std::size_t>(count);
  }
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  if (temporary_.path().empty() && spool_ < 0) {
    std::FILE* const file = std::tmpfile();  // has no name in any folder
    if (file == nullptr) fail(errno);
    spool_ = ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 0);
    const int error = errno;
    std::fclose(file);
    if (spool_ < 0) fail(error);
  }
  const auto* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::pwrite(temporary_.path().empty() ? spool_ : descriptor_, next,
                                   std::min<std::size_t>(size, INT_MAX), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno);
    next += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
}

void AtomicFile::send_spool() {
  std::string part(kBufferBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t count = ::pread(spool_, part.data(), part.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno);
    if (count == 0) return;
    write_through(part.data(), static_cast<std::size_t>(count));
    offset += count;
  }
}

void AtomicFile::commit() {
  flush();
  if (spool_ >= 0) send_spool();
  // fsync() fails for devices and pipes, which have nothing to synchronize.
  if (!temporary_.path().empty() && ::fsync(descriptor_) != 0) fail(errno);
  // close() gives the descriptor back even where it fails.
  if (::close(std::exchange(descriptor_, -1)) != 0) fail(errno);
  if (temporary_.path().empty()) return;
  if (!temporary_.rename(target_)) fail(errno);
}

void AtomicFile::fail(int error) const {
  throw InputError(one_line(path_) + ": cannot write: " + reason(error));
}

void write_text_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace if4
