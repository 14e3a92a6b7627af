// An output folder that appears complete or not at all.
#pragma once

#include <string>

namespace if4 {

/// The files are written to a temporary folder beside the final one, which commit() renames. Without commit()
/// the destructor removes it with all that is in it. A process that is killed leaves ".if4-PID-N.tmp" behind.
class AtomicFolder {
 public:
  /// Throws InputError where `path` exists and is not an empty folder, and where the folder cannot be made.
  explicit AtomicFolder(const std::string& path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where a file of that name is to be written.
  std::string operator/(const std::string& name) const { return temporary_ + "/" + name; }
  /// Gives the folder its name. Throws InputError where that fails. Its files must be complete and closed.
  void commit();

 private:
  [[noreturn]] void fail(int error) const;

  std::string path_;
  std::string temporary_;  ///< empty once it is renamed
};

}  // namespace if4
