// Runs through every case of factor.sv. Prints PROVED and their number, or REFUTED and the first that is
// wrong.
#include <cstdint>
#include <cstdio>
#include <set>

#include "Vfactor.h"
#include "verilated.h"

int main() {
  VerilatedContext context;
  Vfactor top{&context};
  std::uint64_t cases = 0;
  int clocks = 0;  // up to when all registers hold what this program gave
  const auto clock = [&] {
    top.clk_i = 0;
    top.eval();
    top.clk_i = 1;
    top.eval();
  };
  for (int types = 0; types < 4; ++types) {
    top.a_int_i = types & 1;
    top.w_int_i = (types >> 1) & 1;
    std::set<int> products;
    for (int a = 0; a < 16; ++a) {
      for (int w = 0; w < 16; ++w) {
        if (!products.insert(a * w).second) continue;
        top.a_significand_i = static_cast<std::uint8_t>(a);
        top.w_significand_i = static_cast<std::uint8_t>(w);
        top.eval();
        const auto bound = static_cast<std::int32_t>(top.bound_o);
        cases += 2 * static_cast<std::uint64_t>(bound) + 1;
        // As many clocks more as there are stages, for what is still in their registers.
        const auto stages = static_cast<int>(top.stages_o);
        for (std::int32_t dot = -bound; dot <= bound + 8 * stages; dot += 8) {
          top.dot_i = static_cast<std::uint32_t>(dot);
          clock();
          if (clocks < stages) ++clocks;
          if (clocks == stages && top.wrong_o != 0) {
            std::printf("REFUTED types %d, significands %d and %d, D about %d\n", types, a, w,
                        dot - 8 * (stages - 1));
            return 0;
          }
        }
      }
    }
  }
  std::printf("PROVED %llu cases\n", static_cast<unsigned long long>(cases));
  return 0;
}
