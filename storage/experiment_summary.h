// What there is under the name of an experiment.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace muster::storage {

struct ExperimentSummary {
  std::string name;
  std::uint64_t runs = 0;
  TimePoint newest{};  // when its newest run was made
};

}  // namespace muster::storage
