#include "server/rpc/blob_service.h"

#include <utility>
#include <vector>

#include "server/auth/principal.h"
#include "server/rpc/blob_upload.h"
#include "server/rpc/bounded_decode.h"
#include "server/rpc/change_request.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/unary.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr int kMaxDigests = 10'000;

Result<std::vector<Digest>> ParseDigests(const v1::FindMissingBlobsRequest& request) {
  if (request.digests_size() > kMaxDigests) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooMany,
                "digests: " + std::to_string(request.digests_size()) +
                    " digests, at most 10,000 a call are allowed");
  }
  std::vector<Digest> digests;
  for (const std::string& text : request.digests()) {
    const auto digest = Digest::Parse(text);
    if (!digest) {
      return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                  "digests: \"" + CutForFault(text) + "\" is not 64 lower-case hex characters");
    }
    digests.push_back(*digest);
  }
  return digests;
}

}  // namespace

grpc::ServerUnaryReactor* BlobService::FindMissingBlobs(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* raw,
                                                        grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  v1::FindMissingBlobsRequest request;
  const Status decoded = DecodeBounded(*raw, request);
  if (!decoded) return FinishWith(reactor, decoded.error());
  const auto workspace = WorkspaceFor(PrincipalOf(*context), request.workspace());
  if (!workspace) return FinishWith(reactor, workspace.error());
  Result<std::vector<Digest>> digests = ParseDigests(request);
  if (!digests) return FinishWith(reactor, digests.error());
  const bool queued = parts_.io.Submit(
      [this, reactor, reply, workspace = *workspace, digests = std::move(*digests)](std::size_t) {
        v1::FindMissingBlobsReply missing;
        for (const Digest& digest : digests) {
          if (!parts_.blobs.Has(digest)) missing.add_missing_digests(digest.Hex());
        }
        *reply = Encode(missing);
        QueryAndFinish(parts_.loop, reactor, workspace, [](const Core&, Now) { return Status(); });
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

grpc::ServerReadReactor<v1::UploadBlobRequest>* BlobService::UploadBlob(
    grpc::CallbackServerContext* context, v1::UploadBlobReply* reply) {
  const auto upload = std::make_shared<BlobUpload>(parts_, PrincipalOf(*context), uploads_, reply);
  return upload->Begin();
}

}  // namespace muster::server
