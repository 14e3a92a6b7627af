// libif4_dpi.so as a file, its header and package, and the examples of it as a user builds and runs them.
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "testbench/support/catch.hpp"
#include "testbench/support/shell_testing.hpp"

using namespace if4::testing;

namespace {

std::string library() { return fs::absolute(built_folder()) / "libif4_dpi.so"; }

Outcome run_here(const std::string& command) { return run_shell(fs::current_path(), command); }

// All that a pattern with two groups finds in a text: the first group to the second.
std::map<std::string, std::string> pairs(const std::string& text, const char* pattern) {
  std::map<std::string, std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    found[(*at)[1]] = (*at)[2];
  return found;
}

// A library that stands before libif4_dpi.so and changes one thing: the result number 1000 of if4_dpi_mac_finish().
constexpr const char* kLiar = R"(#define _GNU_SOURCE
#include <dlfcn.h>
int if4_dpi_mac_finish(void* mac, unsigned* result, unsigned char* nan, unsigned char* overflow) {
  static int calls;
  union { void* object; int (*function)(void*, unsigned*, unsigned char*, unsigned char*); } next;
  next.object = dlsym(RTLD_NEXT, "if4_dpi_mac_finish");
  int status = next.function(mac, result, nan, overflow);
  if (++calls == 1000) *nan ^= 1;
  return status;
}
)";

}  // namespace

TEST_CASE("libif4_dpi.so needs the C library alone, and exports what its header declares", "[dpi]") {
  const Outcome needed =
      run_here("readelf -d '" + library() + "' | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\].*/\\1/p'");
  INFO(needed.text);
  REQUIRE(needed.status == 0);
  std::istringstream names(needed.text);
  int count = 0;
  for (std::string name; names >> name; ++count) {
    const bool of_libc = name.find("libc.so") == 0 || name.find("libm.so") == 0 || name.find("ld-linux") == 0;
    CHECK(of_libc);
  }
  CHECK(count > 0);

  const Outcome exported = run_here("nm -D --defined-only '" + library() + "' | awk '{print $3}' | sort");
  std::string declared;
  const auto functions = pairs(get("model/dpi/if4_dpi.h"), R"(\n[^\n /#*][^\n]*?\b(if4_dpi_\w+)(\())");
  for (const auto& [name, parenthesis] : functions) declared += name + "\n";
  CHECK(functions.size() == 18);
  CHECK(exported.text == declared);
}

TEST_CASE("the package of the DPI library says what its header says", "[dpi]") {
  const std::string header = get("model/dpi/if4_dpi.h");
  const std::string package = get("model/dpi/if4_dpi_pkg.sv");
  auto constants = pairs(header, R"(#define (IF4_DPI_\w+) \(?(-?\d+)\)?)");
  const std::map<std::string, int> sizes = {
      {"IF4_DPI_BLOCK_WORDS", 32}, {"IF4_DPI_BLOCK_VALUES", 32}, {"IF4_DPI_BEAT_WORDS", 32}};
  const auto types = pairs(package, R"(typedef bit \[(\d+):0\] (if4_dpi_\w+);)");
  CHECK(types.size() == sizes.size());
  for (const auto& [name, bits] : sizes)
    CHECK(types.count(std::to_string(std::stoi(constants.at(name)) * bits - 1)) == 1);
  for (const auto& [name, bits] : sizes) constants.erase(name);
  CHECK(constants.size() == 17);
  CHECK(pairs(package, R"(localparam int (IF4_DPI_\w+) = (-?\d+);)") == constants);
}

TEST_CASE("the header of the DPI library is C99 and C++, without a warning", "[dpi]") {
  const std::string include = "printf '#include \"model/dpi/if4_dpi.h\"\\nint x;\\n' | ";
  for (const char* compiler : {"gcc -x c -std=c99", "g++ -x c++ -std=c++11"}) {
    const Outcome outcome =
        run_here(include + compiler + " -Wall -Wextra -pedantic -Werror -Wconversion -I. -fsyntax-only -");
    INFO(outcome.text);
    CHECK(outcome.status == 0);
    CHECK(outcome.text.empty());
  }
}

