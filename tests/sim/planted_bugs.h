// The deliberate faults by name.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/planted_bug.h"

namespace muster::sim {

struct NamedBug {
  const char* name;
  PlantedBug bug;
};

inline constexpr std::array kPlantedBugs = {
    NamedBug{"reply-before-durable", PlantedBug::kReplyBeforeDurable},
    NamedBug{"retry-before-lease", PlantedBug::kRetryBeforeLease},
    NamedBug{"release-gang-node-early", PlantedBug::kReleaseGangNodeEarly},
    NamedBug{"apply-report-twice", PlantedBug::kApplyReportTwice},
    NamedBug{"skip-epoch-check", PlantedBug::kSkipEpochCheck},
    NamedBug{"plan-ignores-held", PlantedBug::kPlanIgnoresHeld},
    NamedBug{"forget-cancel", PlantedBug::kForgetCancel},
};

inline std::optional<PlantedBug> BugNamed(std::string_view name) {
  for (const NamedBug& bug : kPlantedBugs) {
    if (name == bug.name) return bug.bug;
  }
  return std::nullopt;
}

}  // namespace muster::sim
