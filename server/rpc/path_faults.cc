#include "server/rpc/path_faults.h"

#include <algorithm>

#include "server/rpc/field_checks.h"
#include "server/rpc/spec_resolution.h"
#include "server/rpc/spec_validation.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kNodesNamed = 3;

// An output's path is made by the job.
bool MustBeThere(v1::DataMode mode) {
  return mode == v1::DATA_MODE_UNSPECIFIED || mode == v1::DATA_MODE_MOUNT ||
         mode == v1::DATA_MODE_DOWNLOAD;
}

// "node n1 has no", "nodes n1, n2 and n3 have no", "nodes n1, n2, n3 and 13 more have no"
std::string WhoLacks(const std::vector<NodeId>& nodes) {
  std::string who = nodes.size() == 1 ? "node " : "nodes ";
  for (std::size_t i = 0; i < std::min(nodes.size(), kNodesNamed); ++i) {
    if (i > 0) who += i + 1 == nodes.size() ? " and " : ", ";
    who += nodes[i].str();
  }
  if (nodes.size() > kNodesNamed) {
    who += " and " + std::to_string(nodes.size() - kNodesNamed) + " more";
  }
  return who + (nodes.size() == 1 ? " has no " : " have no ");
}

std::string WhatWouldWork(const WantedPath& wanted, const v1::DataReference& reference) {
  if (reference.path().empty()) {
    return ", the root of datastore \"" + reference.datastore() +
           "\": put it there, or register the datastore with a path that the nodes have";
  }
  return ": put it there, or name a path below " + CutForFault(wanted.root) + ", the root of " +
         "datastore \"" + reference.datastore() + "\", that the nodes have";
}

}  // namespace

std::vector<WantedPath> PathsOf(const scheduler::State& state, const WorkspaceName& workspace,
                                const v1::JobSpec& spec) {
  std::vector<WantedPath> wanted;
  if (spec.data_references_size() > kMaxDataReferences) return wanted;
  for (int i = 0; i < spec.data_references_size(); ++i) {
    const v1::DataReference& reference = spec.data_references(i);
    const auto datastore = state.datastores.find(
        scheduler::DatastoreKey{workspace, FoldDatastoreName(reference.datastore())});
    if (datastore == state.datastores.end() || !MustBeThere(reference.mode()) ||
        !PathFault(reference.path(), kMaxPathBytes).empty()) {
      continue;
    }
    const std::string& root = datastore->second.local_path;
    std::string path = LocalPathOf(root, reference);
    if (path.size() <= kMaxPathBytes) wanted.push_back({i, root, std::move(path)});
  }
  return wanted;
}

std::vector<Fault> PathFaults(const v1::JobSpec& spec, const std::vector<WantedPath>& wanted,
                              const PathVerdict& verdict) {
  std::vector<Fault> faults;
  for (const WantedPath& path : wanted) {
    if (!std::ranges::binary_search(verdict.missing, path.path)) continue;
    const v1::DataReference& reference = spec.data_references(path.reference);
    AddFault(faults, "data_references[" + std::to_string(path.reference) + "].path",
             reference.path(),
             WhoLacks(verdict.answered) + CutForFault(path.path) + WhatWouldWork(path, reference));
  }
  return faults;
}

}  // namespace muster::server
