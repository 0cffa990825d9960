// The server's core in virtual time: nodes that report what a test tells them to, a clock that the
// test moves, and everything that the core wanted sent.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/core/core.h"
#include "tests/support/scheduler_builders.h"

namespace muster::server {

using scheduler::AttemptPhase;
using scheduler::DesiredAttempt;
using scheduler::DesiredPhase;
using scheduler::Exited;
using scheduler::JobStatus;
using scheduler::kDefault;
using scheduler::kN1;
using scheduler::kN2;
using scheduler::kN3;
using scheduler::Needs;
using scheduler::Observed;
using scheduler::ObservedAttempt;
using scheduler::ObservedPhase;
using scheduler::Started;

class CoreWorld {
 public:
  explicit CoreWorld(CoreConfig core_config = {}) : config(core_config) { Boot({}); }

  // Starts a core on a state, as after a crash of the server: soft state is gone.
  void Boot(scheduler::State state) {
    now.steady += std::chrono::hours(7);  // another clock
    sessions.clear();
    core = std::make_unique<Core>(config, std::move(state), random);
    Take(core->Start(now));
  }
  void Restart() {
    const scheduler::State state = core->state();
    Boot(state);
  }

  // Everything due until then, in order.
  void Advance(Duration duration) {
    const SteadyPoint until = now.steady + duration;
    for (auto next = core->NextTimer(); next && *next <= until; next = core->NextTimer()) {
      MoveTo(std::max(*next, now.steady));
      Take(core->OnTimer(now));
    }
    MoveTo(until);
  }

  Result<ReplyValue> Ask(scheduler::CommandBody body) {
    scheduler::Command command;
    command.principal.role = scheduler::Role::kAdmin;
    command.principal.user = UserName("alice");
    command.principal.workspace = kDefault;
    command.body = std::move(body);
    StepOutput output = core->Handle(7, command, now);
    EXPECT_EQ(output.replies.size(), 1U);
    Result<ReplyValue> value = output.replies.at(0).value;
    Take(std::move(output));
    return value;
  }
  // And lets the planner run, as the loop does.
  JobId Submit(scheduler::JobRequirements needs) {
    const auto reply = Ask(scheduler::SubmitCommand(std::move(needs)));
    EXPECT_TRUE(reply.has_value());
    Advance(Duration::zero());
    return JobId(reply->entity);
  }
  AttemptId AttemptOf(const JobId& job) const {
    return scheduler::CurrentAttemptOf(core->state().jobs.at(job));
  }
  Result<ReplyValue> Cancel(const JobId& job) {
    scheduler::CancelJob command;
    command.workspace = kDefault;
    command.job = job;
    return Ask(command);
  }

  // --- nodes ---
  void Join(const NodeId& node, std::uint32_t slots = 4) {
    scheduler::EnrollNode command;
    command.node = node;
    command.facts = scheduler::Cluster::Facts(slots);
    command.pool = PoolName("default");
    EXPECT_TRUE(Ask(command).has_value());
    Connect(node);
  }
  // A session with its first report.
  void Connect(const NodeId& node, std::vector<ObservedAttempt> level = {},
               const std::string& boot = "boot-1") {
    Open(node, boot);
    Report(node, std::move(level));
  }
  void Open(const NodeId& node, const std::string& boot = "boot-1") {
    scheduler::OpenSession command;
    command.node = node;
    command.session = ++last_session;
    command.facts = scheduler::Cluster::Facts(4, boot);
    command.incarnation = "agent-1";
    EXPECT_TRUE(Ask(command).has_value());
    sessions[node] = last_session;
  }
  void Close(const NodeId& node) { Ask(scheduler::CloseSession{node, sessions.at(node)}); }
  void Report(const NodeId& node, std::vector<ObservedAttempt> level) {
    ReportAs(node, ++report_sequence, std::move(level));
  }
  void ReportAs(const NodeId& node, std::uint64_t sequence, std::vector<ObservedAttempt> level) {
    scheduler::ReceiveReport report;
    report.node = node;
    report.session = sessions.at(node);
    report.sequence = sequence;
    report.attempts = std::move(level);
    report.disk_low = disk_low;
    Ask(std::move(report));
    Advance(Duration::zero());
  }
  void Heartbeat(const NodeId& node) {
    Ask(scheduler::ReceiveHeartbeat{node, sessions.at(node), ToMicros(now.wall)});
  }
  // Time passes while these nodes are heard.
  void AdvanceHearing(Duration duration, const std::vector<NodeId>& heard) {
    const SteadyPoint until = now.steady + duration;
    while (now.steady < until) {
      Advance(std::min<Duration>(std::chrono::seconds(1), until - now.steady));
      for (const NodeId& node : heard) Heartbeat(node);
    }
  }

  // --- what came of it ---
  const scheduler::State& state() const { return core->state(); }
  JobStatus StatusOf(const JobId& job) const { return statuses.at(job).status; }
  std::optional<scheduler::Cause> CauseOf(const JobId& job) const { return statuses.at(job).cause; }
  // The newest level that the node was sent; nullptr: none yet.
  const scheduler::SendDesired* Level(const NodeId& node) const {
    const auto it = levels.find(node);
    return it == levels.end() ? nullptr : &it->second;
  }
  std::optional<DesiredAttempt> DesiredOn(const NodeId& node, const AttemptId& id) const {
    const auto it = levels.find(node);
    if (it == levels.end()) return std::nullopt;
    for (const DesiredAttempt& attempt : it->second.attempts) {
      if (attempt.id == id) return attempt;
    }
    return std::nullopt;
  }
  template <class Effect>
  std::vector<Effect> Sent() const {
    std::vector<Effect> found;
    for (const auto& effect : effects) {
      if (const auto* one = std::get_if<Effect>(&effect)) found.push_back(*one);
    }
    return found;
  }

  CoreConfig config;
  Now now{scheduler::kStartTime, SteadyPoint(std::chrono::hours(5))};
  SeededRandom random{1};
  std::unique_ptr<Core> core;
  std::map<NodeId, std::uint64_t> sessions;
  std::uint64_t last_session = 0;
  std::uint64_t report_sequence = 0;
  bool disk_low = false;
  std::vector<scheduler::Effect> effects;  // of the newest step
  storage::Batch batch;                    // of the newest step that had events
  std::map<NodeId, scheduler::SendDesired> levels;
  std::map<JobId, scheduler::JobStatusChanged> statuses;

 private:
  void MoveTo(SteadyPoint time) {
    now.wall += time - now.steady;
    now.steady = time;
  }
  void Take(StepOutput output) {
    effects = std::move(output.effects);
    for (const auto& effect : effects) {
      if (const auto* desired = std::get_if<scheduler::SendDesired>(&effect)) {
        levels[desired->node] = *desired;
      }
    }
    for (const scheduler::Event& event : output.batch.events) {
      if (const auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body)) {
        statuses[submitted->id] = {submitted->id, JobStatus::kQueued, {}};
      }
      if (const auto* changed = std::get_if<scheduler::JobStatusChanged>(&event.body)) {
        statuses[changed->job] = *changed;
      }
    }
    if (!output.batch.events.empty()) batch = std::move(output.batch);
    EXPECT_EQ(scheduler::BrokenInvariants(core->state()), std::vector<std::string>());
  }
};

}  // namespace muster::server
