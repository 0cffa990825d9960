#include "scheduler/placement/explain.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "scheduler/model/queries.h"

namespace muster::scheduler {

namespace {

constexpr std::size_t kMaxNames = 3;
// Of the jobs ahead so many are looked at: who is further behind gains nothing from the number.
constexpr std::uint64_t kMaxAhead = 10'000;

std::string Counted(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string Needs(const JobRequirements& needs) {
  return "needs " + Counted(needs.node_count, "node") + " of " +
         Counted(needs.processes_per_node, "slot");
}

// What the pool has for a job that needs `slots` a node.
struct Supply {
  std::size_t nodes = 0;                    // registered, of any size
  std::size_t large = 0;                    // of these, large enough
  std::size_t usable = 0;                   // of these, taking work
  std::size_t idle = 0;                     // of these, with room now
  std::vector<std::uint32_t> usable_slots;  // of all nodes that take work; ascending
  std::vector<std::string> away;            // why the large ones that are not usable are so
  std::vector<AttemptId> holders;           // of the usable ones without room
};

std::string WhyAway(const Node& node) {
  const std::string name = node.id.str();
  if (node.lost) return name + " is lost";
  if (node.draining) return name + " is draining";
  if (node.cordoned) return name + " is cordoned";
  return name + " is not connected or short of disk";
}

bool HasRoom(const Pool& pool, const Node& node, std::uint32_t slots) {
  if (pool.sharing == SharingMode::kExclusive) return node.held.empty();
  return HeldSlots(node) + slots <= SlotsOf(pool, node);
}

Supply Count(const State& state, const Pool& pool, const NodeUsable& usable, std::uint32_t slots) {
  Supply supply;
  for (const NodeId& id : pool.nodes) {
    const Node& node = state.nodes.at(id);
    ++supply.nodes;
    const std::uint32_t size = SlotsOf(pool, node);
    const bool takes_work = !node.lost && !node.cordoned && !node.draining && usable(id);
    if (takes_work) supply.usable_slots.push_back(size);
    if (size < slots) continue;
    ++supply.large;
    if (!takes_work) {
      supply.away.push_back(WhyAway(node));
      continue;
    }
    ++supply.usable;
    if (HasRoom(pool, node, slots)) {
      ++supply.idle;
    } else {
      for (const auto& [attempt, held] : node.held) supply.holders.push_back(attempt);
    }
  }
  std::sort(supply.usable_slots.begin(), supply.usable_slots.end());
  return supply;
}

// As in plan.h: such a job holds up those behind it.
bool HoldsUp(const JobRequirements& needs, const Supply& supply) {
  const auto& slots = supply.usable_slots;
  const auto first = std::lower_bound(slots.begin(), slots.end(), needs.processes_per_node);
  return static_cast<std::uint64_t>(slots.end() - first) >= needs.node_count;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMaxNames; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > kMaxNames ? text + ", ..." : text;
}

std::string Holders(const State& state, std::vector<AttemptId> holders) {
  std::sort(holders.begin(), holders.end());
  holders.erase(std::unique(holders.begin(), holders.end()), holders.end());
  std::vector<std::string> sentences;
  for (const AttemptId& id : holders) {
    const Attempt& attempt = state.attempts.at(id);
    std::string sentence = "job " + id.job.str();
    if (attempt.phase == AttemptPhase::kEnded) {
      sentence += ", which has ended but was not yet stopped there";
    } else if (attempt.running) {
      sentence += ", running since " + FormatUtc(*attempt.running);
    } else {
      sentence += ", preparing since " + FormatUtc(attempt.created);
    }
    sentences.push_back(std::move(sentence));
  }
  return Listed(sentences);
}

Pending WaitsForLease(const Job& job) {
  Pending pending;
  pending.reason = PendingReason::kWaitingForLease;
  pending.message = (job.cause ? job.cause->message : "A node of the job is silent.") +
                    " The next attempt starts once the lease of this one has run out.";
  return pending;
}

struct Ahead {
  std::uint64_t count = 0;
  bool more = false;             // than `count`
  const Job* blocker = nullptr;  // the first that holds up the rest
};

Ahead CountAhead(const State& state, const Pool& pool, const Job& job, const Supply& supply) {
  Ahead ahead;
  const bool any_takes_work = !supply.usable_slots.empty();  // else nobody holds up anybody
  for (const auto& [key, id] : pool.waiting) {
    if (key >= QueueKeyOf(job)) break;
    if (ahead.count == kMaxAhead) {
      ahead.more = true;
      break;
    }
    ++ahead.count;
    if (ahead.blocker != nullptr || !any_takes_work) continue;
    const Job& other = state.jobs.at(id);
    if (HoldsUp(other.requirements, supply)) ahead.blocker = &other;
  }
  return ahead;
}

}  // namespace

Pending Explain(const State& state, const NodeUsable& usable, const JobId& id, TimePoint) {
  const Job* job = Find(state.jobs, id);
  MUSTER_CHECK(job != nullptr, "only a live job waits");
  const bool is_silent = job->status == JobStatus::kNotResponding;
  if (is_silent && job->requirements.node_loss_retries > 0) return WaitsForLease(*job);

  const Pool& pool = state.pools.at(PoolOf(*job));
  const JobRequirements& needs = job->requirements;
  const Supply supply = Count(state, pool, usable, needs.processes_per_node);
  const Ahead ahead = CountAhead(state, pool, *job, supply);
  const std::string start = Needs(needs) + "; pool " + pool.key.name.str() + " has ";
  Pending pending;
  pending.position = ahead.count + 1;
  if (supply.large < needs.node_count) {
    pending.reason = PendingReason::kNodesMissing;
    pending.message = start + Counted(supply.large, "such node");
    if (supply.nodes > supply.large) {
      pending.message += " and " + std::to_string(supply.nodes - supply.large) + " smaller";
    }
    pending.message += "; it starts once more have joined";
  } else if (supply.usable < needs.node_count) {
    pending.reason = PendingReason::kNodesUnavailable;
    pending.message = start + std::to_string(supply.large) + ", of which " +
                      std::to_string(supply.usable) + " take work: " + Listed(supply.away);
  } else if (ahead.blocker != nullptr) {
    pending.reason = PendingReason::kBehindOthers;
    pending.message = start + std::to_string(supply.large) + ", " + std::to_string(supply.idle) +
                      " idle; behind " + (ahead.more ? "more than " : "") +
                      Counted(ahead.count, "other job") + ", of which job " +
                      ahead.blocker->id.str() + " " + Needs(ahead.blocker->requirements);
  } else {
    pending.reason = PendingReason::kNodesBusy;
    pending.message = start + std::to_string(supply.large) + ", " + std::to_string(supply.idle) +
                      " idle; " +
                      (supply.holders.empty() ? "it is about to start"
                                              : "held by " + Holders(state, supply.holders));
  }
  return pending;
}

}  // namespace muster::scheduler
