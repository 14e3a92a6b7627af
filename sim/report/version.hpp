// What the program calls itself.
#pragma once

namespace if4 {

/// "if4 0.1.0 (5747006fa1b2)": the version and, if it was built in a git checkout, the commit; "-dirty" behind it if
/// files differed from that. scripts/version.sh has both.
const char* generator();

}  // namespace if4
