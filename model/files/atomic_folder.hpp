// An output folder that appears complete or not at all.
#pragma once

#include <string>

#include "model/core/temporary.hpp"

namespace if4 {

/// The files are written to a temporary folder beside the final one, which commit() renames. Without commit()
/// the destructor removes it with all that is in it.
class AtomicFolder {
 public:
  /// Throws InputError where `path` exists and is not an empty folder, and where the folder cannot be made.
  explicit AtomicFolder(const std::string& path);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where a file of that name is to be written.
  std::string operator/(const std::string& name) const { return temporary_.path() + "/" + name; }
  /// What it will be called.
  std::string final_name(const std::string& name) const { return path_ + "/" + name; }
  /// Gives the folder its name. Throws InputError where that fails. Its files must be complete and closed.
  void commit();

 private:
  [[noreturn]] void fail(int error) const;

  std::string path_;
  Temporary temporary_;  ///< none once it is renamed
};

}  // namespace if4
