// From a valid JobSpec to what is stored and scheduled: defaults filled in, requirements extracted.
// Pure.
#pragma once

#include <google/protobuf/arena.h>

#include <string>
#include <vector>

#include "base/time.h"
#include "muster/v1/jobs.pb.h"
#include "scheduler/model/types.h"

namespace muster::server {

struct SpecDefaults {
  Duration lease = std::chrono::seconds(60);  // of jobs that may be retried
};

// `spec` has passed ValidateSpec. Every default is written out. The result lives in the arena.
muster::v1::JobSpec* ResolveSpec(const muster::v1::JobSpec& spec, const SpecDefaults& defaults,
                                 google::protobuf::Arena& arena);
scheduler::JobRequirements RequirementsOf(const muster::v1::JobSpec& resolved);
// Lower case, one for each data reference, in their order.
std::vector<DatastoreName> DatastoresOf(const muster::v1::JobSpec& resolved);
DatastoreName FoldDatastoreName(std::string_view name);
// What the reference names on a node, where its datastore lies at `root`.
std::string LocalPathOf(const std::string& root, const muster::v1::DataReference& reference);

// The same bytes for equal messages (maps sorted).
std::string SerializeDeterministic(const google::protobuf::MessageLite& message);

}  // namespace muster::server
