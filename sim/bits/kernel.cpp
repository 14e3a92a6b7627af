#include "sim/bits/kernel.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "model/core/error.hpp"

namespace if4 {
namespace {

// In a function, since other sources add to it before main().
std::map<std::string_view, BitsNetlist (*)()>& makers() {
  static std::map<std::string_view, BitsNetlist (*)()> all;
  return all;
}

bool runs_here(std::string_view target) {
#ifdef __x86_64__
  if (target == "avx512") return __builtin_cpu_supports("avx512f") != 0;
  if (target == "avx2") return __builtin_cpu_supports("avx2") != 0;
#endif
  return target == "portable";
}

BitsNetlist supported(BitsNetlist netlist) {
  auto& kernels = netlist.kernels;
  kernels.erase(std::remove_if(kernels.begin(), kernels.end(),
                               [](const BitsKernel& kernel) { return !runs_here(kernel.target); }),
                kernels.end());
  return netlist;
}

}  // namespace

BitsRegistration::BitsRegistration(std::string_view build, BitsNetlist (*make)()) {
  makers().emplace(build, make);
}

bool has_bits_netlist(std::string_view build) { return makers().find(build) != makers().end(); }

const BitsNetlist& bits_netlist(std::string_view build) {
  static std::recursive_mutex mutex;  // one netlist may be made of another
  static std::map<std::string_view, BitsNetlist> netlists;
  const std::lock_guard<std::recursive_mutex> lock(mutex);
  const auto found = netlists.find(build);
  if (found != netlists.end()) return found->second;
  const auto maker = makers().find(build);
  if (maker != makers().end()) {
    BitsNetlist netlist = supported(maker->second());
    return netlists.emplace(maker->first, std::move(netlist)).first->second;
  }
  throw InputError("this program was built without the bits engine of " + std::string(build) +
                   "; `make build` makes one that has it");
}

const BitsKernel& bits_kernel(const BitsNetlist& netlist, std::string_view target) {
  for (const BitsKernel& kernel : netlist.kernels)
    if (target.empty() || kernel.target == target) return kernel;
  throw std::invalid_argument("this machine has no kernel '" + std::string(target) + "'");
}

}  // namespace if4
