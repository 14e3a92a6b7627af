// The order of scales in the tiles of tensor cores.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/core/tiled_scales.hpp"
#include "testbench/support/catch.hpp"

TEST_CASE("tiled scales are put back in order", "[quantizer]") {
  // 130 x 5 takes 2 x 2 tiles of 512 bytes.
  REQUIRE(if4::tiled_size(130, 5) == 2048);
  const struct {
    std::size_t row, column, position;
  } places[] = {{0, 0, 0},   {0, 3, 3},     {1, 0, 16},  {31, 0, 496},   {32, 0, 4},
                {96, 2, 14}, {127, 3, 511}, {0, 4, 512}, {128, 0, 1024}, {129, 4, 1552}};
  for (const auto& place : places) {
    CAPTURE(place.row, place.column);
    std::vector<std::uint8_t> tiled(2048);
    tiled[place.position] = 1;
    std::vector<std::uint8_t> expected(130 * 5);
    expected[place.row * 5 + place.column] = 1;
    CHECK(if4::untile_scales(tiled, 130, 5) == expected);
    CHECK(if4::tile_scales(expected, 130, 5) == tiled);
  }
}
