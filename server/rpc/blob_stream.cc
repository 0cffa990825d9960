#include "server/rpc/blob_stream.h"

#include <vector>

#include "muster/v1/jobs.pb.h"

namespace muster::server {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

using Specs = std::vector<std::shared_ptr<const std::string>>;

// The specs of all attempts that hold the node. Bounded by its slots.
Specs SpecsOnNode(const scheduler::State& state, const NodeId& node) {
  Specs specs;
  const auto found = state.nodes.find(node);
  if (found == state.nodes.end()) return specs;
  for (const auto& [attempt, slots] : found->second.held) {
    const auto job = state.jobs.find(attempt.job);
    if (job != state.jobs.end()) specs.push_back(job->second.spec);
  }
  return specs;
}

bool AnyNeeds(const Specs& specs, const std::string& digest) {
  for (const auto& bytes : specs) {
    muster::v1::JobSpec spec;
    if (bytes && spec.ParseFromString(*bytes) && spec.snapshot_digest() == digest) return true;
  }
  return false;
}

}  // namespace

void BlobStream::Begin() {
  const std::optional<Digest> digest = Digest::Parse(digest_text_);
  if (!digest) {
    return Refuse(Error{ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                        "digest must be 64 lower-case hex characters"});
  }
  digest_ = *digest;
  parts_.loop.Query([self = Self()](const Core& core, Now) {
    Specs specs = SpecsOnNode(core.state(), self->node_);
    self->parts_.io.Continue([self, specs = std::move(specs)](std::size_t) {
      if (AnyNeeds(specs, self->digest_text_)) return self->Read();
      self->Refuse(
          Error{ErrorCode::kPermissionDenied, ErrorReason::kUnknownBlob,
                "no attempt on node " + self->node_.str() + " needs blob " + self->digest_text_});
    });
  });
}

void BlobStream::Next() {
  parts_.io.Continue([self = Self()](std::size_t) { self->Read(); });
}

void BlobStream::Read() {
  Result<std::string> data = parts_.blobs.Read(digest_, offset_, kChunkBytes);
  if (!data) return Refuse(data.error());
  const std::lock_guard lock(mutex());
  if (!Idle()) return;
  if (data->empty()) return End(grpc::Status::OK);
  offset_ += data->size();
  message().set_data(std::move(*data));
  Send();
}

void BlobStream::Refuse(const Error& error) {
  const std::lock_guard lock(mutex());
  End(ToGrpcStatus(error));
}

}  // namespace muster::server
