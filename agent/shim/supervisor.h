// The shim's life: parent of all processes of an attempt on this node, PID 1 of their namespace.
// One thread, one poll loop. Ends with run/exit.json on disk and nothing of the attempt alive.
#pragma once

#include <poll.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/shim/control_server.h"
#include "agent/shim/launch_file.h"
#include "agent/shim/log_pump.h"
#include "agent/shim/process.h"
#include "agent/shim/rank_record_watch.h"
#include "agent/shim/records.h"

namespace muster::agent {

class Supervisor {
 public:
  // `agent` is the connection that the agent left open; may be empty.
  Supervisor(LaunchFile launch, UniqueFd agent);
  int Run();

 private:
  struct Rank {
    RankRecord record;
    std::optional<LogPump> pump;  // only of ranks whose parent we are
  };
  struct Daemon {
    DaemonRecord record;
    pid_t pid = 0;
  };

  // --- start (supervisor_start.cc) ---
  Status SetUp();
  Status SetUpSignals();
  Status Start();
  Status OpenLogs();
  void StartRanks();
  Status StartMpirun();
  void StartDaemon(const DaemonRecord& request);
  tl::expected<pid_t, StartFailure> StartLauncher(const std::string& name,
                                                  std::vector<std::string> argv,
                                                  const std::string& log);
  void FailToLaunch(const std::string& message);

  // --- what happens ---
  void Loop();
  void Wait();
  int TimeoutMs() const;
  void OnTimers();
  void OnCommand(const ShimCommand& command);
  void Reap();
  void OnChild(pid_t pid, int status);
  void OnRankRecord(const RankRecord& record);
  void OnRankEnded(Rank& rank);
  void OnLauncherEnded(const std::string& name, int status);
  bool AnyRankFailed() const;
  bool AllRanksEnded() const;

  // --- the end ---
  void EndWithLease();  // if it is over
  // Kills everything; the failure is noted unless there is one, or an order to stop.
  void FailWith(ShimFailure failure, const std::string& message);
  void Terminate(std::int64_t grace_us);
  void SignalRank(const Rank& rank) const;
  void KillAll();
  void Finish();

  std::string Level() const;
  void Send(const Rank& rank);
  void Send(const Daemon& daemon);
  const Credentials* credentials() const {
    return launch_.credentials ? &*launch_.credentials : nullptr;
  }

  LaunchFile launch_;
  UniqueFd agent_;
  UniqueFd run_;
  UniqueFd signals_;
  std::unique_ptr<ControlServer> control_;
  std::optional<RankRecordWatch> records_;  // MPI
  std::map<std::uint32_t, Rank> ranks_;
  std::vector<Daemon> daemons_;
  pid_t mpirun_ = 0;

  bool running_ = false;
  bool stopping_ = false;  // a SIGTERM has gone out
  bool killing_ = false;
  bool children_gone_ = false;
  bool launcher_succeeded_ = false;
  ShimLease lease_;
  std::int64_t kill_at_us_ = 0;     // end of the grace period; 0: none
  std::int64_t verdict_at_us_ = 0;  // when a launcher's end counts as a failure of its own; 0: none
  std::string verdict_;
  std::optional<ShimFailure> failure_;
  std::string failure_message_;
};

}  // namespace muster::agent
