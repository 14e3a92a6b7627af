// `make install` into an empty folder, and other projects that use what it put there.
#include <sstream>
#include <string>

#include "testbench/support/catch.hpp"
#include "testbench/support/shell_testing.hpp"

using namespace if4::testing;

namespace {

// Every program below multiplies the two beats that README.md multiplies by hand.
constexpr const char* kResult = "41d24e5e";

constexpr const char* kCpp = R"(#include <cstdio>
#include <model/core/error.hpp>
#include <model/mac/gemm.hpp>
#include <model/mac/lane_fp32.hpp>
#include <model/quantize/fast_quantizer.hpp>
int main() {
  if4::ExactMac mac;
  mac.beat({0x1E3, 0x42}, {0x2B3, 0xB4});
  mac.beat({0x8, 0xB0}, {0x5, 0xB8});
  std::printf("%08x\n", static_cast<unsigned>(mac.finish().bits));
  // 16 values that FP4 holds exactly, and their product with themselves: 2 * (0.25 + 1 + 2.25 + 4 + 9 + 16 + 36) = 137.
  if4::Tensor tensor{{1, 16}, {0, .5F, 1, 1.5F, 2, 3, 4, 6, 0, -.5F, -1, -1.5F, -2, -3, -4, -6}};
  const if4::QuantizedTensor q = if4::quantize_fast(if4::view_of(tensor), {});
  const if4::MacResult dot = if4::dot_product({}, q, 0, q, 0);
  std::printf("%d %08x\n", if4::dequantize(q).values == tensor.values, static_cast<unsigned>(dot.bits));
}
)";

constexpr const char* kC = R"(#include <if4_dpi.h>
#include <stdio.h>
int main(void) {
  const uint8_t a[16] = {0xE3, 1, 0, 0, 0, 0, 0, 0, 8}, w[16] = {0xB3, 2, 0, 0, 0, 0, 0, 0, 5};
  const uint8_t a_scales[2] = {0x42, 0xB0}, w_scales[2] = {0xB4, 0xB8};
  uint32_t result = 0;
  unsigned char nan, overflow;
  if (if4_dpi_abi_version() != IF4_DPI_ABI_VERSION) return 1;
  if (if4_dpi_dot_product(0, 16, 0, IF4_DPI_EXACT, 2, a, a_scales, w, w_scales, &result, &nan, &overflow) < 0) return 1;
  printf("%08x\n", (unsigned)result);
  return 0;
}
)";

constexpr const char* kDesign = R"(`timescale 1ns/1ps
module two_beats (
  input logic clk_i, rst_ni, output logic valid_o, output logic [31:0] result_o, output logic nan_o, overflow_o
);
  logic beat, ready, sent;
  always_ff @(posedge clk_i or negedge rst_ni)
    if (!rst_ni) {sent, beat} <= 2'b00;
    else if (ready && !sent) {sent, beat} <= {beat, !beat};
  if4_mac u_mac (
    .clk_i(clk_i), .rst_ni(rst_ni), .valid_i(!sent), .ready_o(ready), .last_i(beat),
    .a_codes_i(beat ? 64'h8 : 64'h1E3), .a_scale_i(beat ? 8'hB0 : 8'h42),
    .w_codes_i(beat ? 64'h5 : 64'h2B3), .w_scale_i(beat ? 8'hB8 : 8'hB4),
    .valid_o(valid_o), .ready_i(1'b1), .result_o(result_o), .nan_o(nan_o), .overflow_o(overflow_o)
  );
endmodule
module tb;
  logic clk = 0, rst_n = 0, valid, nan, overflow;
  logic [31:0] result;
  always #5 clk = !clk;
  two_beats dut (clk, rst_n, valid, result, nan, overflow);
  initial begin
    repeat (3) @(negedge clk);
    rst_n = 1;
    repeat (30) begin
      @(negedge clk);
      if (valid) $display("%h", result);
    end
    $finish;
  end
endmodule
)";

// A PREFIX and a folder of somebody else's project.
class Installation {
 public:
  Installation() { fs::create_directory(folder_ / "project"); }

  std::string prefix() const { return folder_ / "usr"; }
  std::string operator/(const std::string& name) const { return folder_ / ("project/" + name); }

