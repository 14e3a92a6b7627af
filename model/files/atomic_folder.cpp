#include "model/files/atomic_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "model/core/error.hpp"
#include "model/core/text.hpp"

namespace if4 {

namespace fs = std::filesystem;

AtomicFolder::AtomicFolder(const std::string& path) : path_(path) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  std::error_code ignored, error;
  const bool exists = fs::exists(fs::symlink_status(path_, ignored));
  if (exists && !fs::is_directory(path_, ignored)) fail(ENOTDIR);
  const bool empty = exists && fs::is_empty(path_, error);
  if (error) fail(error.value());
  if (exists && !empty) throw InputError(one_line(path_) + ": the output folder is not empty");
  // Where the path is a link to an empty folder, that folder is replaced, and the link stays.
  if (exists) path_ = fs::canonical(path_, error).string();
  if (error) fail(error.value());
  if (!temporary_.create(path_, [](const char* name) { return ::mkdir(name, 0777) == 0; })) fail(errno);
}

void AtomicFolder::commit() {
  // The names of the files are on the disk before the folder gets its own. Not every file system does this.
  const int folder = ::open(temporary_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    static_cast<void>(::fsync(folder));
    ::close(folder);
  }
  // An empty folder is replaced; one that meanwhile holds something is not.
  if (!temporary_.rename(path_)) fail(errno);
}

void AtomicFolder::fail(int error) const {
  throw InputError(one_line(path_) + ": cannot write: " + std::generic_category().message(error));
}

}  // namespace if4
