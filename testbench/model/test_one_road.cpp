// The scalar quantizer is the specification that tests hold the fast one to: no program calls it.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "testbench/support/catch.hpp"

TEST_CASE("nothing but tests includes the scalar quantizer", "[quantizer]") {
  std::size_t files = 0;
  for (const char* top : {"model", "sim"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      const std::string path = entry.path().generic_string();
      if (!entry.is_regular_file() || path == "model/quantize/quantizer.cpp") continue;
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      INFO(path);
      CHECK(text.str().find("#include \"model/quantize/quantizer.hpp\"") == std::string::npos);
      ++files;
    }
  }
  CHECK(files > 50);
}
