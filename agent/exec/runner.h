// Owns the attempts' directories and shims on this node: stages, launches, signals, watches,
// adopts. The only part of the agent that touches processes. All methods but Prepare are called on
// the loop's thread and do not block for longer than a fork; events come on the same thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/agent_core.h"
#include "agent/shim/launch_file.h"
#include "base/result.h"

namespace muster::v1 {
class AttemptTask;
}

namespace muster::agent {

// How the processes of an attempt are held together.
enum class Isolation : std::uint8_t {
  kAuto,        // namespaces where the machine allows them
  kNamespaces,  // nothing survives the shim; the job sees no other process of the machine
  kNone,  // subreaper and process groups: a job that hides from us survives the loss of its shim
};

struct RunnerConfig {
  NodeId node;
  std::string directory;  // of this node; absolute
  std::string host_name;  // UTS name inside attempts; empty: the machine's own
  std::string address;    // where other nodes of a gang reach this one
  std::string interpreter = "/usr/bin/python3";
  std::string job_user;              // account jobs run as when the agent is root; never root
  std::string program_directory;     // where muster-shim and muster-rsh are
  std::string job_python_directory;  // of the modules that scripts find; empty: none
  std::uint64_t snapshot_max_bytes = 64ULL << 30;
  std::uint64_t snapshot_max_entries = 2'000'000;
  std::uint64_t rank_log_max_bytes = 10ULL << 30;
  Isolation isolation = Isolation::kAuto;
};

// Called on the loop's thread.
struct RunnerEvents {
  std::function<void(const AttemptId&)> on_running;
  std::function<void(const AttemptId&, const Rank&)> on_rank;
  std::function<void(const AttemptId&, const std::optional<Failure>&, const std::string& log_tail)>
      on_exited;
  std::function<void(const AttemptId&, const DaemonRequest&)> on_daemon_requested;
  std::function<void(const AttemptId&, const DaemonExit&)> on_daemon_ended;
};

// Where an attempt is on this node, and whose its files are.
struct AttemptPlace {
  std::string directory;
  std::optional<Credentials> owner;  // absent: the agent's own account
};

// Makes a blob present on this node and gives its path. Blocking; worker threads only.
using FetchBlob = std::function<Result<std::string>(const std::string& digest_hex)>;

class Runner {
 public:
  static Result<std::unique_ptr<Runner>> Create(boost::asio::io_context& loop, RunnerConfig config,
                                                RunnerEvents events);
  virtual ~Runner() = default;  // shims and jobs go on

  // Stages directory, snapshot and data. Blocking; any worker thread; safe to repeat after a crash.
  virtual Status Prepare(const AttemptId& id, const v1::AttemptTask& task,
                         const FetchBlob& fetch) = 0;
  // Starts the shim (and through it the ranks, or mpirun on the head of an MPI gang).
  virtual Status Launch(const AttemptId& id, const v1::AttemptTask& task) = 0;
  virtual void StartDaemon(const AttemptId& id, const DaemonRequest& request) = 0;
  virtual void AnswerDaemon(const AttemptId& id, const DaemonExit& exit) = 0;
  // SIGTERM to the ranks (not to mpirun or orted); the shim kills everything after the grace
  // period.
  virtual void Terminate(const AttemptId& id, Duration grace_period) = 0;
  virtual void Kill(const AttemptId& id) = 0;
  // Until when attempts may live, launched or about to be: their shims kill them then, even if no
  // agent is there any more (on_exited with kLeaseExpired, or so found by Adopt). Each call tells
  // all leases; one that is told no more ends without a successor, but for a shim that was adopted:
  // that keeps its own until it is told one. Cheap where nothing has changed.
  virtual void NoteLeases(const std::vector<LeaseState>& leases) = 0;
  // Removes the directory of an attempt without processes.
  virtual Status Remove(const AttemptId& id) = 0;

  // Finds what the directory holds after a restart of the agent and connects to live shims. Phases:
  // kRunning (shim alive), kExited (record or shim lost), kReady/kPreparing (nothing was started).
  // Attempts whose shim is alive give events from now on.
  virtual std::vector<RecoveredAttempt> Adopt() = 0;

  // Directory of the files that are shipped as azureml-logs/<file>: grows while the attempt runs.
  virtual std::string LogDirectory(const AttemptId& id) const = 0;
  virtual AttemptPlace PlaceOf(const AttemptId& id) const = 0;
};

}  // namespace muster::agent
