// Deliberate faults that the simulator plants, one at a time, to prove that it would find them.
// They exist in the simulator's build only (MUSTER_PLANTED_BUGS); everywhere else each question is
// a constant false.
#pragma once

#include <cstdint>

namespace muster {

enum class PlantedBug : std::uint8_t {
  kNone,
  // Replies and effects leave before the batch that caused them is durable.
  kReplyBeforeDurable,
  // The next attempt starts without waiting for the lease of the lost one.
  kRetryBeforeLease,
  // A node of a gang is free as soon as it has finished for itself, or before.
  kReleaseGangNodeEarly,
  // A report that was received before is applied again.
  kApplyReportTwice,
  // An agent obeys a Desired of an older epoch or version.
  kSkipEpochCheck,
  // The planner takes slots that an ended attempt still holds.
  kPlanIgnoresHeld,
  // A cancel is acknowledged and forgotten.
  kForgetCancel,
};

#ifdef MUSTER_PLANTED_BUGS
inline PlantedBug g_planted_bug = PlantedBug::kNone;
inline PlantedBug ActivePlantedBug() { return g_planted_bug; }
// Between two simulations only.
inline void SetPlantedBug(PlantedBug bug) { g_planted_bug = bug; }
#else
constexpr PlantedBug ActivePlantedBug() { return PlantedBug::kNone; }
#endif

// `if (IsPlanted(PlantedBug::kForgetCancel)) ...`: compiled away outside the simulator.
inline bool IsPlanted(PlantedBug bug) { return ActivePlantedBug() == bug; }

}  // namespace muster
