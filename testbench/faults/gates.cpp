#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "testbench/faults/gates.cpp"
// clang-format off: Highway needs this order
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#include "testbench/faults/packed.hpp"

HWY_BEFORE_NAMESPACE();
namespace if4::faults {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<std::uint64_t, kWordParts>;

template <class Function>
HWY_INLINE void Apply(const Run& run, const Operation* operations, Word* words, const Function& function) {
  const D d;
  for (std::size_t i = run.begin; i < run.end; ++i) {
    const Operation& operation = operations[i];
    const std::uint64_t* a = words[operation.a].part;
    const std::uint64_t* b = words[operation.b].part;
    std::uint64_t* out = words[operation.out].part;
    for (std::size_t part = 0; part < kWordParts; part += hn::Lanes(d))
      hn::Store(function(hn::Load(d, a + part), hn::Load(d, b + part)), d, out + part);
  }
}

void RunGates(const Run* runs, std::size_t count, const Operation* operations, Word* words) {
  using V = hn::Vec<D>;
  for (const Run* run = runs; run != runs + count; ++run) {
    const auto apply = [&](const auto& function) HWY_ATTR { Apply(*run, operations, words, function); };
    switch (run->gate) {
      case Gate::kBuffer:
        apply([](V a, V) HWY_ATTR { return a; });
        break;
      case Gate::kNot:
        apply([](V a, V) HWY_ATTR { return hn::Not(a); });
        break;
      case Gate::kAnd:
        apply([](V a, V b) HWY_ATTR { return hn::And(a, b); });
        break;
      case Gate::kNand:
        apply([](V a, V b) HWY_ATTR { return hn::Not(hn::And(a, b)); });
        break;
      case Gate::kOr:
        apply([](V a, V b) HWY_ATTR { return hn::Or(a, b); });
        break;
      case Gate::kNor:
        apply([](V a, V b) HWY_ATTR { return hn::Not(hn::Or(a, b)); });
        break;
      case Gate::kXor:
        apply([](V a, V b) HWY_ATTR { return hn::Xor(a, b); });
        break;
      case Gate::kXnor:
        apply([](V a, V b) HWY_ATTR { return hn::Not(hn::Xor(a, b)); });
        break;
      default:
        break;
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace if4::faults
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace if4::faults {

HWY_EXPORT(RunGates);

void run_gates(const Run* runs, std::size_t count, const Operation* operations, Word* words) {
  HWY_DYNAMIC_DISPATCH(RunGates)(runs, count, operations, words);
}

}  // namespace if4::faults
#endif
