// A node in virtual time: the core under test, and short ways to say what happens to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/agent_core.h"

namespace muster::agent {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline AttemptId Id(const std::string& job, std::uint32_t number = 1) {
  return AttemptId{JobId(job), number};
}

inline DesiredAttempt Want(const AttemptId& id, DesiredPhase phase, Duration lease = {}) {
  DesiredAttempt wanted;
  wanted.id = id;
  wanted.phase = phase;
  wanted.task = std::make_shared<const std::string>("task");
  wanted.grace_period = seconds(10);
  wanted.lease = lease;
  return wanted;
}

// "Prepare a/1", "Terminate a/1 10.0 s", "SendReport 3"...
std::string Describe(const Action& action);

class AgentCoreTest : public ::testing::Test {
 protected:
  void Start(std::vector<RecoveredAttempt> recovered = {}, std::uint64_t seen_epoch = 0,
             AgentCoreConfig config = {}) {
    core_ = std::make_unique<AgentCore>(config, std::move(recovered), seen_epoch, now_);
  }
  void Pass(Duration time) {
    now_.wall += time;
    now_.steady += time;
  }
  Now now() const { return now_; }

  // What the core asks for, but for reports: those stand in report_, and are acknowledged at once
  // unless the server is mute.
  std::vector<std::string> Asked(AgentCore::Actions actions) {
    std::vector<std::string> asked;
    reports_sent_ = 0;
    while (!actions.empty()) {
      AgentCore::Actions more;
      for (const Action& action : actions) {
        const auto* send = std::get_if<SendReport>(&action);
        if (send == nullptr) {
          asked.push_back(Describe(action));
          continue;
        }
        report_ = send->report;
        reports_sent_ += 1;
        if (!mute_) more = core_->OnReportAck(report_.sequence, now_);
      }
      actions = std::move(more);
    }
    return asked;
  }
  std::vector<std::string> Level(std::vector<DesiredAttempt> attempts) {
    return Asked(core_->OnDesired(Desired{1, ++version_, std::move(attempts)}, now_));
  }
  // One attempt, launched and running, in an open session.
  void RunOne(const AttemptId& id, Duration lease = {}) {
    Start();
    Asked(core_->OnSessionOpened(now_));
    Asked(core_->OnHeartbeatAck(now_.steady, now_));
    Level({Want(id, DesiredPhase::kRun, lease)});
    Asked(core_->OnPrepared(id, std::nullopt, now_));
    Asked(core_->OnRunning(id, now_));
  }
  const ObservedAttempt& Only() {
    EXPECT_EQ(report_.attempts.size(), 1U);
    return report_.attempts.front();
  }

  std::unique_ptr<AgentCore> core_;
  Report report_;
  int reports_sent_ = 0;  // by the newest call
  bool mute_ = false;     // the server acknowledges no report
  std::uint64_t version_ = 0;
  Now now_{TimePoint(seconds(1'000'000)), SteadyPoint(seconds(500))};
};

using Strings = std::vector<std::string>;

}  // namespace muster::agent
