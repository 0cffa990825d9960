// The state machines as tables: which step of a job, an attempt or an attempt's node is legal.
// Apply refuses the rest by aborting; the documentation and the simulator read the same tables.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "scheduler/model/types.h"

namespace muster::scheduler {

template <class State>
struct Transition {
  State from;
  State to;
};

// NotStarted, Starting and Provisioning are names of Azure ML's that no job of ours is ever in.
inline constexpr std::array kJobTransitions = {
    Transition<JobStatus>{JobStatus::kQueued, JobStatus::kPreparing},  // nodes were assigned
    Transition<JobStatus>{JobStatus::kQueued, JobStatus::kCanceled},
    Transition<JobStatus>{JobStatus::kPreparing, JobStatus::kRunning},  // the first rank started
    Transition<JobStatus>{JobStatus::kPreparing, JobStatus::kFailed},
    Transition<JobStatus>{JobStatus::kPreparing, JobStatus::kCancelRequested},
    Transition<JobStatus>{JobStatus::kPreparing, JobStatus::kNotResponding},
    Transition<JobStatus>{JobStatus::kPreparing,
                          JobStatus::kQueued},  // a node was lost, to be tried again; so below
    Transition<JobStatus>{JobStatus::kRunning, JobStatus::kFinalizing},
    Transition<JobStatus>{JobStatus::kRunning, JobStatus::kFailed},
    Transition<JobStatus>{JobStatus::kRunning, JobStatus::kCancelRequested},
    Transition<JobStatus>{JobStatus::kRunning, JobStatus::kNotResponding},
    Transition<JobStatus>{JobStatus::kRunning, JobStatus::kQueued},
    Transition<JobStatus>{JobStatus::kFinalizing, JobStatus::kCompleted},
    Transition<JobStatus>{JobStatus::kFinalizing, JobStatus::kFailed},
    Transition<JobStatus>{JobStatus::kFinalizing, JobStatus::kCancelRequested},
    Transition<JobStatus>{JobStatus::kFinalizing, JobStatus::kNotResponding},
    Transition<JobStatus>{JobStatus::kFinalizing, JobStatus::kQueued},
    Transition<JobStatus>{JobStatus::kNotResponding,
                          JobStatus::kPreparing},  // heard again; so the next two
    Transition<JobStatus>{JobStatus::kNotResponding, JobStatus::kRunning},
    Transition<JobStatus>{JobStatus::kNotResponding, JobStatus::kFinalizing},
    Transition<JobStatus>{JobStatus::kNotResponding, JobStatus::kCancelRequested},
    Transition<JobStatus>{JobStatus::kNotResponding, JobStatus::kFailed},
    Transition<JobStatus>{JobStatus::kNotResponding, JobStatus::kQueued},
    Transition<JobStatus>{JobStatus::kCancelRequested, JobStatus::kCanceled},
};

inline constexpr std::array kAttemptTransitions = {
    Transition<AttemptPhase>{AttemptPhase::kPreparing, AttemptPhase::kLaunching},  // all ready
    Transition<AttemptPhase>{AttemptPhase::kPreparing, AttemptPhase::kRunning},    // a gang of one
    Transition<AttemptPhase>{AttemptPhase::kPreparing, AttemptPhase::kStopping},
    Transition<AttemptPhase>{AttemptPhase::kLaunching, AttemptPhase::kRunning},
    Transition<AttemptPhase>{AttemptPhase::kLaunching, AttemptPhase::kStopping},
    Transition<AttemptPhase>{AttemptPhase::kRunning, AttemptPhase::kStopping},
    Transition<AttemptPhase>{AttemptPhase::kRunning, AttemptPhase::kEnded},
    Transition<AttemptPhase>{AttemptPhase::kStopping, AttemptPhase::kEnded},
};

template <class State, std::size_t kSize>
constexpr bool Contains(const std::array<Transition<State>, kSize>& table, State from, State to) {
  for (const Transition<State>& row : table) {
    if (row.from == from && row.to == to) return true;
  }
  return false;
}

constexpr bool IsLegal(JobStatus from, JobStatus to) { return Contains(kJobTransitions, from, to); }
constexpr bool IsLegal(AttemptPhase from, AttemptPhase to) {
  return Contains(kAttemptTransitions, from, to);
}
// Reports are levels, so a node may skip phases, but it never goes back. A lost node is only ever
// let go of (kFinished).
constexpr bool IsLegal(NodePhase from, NodePhase to) {
  if (from == NodePhase::kFinished) return false;
  if (from == NodePhase::kLost) return to == NodePhase::kFinished;
  return from < to;
}

// "NotStarted", "Running"...: Azure ML's words.
constexpr std::string_view StatusName(JobStatus status) {
  switch (status) {
    case JobStatus::kNotStarted:
      return "NotStarted";
    case JobStatus::kStarting:
      return "Starting";
    case JobStatus::kProvisioning:
      return "Provisioning";
    case JobStatus::kPreparing:
      return "Preparing";
    case JobStatus::kQueued:
      return "Queued";
    case JobStatus::kRunning:
      return "Running";
    case JobStatus::kFinalizing:
      return "Finalizing";
    case JobStatus::kCancelRequested:
      return "CancelRequested";
    case JobStatus::kCompleted:
      return "Completed";
    case JobStatus::kFailed:
      return "Failed";
    case JobStatus::kCanceled:
      return "Canceled";
    case JobStatus::kNotResponding:
      return "NotResponding";
  }
  return "";
}

constexpr std::string_view PhaseName(AttemptPhase phase) {
  switch (phase) {
    case AttemptPhase::kPreparing:
      return "preparing";
    case AttemptPhase::kLaunching:
      return "launching";
    case AttemptPhase::kRunning:
      return "running";
    case AttemptPhase::kStopping:
      return "stopping";
    case AttemptPhase::kEnded:
      return "ended";
  }
  return "";
}

constexpr std::string_view PhaseName(NodePhase phase) {
  switch (phase) {
    case NodePhase::kAssigned:
      return "assigned";
    case NodePhase::kPreparing:
      return "preparing";
    case NodePhase::kReady:
      return "ready";
    case NodePhase::kRunning:
      return "running";
    case NodePhase::kExited:
      return "exited";
    case NodePhase::kFinished:
      return "finished";
    case NodePhase::kLost:
      return "lost";
  }
  return "";
}

}  // namespace muster::scheduler
