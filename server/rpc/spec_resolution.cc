#include "server/rpc/spec_resolution.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/check.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::int64_t kDefaultGraceMs = 10'000;

scheduler::Communicator ToModel(v1::Communicator communicator) {
  switch (communicator) {
    case v1::COMMUNICATOR_UNSPECIFIED:
    case v1::COMMUNICATOR_NONE:
      return scheduler::Communicator::kNone;
    case v1::COMMUNICATOR_MPI:
      return scheduler::Communicator::kMpi;
    case v1::COMMUNICATOR_GLOO:
      return scheduler::Communicator::kGloo;
    case v1::COMMUNICATOR_NCCL:
      return scheduler::Communicator::kNccl;
    case v1::COMMUNICATOR_PARAMETER_SERVER:
      return scheduler::Communicator::kParameterServer;
    case v1::Communicator_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::Communicator_INT_MAX_SENTINEL_DO_NOT_USE_:
      break;
  }
  MUSTER_CHECK(false, "an unknown communicator passed the validation");
}

}  // namespace

v1::JobSpec* ResolveSpec(const v1::JobSpec& spec, const SpecDefaults& defaults,
                         google::protobuf::Arena& arena) {
  v1::JobSpec& resolved = *google::protobuf::Arena::CreateMessage<v1::JobSpec>(&arena);
  resolved.CopyFrom(spec);
  if (resolved.pool().empty()) resolved.set_pool("default");
  if (!resolved.has_node_count()) resolved.set_node_count(1);
  if (!resolved.has_process_count_per_node()) resolved.set_process_count_per_node(1);
  if (resolved.communicator() == v1::COMMUNICATOR_UNSPECIFIED) {
    resolved.set_communicator(v1::COMMUNICATOR_NONE);
  }
  for (v1::DataReference& reference : *resolved.mutable_data_references()) {
    if (reference.mode() == v1::DATA_MODE_UNSPECIFIED) reference.set_mode(v1::DATA_MODE_MOUNT);
  }
  if (resolved.restart_policy().node_loss_retries() == 0) {
    resolved.mutable_restart_policy()->set_lease_ms(0);
  } else if (resolved.restart_policy().lease_ms() == 0) {
    resolved.mutable_restart_policy()->set_lease_ms(
        std::chrono::duration_cast<std::chrono::milliseconds>(defaults.lease).count());
  }
  if (!resolved.has_grace_period_ms()) resolved.set_grace_period_ms(kDefaultGraceMs);
  return &resolved;
}

scheduler::JobRequirements RequirementsOf(const v1::JobSpec& resolved) {
  using std::chrono::milliseconds;
  return scheduler::JobRequirements{
      .pool = PoolName(resolved.pool()),
      .node_count = resolved.node_count(),
      .processes_per_node = resolved.process_count_per_node(),
      .communicator = ToModel(resolved.communicator()),
      .priority = resolved.priority(),
      .node_loss_retries = resolved.restart_policy().node_loss_retries(),
      .lease = milliseconds(resolved.restart_policy().lease_ms()),
      .grace_period = milliseconds(resolved.grace_period_ms()),
      .max_run_duration = milliseconds(resolved.max_run_duration_ms()),
  };
}

DatastoreName FoldDatastoreName(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return DatastoreName(std::move(folded));
}

std::string LocalPathOf(const std::string& root, const v1::DataReference& reference) {
  return reference.path().empty() ? root : root + "/" + reference.path();
}

std::vector<DatastoreName> DatastoresOf(const v1::JobSpec& resolved) {
  std::vector<DatastoreName> names;
  for (const v1::DataReference& reference : resolved.data_references()) {
    names.push_back(FoldDatastoreName(reference.datastore()));
  }
  return names;
}

std::string SerializeDeterministic(const google::protobuf::MessageLite& message) {
  std::string bytes;
  bytes.reserve(message.ByteSizeLong());
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace muster::server
