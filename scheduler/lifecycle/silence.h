// What a node's silence means: first that its jobs are NotResponding, then that leases have run
// out, at last that the node is lost. All times here are the server's steady clock; what is heard
// of nodes is not in the state and comes in.
#pragma once

#include <functional>
#include <optional>

#include "scheduler/lifecycle/decision.h"

namespace muster::scheduler {

struct SilenceConfig {
  Duration not_responding_after{};
  Duration lost_after{};
  Duration default_lease{};
  Duration lease_margin{};
};

struct NodeHearing {
  SteadyPoint last_heard{};  // the server's start counts as hearing everybody
  bool responding = true;    // false once the silence was noted
  // No lease is judged earlier than this and the margin: a planned stop extended them.
  SteadyPoint leases_extended_until{};
};

// Zero: the job is not retried, so its attempts need no lease.
Duration LeaseOf(const Job& job, const SilenceConfig& config);

// When JudgeSilence has something to do next, if nothing is heard; nothing for a node given up.
std::optional<SteadyPoint> NextJudgement(const State& state, const NodeId& node,
                                         const NodeHearing& hearing, const SilenceConfig& config);

struct Judgement {
  bool not_responding = false;  // the node is silent for long enough to say so
  // Something was given up: the session must end, so that the node's next report is known to have
  // been made after it was told.
  bool end_session = false;
};
Judgement JudgeSilence(Decision& decision, const NodeId& node, const NodeHearing& hearing,
                       const SilenceConfig& config);

using NodeSilent = std::function<bool(const NodeId&)>;

// The node was heard again: jobs that were NotResponding for it, and for no other node, go back.
void NoteHeard(Decision& decision, const NodeId& node, const NodeSilent& silent);

}  // namespace muster::scheduler
