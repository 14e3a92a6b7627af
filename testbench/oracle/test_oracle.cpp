// The quantizer against outputs of the published one, and the comparison itself.
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "model/core/error.hpp"
#include "model/files/safetensors.hpp"
#include "testbench/oracle/check.hpp"
#include "testbench/support/catch.hpp"
#include "testbench/support/file_testing.hpp"

using namespace if4::testing;

namespace {

const std::string kSample = "testbench/data/oracle_subset.safetensors";

}  // namespace

TEST_CASE("the quantizer agrees with the reference results of the sample", "[quantizer]") {
  const if4::ReferenceReport report = if4::compare_with_reference(kSample);
  INFO(if4::to_text(report));
  CHECK(report.ok());
  CHECK(report.rotated == 768);
  REQUIRE(report.counts.size() == 19);
  for (const if4::ReferenceCount& count : report.counts) {
    CAPTURE(count.label);
    CHECK(count.blocks >= 192);
    CHECK(count.failures == 0);
    CHECK(count.near_ties <= 14);
    CHECK(count.wrapped <= 2);
    CHECK(count.overflowed <= 48);
    CHECK((count.reference_nan == 48 || count.reference_nan == 0));
    const bool may_wrap = count.label.find("4.") != std::string::npos;
    if (!may_wrap) CHECK(count.wrapped == 0);
  }
  CHECK(report.counts[0].label == "if4.mse");
  CHECK(report.counts[0].blocks == 936);
  CHECK(report.counts[0].equal == 850);
  CHECK(report.counts[0].overflowed == 33);
}

TEST_CASE("the comparison with reference results notices a difference", "[quantizer]") {
  std::string bytes = get(kSample);
  std::uint64_t header = 0;
  REQUIRE(bytes.size() > sizeof header);
  std::memcpy(&header, bytes.data(), sizeof header);
  const if4::SafetensorsFile file(kSample);

  struct Change {
    const char* tensor;
    std::size_t byte;
    unsigned char mask;
    std::size_t block_failures;
    std::size_t tensor_failures;
  };
  const Change change = GENERATE(
      Change{"normal/if4.mse/codes", 100, 1, 1, 0}, Change{"normal/if4.mae/scales", 5, 1, 1, 0},
      Change{"normal/if4.abs_max/scales", 5, 0x80, 1, 0},
      Change{"wide_range/nvfp4.static_6/codes", 3, 8, 1, 0}, Change{"huge/if4.mse/codes", 7, 2, 1, 0},
      Change{"subnormal/if4.mse/scales", 7, 4, 1, 0}, Change{"laplace/nvfp4.static_6/amax", 0, 1, 0, 1},
      Change{"normal/mxfp4.static_6/scales", 3, 1, 1, 0}, Change{"normal.2/if3/q", 9, 1, 1, 0},
      Change{"normal/if6_e3m2.mse/codes", 9, 32, 1, 0}, Change{"laplace.2d/if4.mse.2d/codes", 1, 1, 16, 0},
      Change{"normal/nvfp4.mse/scales", 2, 4, 1, 0}, Change{"rht/x_rotated_bf16", 2, 1, 0, 1},
      Change{"rht/matrix", 3, 0x80, 0, 1});
  CAPTURE(change.tensor);
  const if4::TensorInfo* info = file.find(change.tensor);
  REQUIRE(info != nullptr);
  char& byte = bytes[8 + header + info->begin + change.byte];
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ change.mask);
  const TempDir folder;
  const std::string path = folder / "changed.safetensors";
  put(path, bytes);

  const if4::ReferenceReport report = if4::compare_with_reference(path);
  std::size_t failures = 0;
  for (const if4::ReferenceCount& count : report.counts) failures += count.failures;
  CHECK_FALSE(report.ok());
  CHECK(failures == change.block_failures);
  CHECK(report.tensor_failures == change.tensor_failures);
  CHECK(report.messages.size() == 1);
}

TEST_CASE("reference results without a block to compare do not pass", "[quantizer]") {
  const TempDir folder;
  const std::string path = folder / "empty.safetensors";
  const float x[16] = {};
  if4::write_safetensors(path, {{"normal/x", if4::DType::kF32, {1, 16}, x, sizeof x}}, {});
  const if4::ReferenceReport report = if4::compare_with_reference(path);
  CHECK(if4::is_reference_file(path));
  CHECK_FALSE(report.ok());
  CHECK(report.messages.size() == 1);
}
