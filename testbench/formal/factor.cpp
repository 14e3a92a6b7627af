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
  bool warm = false;  // both registers hold what this program gave
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
        // Two clocks more for what is still in the registers.
        for (std::int32_t dot = -bound; dot <= bound + 16; dot += 8) {
          top.dot_i = static_cast<std::uint32_t>(dot);
          clock();
          if (warm && top.wrong_o != 0) {
            std::printf("REFUTED types %d, significands %d and %d, D about %d\n", types, a, w, dot - 8);
            return 0;
          }
          warm = warm || dot > -bound;
        }
      }
    }
  }
  std::printf("PROVED %llu cases\n", static_cast<unsigned long long>(cases));
  return 0;
}
