// The paths that a job's data references name on its nodes, and the faults where nodes lack them.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "muster/v1/jobs.pb.h"
#include "scheduler/model/state.h"
#include "server/rpc/path_probe.h"

namespace muster::server {

// A path that must be there before the job starts.
struct WantedPath {
  int reference = 0;  // index in the specification
  std::string root;   // of the datastore
  std::string path;   // absolute, on the nodes
};

// Of the references that are sound by themselves and name a registered datastore. None of a
// specification with more references than a job may have.
std::vector<WantedPath> PathsOf(const scheduler::State& state, const WorkspaceName& workspace,
                                const muster::v1::JobSpec& spec);

std::vector<Fault> PathFaults(const muster::v1::JobSpec& spec,
                              const std::vector<WantedPath>& wanted, const PathVerdict& verdict);

}  // namespace muster::server
