#include "sim/report/version.hpp"

namespace if4 {

// Only this file is compiled again when the commit changes (sim/program/program.mk).
const char* generator() { return "if4 " IF4_VERSION; }

}  // namespace if4
