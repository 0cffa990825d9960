// An attempt whose shim has been started: the agent's end of run/control.sock. On the loop's
// thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/exec/rsh_listener.h"
#include "agent/exec/runner.h"
#include "agent/exec/shim_process.h"
#include "agent/shim/launch_file.h"
#include "agent/shim/records.h"

namespace muster::agent {

class LiveAttempt : public std::enable_shared_from_this<LiveAttempt> {
 public:
  // `events` outlives it, or Detach is called.
  LiveAttempt(boost::asio::io_context& loop, AttemptId id, LaunchFile launch,
              const RunnerEvents& events);

  // Starts the shim. run/launch.json has been written.
  Status Launch(const std::string& program_directory);
  // Goes on with a shim that a former agent started; `recovered` gets what it says.
  void Resume(FoundShim shim, RecoveredAttempt& recovered);

  void StartDaemon(const DaemonRequest& request);
  void Answer(const DaemonExit& exit);
  void Terminate(Duration grace_period);
  void Kill();
  // Tells the shim, unless it knows.
  void NoteLease(const ShimLease& lease);
  // All processes are gone and on_exited has been called.
  bool exited() const { return exited_; }
  // No event from now on; the shim goes on.
  void Detach();

 private:
  using ErrorCode = boost::system::error_code;

  Status ListenForRsh();
  void Send(const ShimCommand& command);
  void Write();
  void Read();
  void Take(const ShimEvent& event);
  void TakeRank(const RankRecord& record);
  void TakeDaemon(const DaemonRecord& record);
  void OnDisconnected();
  void Reconnect();
  void WatchProcess();
  void ReapStarter(UniqueFd starter);
  void KillAfter(Duration delay);
  void ConcludeFromDisk();
  void Conclude(const ExitRecord& record, const std::optional<Failure>& failure);
  std::string LogTail(const ExitRecord& record) const;

  boost::asio::io_context& loop_;
  AttemptId id_;
  LaunchFile launch_;
  const RunnerEvents& events_;
  boost::asio::posix::stream_descriptor control_;
  boost::asio::posix::stream_descriptor process_;  // pidfd of the shim
  boost::asio::posix::stream_descriptor starter_;  // pidfd of what started it
  boost::asio::steady_timer reconnect_;
  boost::asio::steady_timer hard_kill_;
  std::shared_ptr<RshListener> rsh_;
  LineBuffer input_{kShimLineMaxBytes};
  std::array<char, 16384> buffer_{};
  std::string output_;
  std::string sending_;  // stays where it is while a write is under way
  bool writing_ = false;
  std::optional<ShimLease> lease_told_;
  std::map<std::uint32_t, RankRecord> ranks_;
  std::map<std::uint64_t, DaemonRecord> daemons_;
  bool running_ = false;
  bool stopping_ = false;  // on our order
  bool exited_ = false;
  bool detached_ = false;
};

Rank ToRank(const RankRecord& record);
// What the shim's record says went wrong with the attempt as a whole, if anything.
std::optional<Failure> FailureOf(const ExitRecord& record);

}  // namespace muster::agent