  // A goal of the project's Makefile. The make that may have started this test must not speak to this one.
  Outcome make(const std::string& arguments) const {
    return run_shell(
        fs::current_path(),
        "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u DESTDIR make IF4_SETUP=0 CONFIG=release " + arguments);
  }

  // In the folder of the project, with what is installed in place as a user has it.
  Outcome run(const std::string& command) const {
    return run_shell(folder_ / "project", "export PKG_CONFIG_PATH='" + prefix() +
                                              "/lib/pkgconfig' LD_LIBRARY_PATH='" + prefix() + "/lib' RTL='" +
                                              prefix() + "/share/if4/rtl'; " + command);
  }

  // stdout and stderr of a command that must succeed.
  std::string output(const std::string& command) const {
    const Outcome outcome = run(command);
    INFO(command << '\n' << outcome.text);
    REQUIRE(outcome.status == 0);
    return outcome.text;
  }

  std::size_t files() const {
    std::size_t count = 0;
    if (!fs::exists(prefix())) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(prefix()))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

 private:
  TempDir folder_;
};

void check_libraries(const Installation& there) {
  const std::string version = there.output("pkg-config --modversion if4 if4_dpi");
  const std::string number = get("scripts/version.sh");
  const std::size_t at = number.find("version=") + 8;
  const std::string expected = number.substr(at, number.find('\n', at) - at);
  CHECK(version == expected + "\n" + expected + "\n");
  CHECK(there.output("'" + there.prefix() + "/bin/if4' --version").find(expected) != std::string::npos);

  put(there / "prog.cpp", kCpp);
  const std::string compile = "g++ -std=c++17 -Wall -Wextra -Werror prog.cpp ";
  CHECK(there.output(compile + "-o prog $(pkg-config --cflags --libs if4)").empty());
  // In IF4 all elements are multiples of 448 * amax / 2688: 137 * 448^2 = 27,496,448.
  CHECK(there.output("./prog") == std::string(kResult) + "\n1 4bd1c800\n");
  CHECK(there.output(compile + "-shared -fPIC -o prog.so $(pkg-config --cflags --libs if4)").empty());
  // Each header can be the first.
  CHECK(there
            .output("cd '" + there.prefix() +
                    "/include/if4' && for f in $(find . -name '*.hpp'); do "
                    "g++ -std=c++17 -Wall -Wextra -Werror -x c++ -fsyntax-only -include $f /dev/null "
                    "$(pkg-config --cflags if4) "
                    "|| exit 1; done")
            .empty());

  put(there / "prog.c", kC);
  CHECK(there
            .output("gcc -std=c99 -Wall -Wextra -pedantic -Werror prog.c -o c $(pkg-config --cflags --libs "
                    "if4_dpi)")
            .empty());
  CHECK(there.output("./c") == std::string(kResult) + "\n");
}

void check_rtl(const Installation& there) {
  put(there / "tb.sv", kDesign);
  there.output(
      "verilator --binary --timing -MAKEFLAGS 'OPT_FAST=-O0 OPT_GLOBAL=-O0' -F $RTL/if4_mac.f tb.sv");
  CHECK(there.output("obj_dir/V* | grep -v Verilog").find(std::string(kResult) + "\n") == 0);
  CHECK(there.output("iverilog -g2012 -Wall -Wno-timescale -Y.sv -y $RTL -o tb.vvp $RTL/if4_pkg.sv tb.sv")
            .empty());
  CHECK(there.output("vvp -N tb.vvp | head -1") == std::string(kResult) + "\n");
  for (const char* list : {"array/if4_array.f if4_array", "baseline/lane_fp32_mac.f lane_fp32_mac"}) {
    std::istringstream words(list);
    std::string file, top;
    words >> file >> top;
    CHECK(there.output("verilator --lint-only --top-module " + top + " -F $RTL/" + file).empty());
  }
}

