// The RTL in a folder of somebody else's project, read as rtl/README.md says, by the three tools. Their own files
// may have a time scale or none, and come before or after.
#include "testbench/support/catch.hpp"
#include "testbench/support/shell_testing.hpp"

using namespace if4::testing;

namespace {

// One beat of 16 * (1 * 1); the result is printed.
constexpr const char* kBench = R"(module tb;
  logic clk = 0, rst_n = 0, valid = 0, ready_o, valid_o, nan, overflow;
  logic [31:0] result;
  always #5 clk = ~clk;
  if4_mac dut (
    .clk_i(clk), .rst_ni(rst_n), .valid_i(valid), .ready_o(ready_o), .last_i(1'b1),
    .a_codes_i(64'h2222222222222222), .a_scale_i(8'h38), .w_codes_i(64'h2222222222222222), .w_scale_i(8'h38),
    .valid_o(valid_o), .ready_i(1'b1), .result_o(result), .nan_o(nan), .overflow_o(overflow)
  );
  initial begin
    repeat (3) @(negedge clk);
    rst_n = 1;
    valid = 1;
    @(negedge clk);
    valid = 0;
    repeat (20) begin
      @(negedge clk);
      if (valid_o) $display("result %h %b%b", result, nan, overflow);
    end
    $finish;
  end
endmodule
)";
constexpr const char* kTop = R"(module top (
  input logic clk, rst_n, v, l, input logic [63:0] a, w, input logic [7:0] as, ws,
  output logic vo, ro, no, oo, output logic [31:0] r
);
  if4_mac u (
    .clk_i(clk), .rst_ni(rst_n), .valid_i(v), .ready_o(ro), .last_i(l), .a_codes_i(a), .a_scale_i(as),
    .w_codes_i(w), .w_scale_i(ws), .valid_o(vo), .ready_i(1'b1), .result_o(r), .nan_o(no), .overflow_o(oo)
  );
endmodule
)";
constexpr const char* kTimescale = "`timescale 1ns/1ps\n";

class Project {
 public:
  Project() {
    fs::create_directories(folder_ / "ip/if4");
    fs::copy("rtl", folder_ / "ip/if4/rtl", fs::copy_options::recursive);
    put(folder_ / "plain.sv", kBench);
    put(folder_ / "timed.sv", kTimescale + std::string(kBench));
    put(folder_ / "top.sv", kTop);
  }

  Outcome run(const std::string& command) const { return run_shell(folder_ / ".", command); }

 private:
  TempDir folder_;
};

std::string replaced(std::string text, const std::string& before, const std::string& after) {
  for (std::size_t at = 0; (at = text.find(before, at)) != std::string::npos; at += after.size())
    text.replace(at, before.size(), after);
  return text;
}

// The line of rtl/README.md that begins with the tool's name.
std::string documented(const std::string& tool) {
  const std::string page = get("rtl/README.md");
  const std::size_t begin = page.find("\n    " + tool + " ");
  REQUIRE(begin != std::string::npos);
  return page.substr(begin + 5, page.find('\n', begin + 1) - begin - 5);
}

}  // namespace

TEST_CASE("the RTL reads silently in another project, with and without a time scale: Verilator",
          "[rtl][long]") {
  const Project project;
  // Generated C++ takes half a minute to compile, and adds nothing to what is looked for here.
  const std::string command = replaced(documented("verilator"), "--binary", "--lint-only --top-module tb");
  for (const char* bench : {"plain.sv", "timed.sv"}) {
    const std::string list_first = replaced(command, "tb.sv", bench);
    const std::string list = "-F ip/if4/rtl/if4_mac.f";
    const std::string bench_first = replaced(list_first, list + " " + bench, bench + (" " + list));
    REQUIRE(list_first != bench_first);
    for (const std::string& line : {list_first, bench_first}) {
      const Outcome outcome = project.run(line);
      INFO(line << '\n' << outcome.text);
      CHECK(outcome.status == 0);
      CHECK(outcome.text.empty());
    }
  }
}

TEST_CASE("every list of files reads silently from another folder, with and without a time scale", "[rtl]") {
  const Project project;
  int lists = 0;
  for (const auto& entry : fs::recursive_directory_iterator("rtl")) {
    if (entry.path().extension() != ".f") continue;
    ++lists;
    const std::string list = fs::relative(entry.path(), "rtl");
    for (const char* before : {"", kTimescale}) {
      const std::string other = before + std::string("module other; endmodule");
      const std::string line = "printf '%s\\n' '" + other +
                               "' >other.sv; verilator --lint-only --top-module other -F ip/if4/rtl/" + list +
                               " other.sv";
      const Outcome outcome = project.run(line);
      INFO(line << '\n' << outcome.text);
      CHECK(outcome.status == 0);
      CHECK(outcome.text.empty());
    }
  }
  CHECK(lists >= 4);
}

TEST_CASE("the RTL runs in another project, with and without a time scale: Icarus Verilog", "[rtl][long]") {
  const Project project;
  const std::string files = "ip/if4/rtl/if4_pkg.sv tb.sv";
  const std::string command = documented("iverilog");
  REQUIRE(command.find(files) != std::string::npos);
  for (const char* bench : {"plain.sv", "timed.sv"}) {
    for (const std::string& order : {files, std::string("tb.sv ip/if4/rtl/if4_pkg.sv")}) {
      const std::string line = replaced(replaced(command, files, order), "tb.sv", bench);
      const Outcome outcome = project.run(line + " && vvp -N tb.vvp");
      INFO(line << '\n' << outcome.text);
      CHECK(outcome.status == 0);
      CHECK(outcome.text.find("result 41800000 00\n") == 0);
    }
  }
}

TEST_CASE("the RTL reads silently in another project: Yosys", "[rtl][long]") {
  const Project project;
  const std::string line =
      replaced(documented("yosys"), "synth -top top", "hierarchy -check -top top; proc; check -assert");
  const Outcome outcome = project.run(replaced(line, "yosys -p", "yosys -q -p"));
  INFO(line << '\n' << outcome.text);
  CHECK(outcome.status == 0);
  CHECK(outcome.text.empty());
}
