#include "cli/personal/plan.h"

#include <algorithm>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

constexpr std::uint32_t kLeastDefaultSlots = 2;

std::string Count(std::uint64_t number, const std::string& thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

// "node1", "node2", ...: the lowest that is free.
std::string NewName(const std::vector<PersonalNode>& nodes) {
  for (std::size_t number = 1;; ++number) {
    std::string name = "node" + std::to_string(number);
    const auto has_it = [&](const PersonalNode& node) { return node.name == name; };
    if (std::none_of(nodes.begin(), nodes.end(), has_it)) return name;
  }
}

Status Check(const UpRequest& request) {
  if (request.nodes && (*request.nodes < 1 || *request.nodes > kMaxPersonalNodes)) {
    return Fail(UsageError("--nodes must be 1.." + std::to_string(kMaxPersonalNodes) + ", not " +
                           std::to_string(*request.nodes)));
  }
  if (request.slots && (*request.slots < 1 || *request.slots > kMaxPersonalSlots)) {
    return Fail(UsageError("--slots must be 1.." + std::to_string(kMaxPersonalSlots) + ", not " +
                           std::to_string(*request.slots)));
  }
  return {};
}

}  // namespace

Result<UpPlan> PlanUp(const PersonalRecord& record, const PersonalLife& life,
                      const UpRequest& request, std::uint32_t cores) {
  MUSTER_TRY(Check(request));
  UpPlan plan;
  plan.record = record;
  plan.start_server = !life.server;
  const auto alive = [&](std::size_t i) { return i < life.nodes.size() && life.nodes[i]; };
  std::vector<PersonalNode>& nodes = plan.record.nodes;
  const std::size_t had = nodes.size();
  const std::size_t wanted = request.nodes ? *request.nodes : std::max<std::size_t>(had, 1);
  if (wanted < had) {
    plan.notes.push_back("there are " + Count(had, "node") +
                         ", and all are kept; `muster down --purge` begins anew");
  }
  const std::uint32_t slots = request.slots.value_or(std::max(cores, kLeastDefaultSlots));
  while (nodes.size() < wanted) nodes.push_back({NewName(nodes), slots, std::nullopt});
  bool any_kept = false;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!alive(i)) {
      if (request.slots) nodes[i].slots = *request.slots;
      plan.start_nodes.push_back(i);
      continue;
    }
    any_kept = true;
    if (request.slots && nodes[i].slots != *request.slots) {
      plan.notes.push_back(nodes[i].name + " runs with " + Count(nodes[i].slots, "slot") +
                           "; `muster down` first, then --slots changes that");
    }
  }
  if (request.interpreter && *request.interpreter != record.interpreter) {
    plan.record.interpreter = *request.interpreter;
    if (any_kept) {
      plan.notes.push_back("nodes that run keep their interpreter until the next start");
    }
  }
  return plan;
}

LoginChoice ChooseLogin(const LoginFacts& facts, bool force) {
  if (!facts.exists || force) return LoginChoice::kWrite;
  const bool own = facts.ca && facts.own_ca && *facts.ca == *facts.own_ca;
  return own ? LoginChoice::kUpdate : LoginChoice::kRefuse;
}

DownPlan PlanDown(const DownFacts& facts, bool force) {
  DownPlan plan;
  if (facts.server_answers && facts.jobs_active > 0) {
    if (force) {
      plan.cancel_jobs = true;
      plan.note = "canceling " + Count(facts.jobs_active + facts.jobs_waiting, "job");
    } else {
      plan.refusal = Count(facts.jobs_active, "job") + (facts.jobs_active == 1 ? " runs" : " run") +
                     "; `muster job list` shows what, `muster down --force` cancels first";
    }
  } else if (!facts.server_answers && facts.attempts > 0) {
    const std::string what = Count(facts.attempts, "job") + " may run though the server is away";
    if (force) {
      plan.note = what + "; the processes are killed";
    } else {
      plan.refusal =
          what + "; `muster up` brings the server back, `muster down --force` kills them";
    }
  } else if (facts.server_answers && facts.jobs_waiting > 0) {
    plan.note = Count(facts.jobs_waiting, "job") + (facts.jobs_waiting == 1 ? " waits" : " wait") +
                " for the next `muster up`";
  }
  return plan;
}

const char* PersonalStateName(PersonalState state) {
  switch (state) {
    case PersonalState::kUp:
      return "up";
    case PersonalState::kPartly:
      return "partly";
    case PersonalState::kDown:
      return "down";
  }
  return "";
}

PersonalState StateOf(const PersonalLife& life, bool server_answers, std::size_t nodes_connected) {
  const auto alive = std::count(life.nodes.begin(), life.nodes.end(), true);
  if (!life.server && alive == 0) return PersonalState::kDown;
  const bool whole = life.server && server_answers && nodes_connected == life.nodes.size();
  return whole ? PersonalState::kUp : PersonalState::kPartly;
}

}  // namespace muster::cli
