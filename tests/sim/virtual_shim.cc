#include "tests/sim/virtual_shim.h"

#include <algorithm>
#include <utility>

namespace muster::sim {

using scheduler::Communicator;

VirtualShim::VirtualShim(const Place& place, const AttemptId& id, TaskText task,
                         const JobPlan& plan)
    : place_(place), id_(id), task_(std::move(task)), plan_(plan) {}

bool VirtualShim::IsMpi() const {
  return plan_.requirements.communicator == Communicator::kMpi && task_.gang.size() > 1;
}

void VirtualShim::Later(Duration delay, std::function<void()> action) {
  place_.world.After(delay, [weak = weak_from_this(), action = std::move(action)] {
    const auto self = weak.lock();
    if (self != nullptr && self->alive_) action();
  });
}

void VirtualShim::Start() {
  place_.truth.Started(id_, place_.node, task_.gang);
  Later(plan_.launch_time + place_.world.Between(milliseconds(2), milliseconds(40)),
        [this] { ComeUp(); });
}

void VirtualShim::ComeUp() {
  up_ = true;
  place_.listener.OnRunning(id_);
  if (stopping_) return ExitIfDone();
  if (!IsMpi()) return StartRanks();
  if (!IsHead()) return;
  for (std::uint32_t other = 1; other < task_.gang.size(); ++other) {
    waiting_[other] = agent::DaemonRequest{other, task_.gang[other], {"orted"}};
  }
  StartRanks();
  Reconnect();
}

void VirtualShim::Reconnect() {
  for (const auto& [number, request] : std::map(waiting_)) {
    place_.listener.OnDaemonRequested(id_, request);
  }
}

void VirtualShim::StartRanks() {
  ranks_started_ = true;
  const std::uint32_t count = plan_.requirements.processes_per_node;
  for (std::uint32_t local = 0; local < count; ++local) {
    const std::uint32_t rank = task_.node_rank * count + local;
    const agent::Rank started{rank, place_.world.NowOn(place_.clock).wall, {}, {}, {}};
    ranks_[rank] = started;
    Later(PlannedTime(rank), [this, rank] { EndRank(rank, PlannedExit(rank)); });
    place_.listener.OnRank(id_, started);
  }
}

RealExit VirtualShim::PlannedExit(std::uint32_t rank) const {
  if (rank == plan_.failing_rank) {
    if (plan_.fate == Fate::kExitsNonZero) return RealExit{plan_.exit_code, {}};
    if (plan_.fate == Fate::kDiesOfSignal) return RealExit{{}, plan_.exit_code};
  }
  return RealExit{0, {}};
}

Duration VirtualShim::PlannedTime(std::uint32_t rank) {
  if (plan_.fate == Fate::kRunsTooLong) return hours(5);
  const bool fails = PlannedExit(rank) != RealExit{0, {}};
  const std::uint32_t percent = fails ? place_.world.Pick(5, 95) : place_.world.Pick(97, 103);
  return plan_.run_time * percent / 100;
}

bool VirtualShim::RanksRun() const {
  return std::any_of(ranks_.begin(), ranks_.end(),
                     [](const auto& entry) { return !entry.second.ended; });
}

void VirtualShim::EndRank(std::uint32_t rank, RealExit exit) {
  agent::Rank& record = ranks_.at(rank);
  if (record.ended) return;
  record.ended = place_.world.NowOn(place_.clock).wall;
  record.exit_code = exit.exit_code;
  record.signal = exit.signal;
  place_.truth.RankEnded(id_, rank, exit);
  place_.listener.OnRank(id_, agent::Rank(record));
  // The rest of the node ends with the first that fails.
  if (exit != RealExit{0, {}}) Kill();
  ExitIfDone();
}

void VirtualShim::StartDaemon(const agent::DaemonRequest& request) {
  if (!alive_ || !up_ || stopping_ || daemon_) return;
  daemon_ = request;
  StartRanks();
}

void VirtualShim::AnswerDaemon(const agent::DaemonExit& exit) {
  if (!alive_ || waiting_.erase(exit.id) == 0) return;
  if (exit.exit_code != 0) Kill();  // mpirun gives up
  ExitIfDone();
}

void VirtualShim::Terminate(Duration grace) {
  if (!alive_) return;
  const bool first = !std::exchange(stopping_, true);
  if (!first) return;
  if (up_ && !ranks_started_) return Exit();
  for (const auto& [rank, record] : ranks_) {
    if (record.ended) continue;
    Later(plan_.ends_after_sigterm, [this, number = rank] { EndRank(number, RealExit{{}, 15}); });
  }
  Later(grace, [this] { Kill(); });
}

void VirtualShim::Kill() {
  if (!alive_) return;
  stopping_ = true;
  waiting_.clear();
  const Duration takes = place_.world.Between(microseconds(100), milliseconds(50));
  Later(takes, [this] {
    for (const auto& [rank, record] : std::map(ranks_)) EndRank(rank, RealExit{{}, 9});
    Exit();
  });
}

void VirtualShim::KillBecause(agent::Failure failure) {
  if (!alive_) return;
  failure_ = std::move(failure);
  Kill();
}

void VirtualShim::Vanish() {
  if (!alive_) return;
  alive_ = false;
  failure_ = agent::Failure{agent::FailureCode::kShimLost, "The shim has gone."};
  place_.truth.Ended(id_, place_.node);
}

void VirtualShim::ExitIfDone() {
  if (!up_ || RanksRun() || !waiting_.empty()) return;
  if (!ranks_started_ && !stopping_) return;
  Exit();
}

void VirtualShim::Exit() {
  if (!alive_ || std::exchange(exiting_, true)) return;
  Later(place_.world.Between(microseconds(50), milliseconds(5)), [this] {
    const auto self = shared_from_this();
    if (daemon_) {
      const bool failed = std::any_of(ranks_.begin(), ranks_.end(), [](const auto& entry) {
        return entry.second.exit_code.value_or(1) != 0;
      });
      daemon_exit_ = agent::DaemonExit{daemon_->id, failed ? 1 : 0};
      place_.listener.OnDaemonEnded(id_, *daemon_exit_);
    }
    alive_ = false;
    place_.truth.Ended(id_, place_.node);
    place_.listener.OnExited(id_);
  });
}

std::vector<agent::Rank> VirtualShim::ranks() const {
  std::vector<agent::Rank> all;
  for (const auto& [number, rank] : ranks_) all.push_back(rank);
  return all;
}

std::vector<agent::DaemonRequest> VirtualShim::daemons_started() const {
  return daemon_ ? std::vector{*daemon_} : std::vector<agent::DaemonRequest>{};
}

std::vector<agent::DaemonExit> VirtualShim::daemon_exits() const {
  return daemon_exit_ ? std::vector{*daemon_exit_} : std::vector<agent::DaemonExit>{};
}

}  // namespace muster::sim
