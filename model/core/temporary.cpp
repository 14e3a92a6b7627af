#include "model/core/temporary.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

namespace if4 {
namespace {

struct Registry {
  std::mutex mutex;
  std::set<std::string> paths;
  unsigned counter = 0;
};

// Never destroyed, since a signal may come while the process already ends.
Registry& registry() {
  static auto* const all = new Registry;
  return *all;
}

// Another thread may just now make a file in the folder, which then is not empty.
void remove(const std::string& path) {
  constexpr int kTries = 100;
  std::error_code error;
  for (int i = 0; i < kTries; ++i) {
    std::filesystem::remove_all(path, error);
    if (!error) return;
  }
}

}  // namespace

Temporary::~Temporary() {
  if (path_.empty()) return;
  const std::lock_guard<std::mutex> lock(registry().mutex);
  remove(path_);
  registry().paths.erase(path_);
}

bool Temporary::create(const std::string& target, const std::function<bool(const char* name)>& make) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const std::size_t slash = target.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  for (;;) {
    // The final name is no part of this one, as it may already be as long as a name can be.
    const std::string name =
        folder + ".if4-" + std::to_string(::getpid()) + "-" + std::to_string(all.counter++) + ".tmp";
    if (make(name.c_str())) {
      path_ = name;
      all.paths.insert(name);
      return true;
    }
    if (errno != EEXIST) return false;
  }
}

bool Temporary::rename(const std::string& target, const std::string& inside) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const std::string from = inside.empty() ? path_ : path_ + "/" + inside;
  if (std::rename(from.c_str(), target.c_str()) != 0) return false;
  if (inside.empty()) {
    all.paths.erase(path_);
    path_.clear();
  }
  return true;
}

void remove_temporaries() {
  Registry& all = registry();
  all.mutex.lock();
  for (const std::string& path : all.paths) remove(path);
}

}  // namespace if4
