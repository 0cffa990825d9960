// Joins the parts of a report, within the bounds of agent.proto. Pure.
#pragma once

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "muster/v1/agent.pb.h"

namespace muster::server {

class ReportParts {
 public:
  // True once `part` is the last: the report waits to be taken. Part 0 begins anew, whatever was
  // there. INVALID_ARGUMENT for a part that does not follow the one before, and for one that makes
  // the report too large: nothing is built of that one.
  Result<bool> Add(const muster::v1::Report& part);
  // Those that were added, as one; nothing is left of them here.
  muster::v1::Report Take();
  void Clear() { *this = {}; }

 private:
  std::optional<muster::v1::Report> report_;  // from part 0 on
  std::size_t bytes_ = 0;                     // on the wire
  std::size_t attempts_ = 0;
  std::size_t entries_ = 0;  // of the attempts' lists
};

}  // namespace muster::server
