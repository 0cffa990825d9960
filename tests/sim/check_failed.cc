// Takes the place of base/check.cc: in a simulation a broken invariant is a finding, not the end.
#include "base/check.h"
#include "tests/sim/violation.h"

namespace muster {

void CheckFailed(const char* file, int line, const char* expression, std::string_view detail) {
  throw sim::Violation(std::string("MUSTER_CHECK failed at ") + file + ":" + std::to_string(line) +
                       ": " + expression + " (" + std::string(detail) + ")");
}

}  // namespace muster