// The kit on the MAC that comes with it, from the folder of somebody else's project.
void check_kit(const Installation& there) {
  if (!fs::exists("scripts/kit/verify.py")) return;
  const std::string verify = "'" + there.prefix() + "/bin/if4-verify' --sim icarus --top behavioural_mac ";
  fs::copy(there.prefix() + "/share/if4/testbench/kit/behavioural_mac.sv", there / "my_mac.sv");
  CHECK(there.output(verify + "--dut my_mac.sv").find("PASS  behavioural_mac\n") == 0);
  // What a verdict prints to repeat the run is a command that does.
  const Outcome wrong = there.run(verify + "--dut my_mac.sv --params BUG=1");
  INFO(wrong.text);
  CHECK(wrong.status == 1);
  const std::size_t again = wrong.text.find("if4-verify --dut=my_mac.sv ");
  REQUIRE(again != std::string::npos);
  const std::string command = wrong.text.substr(again, wrong.text.find('\n', again) - again);
  CHECK(there.run("PATH='" + there.prefix() + "/bin':$PATH " + command).status == 1);
  const Outcome missing = there.run(verify + "--dut nosuch.sv");
  INFO(missing.text);
  CHECK(missing.status == 2);
  CHECK(missing.text.find("nosuch.sv") != std::string::npos);
}

void check_manual(const Installation& there) {
  const std::string page = get(there.prefix() + "/share/man/man1/if4.1");
  std::istringstream help(there.output("'" + there.prefix() + "/bin/if4' --help"));
  int commands = 0;
  bool listed = false;
  for (std::string line; std::getline(help, line);) {
    if (line.empty()) listed = false;
    if (listed) {
      const std::string name = line.substr(2, line.find(' ', 2) - 2);
      INFO(name);
      CHECK(page.find("\n.SS if4 " + name + "\n") != std::string::npos);
      ++commands;
    }
    if (line == "Subcommands:") listed = true;
  }
  CHECK(commands > 5);
  for (const char* part :
       {".TH IF4 1 ", "\n.SH NAME\n", "\n.SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\n", "\n.SH FILES\n",
        "\\-\\-shard\\-size SIZE", "\n.B input MODEL[:NAME] REQUIRED\n"}) {
    INFO(part);
    CHECK(page.find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("what is installed serves other projects", "[install][.handoff][long]") {
  const Installation there;
  const Outcome installed = there.make("install PREFIX='" + there.prefix() + "'");
  INFO(installed.text);
  REQUIRE(installed.status == 0);
  CHECK(there.files() > 50);
  check_libraries(there);
  check_rtl(there);
  check_kit(there);
  check_manual(there);

  // Once more over what is there; a folder in the way of a file is an error that leaves nothing half written.
  const std::size_t files = there.files();
  CHECK(there.make("install PREFIX='" + there.prefix() + "'").status == 0);
  CHECK(there.files() == files);
  fs::remove(there.prefix() + "/include/if4_dpi.h");
  fs::create_directory(there.prefix() + "/include/if4_dpi.h");
  CHECK(there.make("install PREFIX='" + there.prefix() + "'").status == 2);
  CHECK(there.files() == files - 1);
  fs::remove(there.prefix() + "/include/if4_dpi.h");
  put(there.prefix() + "/share/if4/notes", "of the user");
  CHECK(there.make("uninstall PREFIX='" + there.prefix() + "'").status == 0);
  CHECK(there.files() == 1);
}

TEST_CASE("an install for a package has the final paths in its files, and a bad PREFIX is refused",
          "[install][.handoff][long]") {
  const Installation there;
  REQUIRE(there.make("install PREFIX=/opt/if4 DESTDIR='" + there.prefix() + "'").status == 0);
  CHECK(get(there.prefix() + "/opt/if4/lib/pkgconfig/if4.pc").find("prefix=/opt/if4\n") == 0);
  CHECK(there.make("uninstall PREFIX=/opt/if4 DESTDIR='" + there.prefix() + "'").status == 0);
  CHECK(there.files() == 0);
  for (const char* prefix : {"usr", "'/a b'", "''", "'/a;b'"}) {
    const Outcome refused =
        there.make(std::string("install DESTDIR='") + there.prefix() + "' PREFIX=" + prefix);
    INFO(refused.text);
    CHECK(refused.status == 2);
    CHECK(refused.text.find("install: PREFIX=") != std::string::npos);
  }
  CHECK(there.make("install CONFIG=asan PREFIX='" + there.prefix() + "'").status == 2);
  CHECK(there.files() == 0);
}
