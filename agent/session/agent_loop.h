// Drives the core on the agent's one thread: what happens on the node and what the server says go
// in, the actions that come out are carried out here, in order.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "agent/exec/runner.h"
#include "agent/logs/log_shipper.h"
#include "agent/logs/run_outputs.h"
#include "agent/session/ledger.h"
#include "agent/session/staging_work.h"
#include "agent/session/worker_pool.h"
#include "agent/tracking/attempt_tracking.h"

namespace muster::agent {

struct AgentLoopParts {
  boost::asio::io_context& loop;
  LogShipper& shipper;
  RunOutputs& outputs;
  AttemptTracking& tracking;
  StagingParts staging;         // with the runner and the ledger
  WorkerPool& staging_workers;  // may be busy for long
  WorkerPool& ledger_workers;   // short durable writes
  std::function<void(const Report&)> send_report;
};

// All methods on the loop's thread.
class AgentLoop {
 public:
  AgentLoop(AgentLoopParts parts, const std::vector<RecoveredAttempt>& recovered);

  // Starts the timers and takes up the attempts that were found. `rebooted`: the machine has been
  // started again since, so that nothing of them may live.
  void Start(bool rebooted);
  // No action is carried out any more.
  void Stop();

  // --- from the session ---
  void SessionOpened();
  void SessionClosed();
  void TakeDesired(const Desired& desired);
  void ReportAcked(std::uint64_t sequence);
  void HeartbeatAcked(SteadyPoint sent);
  void ServerLeaving(Duration lease_extension);

  // --- from the runner ---
  void Running(const AttemptId& id);
  void RankChanged(const AttemptId& id, const Rank& rank);
  void Exited(const AttemptId& id, const std::optional<Failure>& failure,
              const std::string& log_tail);
  void DaemonRequested(const AttemptId& id, const DaemonRequest& request);
  void DaemonEnded(const AttemptId& id, const DaemonExit& exit);

 private:
  // What a worker is doing for an attempt, and what came in the way meanwhile.
  struct Work {
    LedgerRecord record;
    SteadyPoint launched{};
    bool staging = false;
    std::shared_ptr<StopSignal> given_up;  // of the staging
    bool launching = false;                // its launch is being noted in the ledger
    bool stop = false;                     // came while launching: it is not launched at all
    bool remove = false;                   // came while a worker had it
  };

  void Perform(AgentCore::Actions actions);
  void Do(const Prepare& action);
  void Do(const Launch& action);
  void Do(const StartDaemon& action);
  void Do(const AnswerDaemon& action);
  void Do(const Terminate& action);
  void Do(const Kill& action);
  void Do(const ShipRest& action);
  void Do(const Remove& action);
  void Do(const SendReport& action);

  void FollowJob(const AttemptId& id, const v1::AttemptTask* task);
  void TellWhatWasShipped(const AttemptId& id, std::vector<std::string> lines);
  void Shipped(const AttemptId& id, const std::optional<std::string>& script_failure);
  void GiveUpStaging(const Desired& desired);
  void Staged(const AttemptId& id, const std::optional<Failure>& failure);
  void LaunchNoted(const AttemptId& id, const Status& noted);
  void LaunchFailed(Work& work, const Error& error);
  void RemoveNow(const AttemptId& id);
  void ArmCoreTimer();
  void LookAtDisk();
  void TrimBlobs();

  AgentLoopParts parts_;
  AgentCore core_;
  std::vector<AttemptId> recovered_running_;
  std::map<AttemptId, Work> work_;
  std::deque<Action> actions_;
  bool performing_ = false;
  bool stopped_ = false;
  bool trimming_ = false;
  boost::asio::steady_timer core_timer_;
  boost::asio::steady_timer disk_timer_;
};

// The runner's events, for a loop that is made after the runner; each is delivered in a turn of its
// own.
RunnerEvents EventsFor(boost::asio::io_context& loop, const std::shared_ptr<AgentLoop*>& target);

}  // namespace muster::agent
