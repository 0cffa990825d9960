#include "server/rpc/log_intake.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/rpc/unary.h"
#include "storage/files/run_file_name.h"
#include "storage/run_file_store.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr int kMaxParts = 256;
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

AttemptId AttemptOf(const v1::RunFilePart& part) {
  return AttemptId{JobId(part.job_id()), part.attempt()};
}

std::size_t BytesOf(const v1::AppendRunFilesRequest& request) {
  std::size_t bytes = 0;
  for (const v1::RunFilePart& part : request.parts()) bytes += part.data().size();
  return bytes;
}

bool IsWithinLimits(const v1::AppendRunFilesRequest& request) {
  if (request.parts().empty() || request.parts_size() > kMaxParts) return false;
  return BytesOf(request) <= kMaxBytes;
}

Error NoRoom() {
  return Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
               "the server's disk is nearly full; keep the rest for later"};
}

}  // namespace

struct LogIntake::Call {
  NodeId node;
  const v1::AppendRunFilesRequest& request;
  v1::AppendRunFilesReply& reply;
  grpc::ServerUnaryReactor* reactor;
  std::vector<std::optional<WorkspaceName>> workspaces;  // of the parts; none: not on the node
};

void LogIntake::Take(const NodeId& node, const v1::AppendRunFilesRequest& request,
                     v1::AppendRunFilesReply& reply, grpc::ServerUnaryReactor* reactor) {
  if (!IsWithinLimits(request)) {
    FinishWith(reactor, Error{ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
                              "a call adds 1..256 parts of together 1 MiB at most"});
    return;
  }
  if (!parts_.disk.FitsLogs(BytesOf(request))) {
    FinishWith(reactor, NoRoom());
    return;
  }
  auto call = std::make_shared<Call>(Call{node, request, reply, reactor, {}});
  bool all_known = true;
  const SteadyPoint now = ReadClock().steady;
  for (const v1::RunFilePart& part : request.parts()) {
    call->workspaces.push_back(placements_.Find(node, AttemptOf(part), now));
    all_known = all_known && call->workspaces.back();
  }
  if (all_known) {
    Start(std::move(call));
    return;
  }
  parts_.loop.Query([this, call = std::move(call)](const Core& core, Now query_now) mutable {
    for (int i = 0; i < call->request.parts_size(); ++i) {
      std::optional<WorkspaceName>& workspace = call->workspaces[static_cast<std::size_t>(i)];
      if (workspace) continue;
      const AttemptId attempt = AttemptOf(call->request.parts(i));
      workspace = FindPlacement(core.state(), call->node, attempt);
      if (workspace) placements_.Remember(call->node, attempt, *workspace, query_now.steady);
    }
    Start(std::move(call));
  });
}

void LogIntake::Start(std::shared_ptr<Call> call) {
  grpc::ServerUnaryReactor* reactor = call->reactor;
  const bool queued =
      parts_.io.Submit([this, call = std::move(call)](std::size_t) { Write(*call); });
  if (!queued) FinishWith(reactor, Overloaded());
}

std::optional<Error> LogIntake::Refusal(const Call& call, int part_number) {
  const v1::RunFilePart& part = call.request.parts(part_number);
  const AttemptId attempt = AttemptOf(part);
  if (!call.workspaces[static_cast<std::size_t>(part_number)]) {
    return Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                 "attempt " + ToString(attempt) + " is not on node " + call.node.str()};
  }
  if (const Status name = storage::CheckRunFileName(part.name()); !name) return name.error();
  if (owners_.Claim(RunFileKey(attempt, part.name()), call.node)) return std::nullopt;
  return Error{ErrorCode::kFailedPrecondition, ErrorReason::kNameTaken,
               "another node of attempt " + ToString(attempt) + " writes the file " + part.name()};
}

void LogIntake::Write(Call& call) {
  // Many calls may have waited since each of them fitted.
  const std::size_t bytes = BytesOf(call.request);
  if (!parts_.disk.FitsLogs(bytes)) {
    FinishWith(call.reactor, NoRoom());
    return;
  }
  parts_.disk.NoteWrite(bytes);
  std::vector<storage::RunFilePart> parts;
  std::vector<std::string> keys;
  std::vector<std::optional<Error>> refusals;
  for (int i = 0; i < call.request.parts_size(); ++i) {
    refusals.push_back(Refusal(call, i));
    if (refusals.back()) continue;
    const v1::RunFilePart& part = call.request.parts(i);
    parts.push_back({*call.workspaces[static_cast<std::size_t>(i)], AttemptOf(part), part.name(),
                     part.offset(), part.data()});
    keys.push_back(RunFileKey(parts.back().attempt, part.name()));
  }
  const std::vector<Result<std::uint64_t>> sizes = parts_.run_files.AppendAll(parts);
  std::size_t next = 0;
  for (const std::optional<Error>& refusal : refusals) {
    const Result<std::uint64_t> size = refusal ? Fail(*refusal) : sizes[next++];
    v1::AppendedRunFile& answer = *call.reply.add_parts();
    if (size) {
      answer.set_size_bytes(*size);
    } else {
      const grpc::Status status = ToGrpcStatus(size.error());
      answer.set_error_code(static_cast<std::int32_t>(status.error_code()));
      answer.set_error_message(status.error_message());
    }
  }
  call.reactor->Finish(grpc::Status::OK);
  for (const std::string& key : keys) parts_.hub.Wake(key);
}

}  // namespace muster::server
