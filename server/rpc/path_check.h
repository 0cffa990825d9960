// Looks before a submit whether the nodes have the paths that its data references name. A courtesy
// to the user, no promise: where no node can say so in time the job is accepted, and staging finds
// out. Thread-safe, but for what is said below.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "muster/v1/jobs.pb.h"
#include "server/core_loop.h"
#include "server/loop/worker_pool.h"
#include "server/rpc/path_faults.h"
#include "server/rpc/path_probe.h"
#include "server/rpc/settled_paths.h"

namespace muster::server {

class PathCheck {
 public:
  // Faults of fields of the specification; empty: nothing speaks against the paths.
  using OnChecked = std::function<void(std::vector<Fault>)>;

  // Both must outlive the calls. A node has `timeout` to answer; 0: no node is asked.
  PathCheck(CoreLoop& loop, WorkerPool& io, Duration timeout)
      : loop_(loop), io_(io), timeout_(timeout) {}

  // `on_checked` runs once: at once on this thread if there is nothing to ask, or it was found a
  // short while ago; else on a thread of `io`, after `timeout` at the latest. `spec` must live
  // until then.
  void Check(const WorkspaceName& workspace, const muster::v1::JobSpec& spec, OnChecked on_checked);

  // What was found counts no more: a datastore lies elsewhere.
  void Forget() { settled_.Clear(); }

  // --- core thread only ---
  void SessionOpened(std::uint64_t session, const NodeId& node, std::shared_ptr<PathPeer> peer);
  void SessionClosed(std::uint64_t session) { probe_.Remove(session); }
  void Answer(std::uint64_t session, const muster::v1::PathsChecked& checked);

 private:
  struct Request {
    WorkspaceName workspace;
    const muster::v1::JobSpec& spec;
    Digest key;
    OnChecked on_checked;
    std::vector<WantedPath> wanted;
  };
  void Ask(const std::shared_ptr<Request>& request, const scheduler::State& state, Now now);
  // `verdict` may be null: nobody was asked.
  void Finish(const std::shared_ptr<Request>& request, std::shared_ptr<const PathVerdict> verdict);
  void ArmTimer(SteadyPoint now);

  CoreLoop& loop_;
  WorkerPool& io_;
  const Duration timeout_;
  SettledPaths settled_;
  PathProbe probe_;
  bool armed_ = false;
};

}  // namespace muster::server