TEST_CASE("the example of the DPI library in C", "[dpi]") {
  const TempDir dir;
  const std::string program = dir / "example";
  const Outcome built =
      run_here("gcc -std=c99 -Wall -Wextra -pedantic -Werror -Imodel/dpi testbench/dpi/example.c -o '" +
               program + "' '" + library() + "' -Wl,-rpath,'" + built_folder() + "' -lm");
  INFO(built.text);
  REQUIRE(built.status == 0);
  const Outcome run = run_here("'" + program + "'");
  CHECK(run.status == 0);
  // By hand: amax_a = 10/8 and amax_w = 3/4 give both operands the scale 448 and steps of amax / 7 or amax / 6.
  CHECK(run.text ==
        "a        76654332110FFEDD scale FE\n"
        "w        EFE4CC4EFE4CC4EF scale 7E\n"
        "result   CB424000 nan 0 overflow 0\n"
        "value    -1.651786, and -1.687500 without quantization\n");
}

TEST_CASE("the example of the DPI library in Python has the results that README.md has by hand", "[dpi]") {
  const Outcome run = run_here("python3 -B testbench/dpi/example.py '" + library() + "'");
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.text == "41D24E5E 26.288265 nan 0 overflow 0\n41D24E60 26.288269 nan 0 overflow 0\n");
}

TEST_CASE("the example of the DPI library in SystemVerilog passes, and finds what is wrong",
          "[dpi][.handoff][long]") {
  const TempDir dir;
  // What is not in this folder is named by its whole path; unoptimized, it compiles in half the time.
  const std::string root = fs::current_path();
  const Outcome built = run_shell(
      dir / ".",
      "verilator --binary --timing -MAKEFLAGS 'OPT_FAST=-O0 OPT_GLOBAL=-O0' --top-module mac_dpi_tb -F '" +
          root + "/rtl/if4_mac.f' '" + root + "/model/dpi/if4_dpi_pkg.sv' '" + root +
          "/testbench/dpi/mac_dpi_tb.sv' '" + library() + "'");
  INFO(built.text);
  REQUIRE(built.status == 0);
  CHECK(built.text.find("%Warning") == std::string::npos);
  const std::string here = "LD_LIBRARY_PATH='" + built_folder() + "' ";
  const std::string seed = std::to_string(test_seed() % 1000000);
  const std::string run = "obj_dir/Vmac_dpi_tb +seed=" + seed;

  const Outcome passed = run_shell(dir / ".", here + run);
  INFO(passed.text);
  CHECK(passed.status == 0);
  CHECK(passed.text.find("seed " + seed + "\n") == 0);
  CHECK(passed.text.find("PASS  2000 dot products of if4 equal to the golden model\n") != std::string::npos);

  const Outcome uncovered = run_shell(dir / ".", here + run + " +dots=3");
  CHECK(uncovered.status != 0);
  CHECK(uncovered.text.find("bins of the coverage are empty") != std::string::npos);

  put(dir / "liar.c", kLiar);
  REQUIRE(run_shell(dir / ".", "gcc -shared -fPIC -o liar.so liar.c -ldl").status == 0);
  const Outcome caught = run_shell(dir / ".", here + "LD_PRELOAD=./liar.so " + run);
  INFO(caught.text);
  CHECK(caught.status != 0);
  CHECK(caught.text.find("PASS") == std::string::npos);

  // A testbench in C++ may include both headers.
  put(dir / "both.cpp", "#include \"Vmac_dpi_tb__Dpi.h\"\n#include \"if4_dpi.h\"\n");
  const Outcome both = run_shell(
      dir / ".", "g++ -fsyntax-only -Iobj_dir -I\"$(verilator --getenv VERILATOR_ROOT)\"/include/vltstd -I'" +
                     root + "/model/dpi' both.cpp");
  INFO(both.text);
  CHECK(both.status == 0);
}
