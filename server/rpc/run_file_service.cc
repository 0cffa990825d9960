#include "server/rpc/run_file_service.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "server/auth/principal.h"
#include "server/rpc/bounded_decode.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/names.h"
#include "server/rpc/page_token.h"
#include "server/rpc/run_file_stream.h"
#include "server/rpc/unary.h"
#include "server/tracking/run_checks.h"
#include "storage/files/run_file_name.h"
#include "storage/tracking/changes.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr int kMaxAdded = 1'000;
// What one more name of a blob takes on the disk, at most.
constexpr std::uint64_t kBytesOfAName = 4'096;

void Answer(grpc::ServerUnaryReactor* reactor, const Status& status) {
  reactor->Finish(status ? grpc::Status::OK : ToGrpcStatus(status.error()));
}

// Of two lists by name; what was added goes before what an attempt wrote under the same name.
std::vector<v1::RunFile> Merge(const std::vector<storage::RunFileInfo>& added,
                               const std::vector<storage::RunFileInfo>& written) {
  std::map<std::string, v1::RunFile> files;
  const auto put = [&](const storage::RunFileInfo& file, bool is_added) {
    const auto [place, fresh] = files.try_emplace(file.name);
    if (!fresh) return;
    place->second.set_name(file.name);
    place->second.set_size_bytes(file.size_bytes);
    place->second.set_added(is_added);
  };
  for (const storage::RunFileInfo& file : added) put(file, true);
  for (const storage::RunFileInfo& file : written) put(file, false);
  std::vector<v1::RunFile> merged;
  merged.reserve(files.size());
  for (auto& [name, file] : files) merged.push_back(std::move(file));
  return merged;
}

void CheckNewFiles(const v1::AddRunFilesRequest& request, std::vector<Fault>& faults) {
  if (request.files().empty() || request.files_size() > kMaxAdded) {
    AddFault(faults, "files", std::to_string(request.files_size()) + " files",
             "a request adds 1 to 1,000 files");
    return;
  }
  std::set<std::string_view> names;
  for (int i = 0; i < request.files_size(); ++i) {
    const v1::NewRunFile& file = request.files(i);
    const std::string field = "files[" + std::to_string(i) + "]";
    if (const Status name = storage::CheckRunFileName(file.name()); !name) {
      AddFault(faults, field + ".name", file.name(), name.error().message);
    } else if (!names.insert(file.name()).second) {
      AddFault(faults, field + ".name", file.name(), "is there twice");
    }
    if (!Digest::Parse(file.digest())) {
      AddFault(faults, field + ".digest", file.digest(), "must be 64 lower-case hex characters");
    }
  }
}

}  // namespace

// Which files of which attempt.
struct RunFileService::ListOrder {
  WorkspaceName workspace;
  JobId job;
  std::uint32_t attempt = 0;  // 0: the newest
  std::string after;
  std::size_t max_files = 0;
};

Result<RunFileService::ListOrder> RunFileService::DecodeList(
    const scheduler::Principal& caller, const v1::ListRunFilesRequest& request) {
  ListOrder order;
  MUSTER_ASSIGN(order.workspace, WorkspaceFor(caller, request.workspace()));
  MUSTER_ASSIGN(order.after, DecodeNamePageToken(request.page_token()));
  MUSTER_ASSIGN(order.max_files, DecodePageSize(request.page_size()));
  order.job = JobId(request.job_id());
  order.attempt = request.attempt();
  return order;
}

// Files that a run shall get, and who asks.
struct RunFileService::Addition {
  scheduler::Principal caller;
  WorkspaceName workspace;
  std::string run;
  std::vector<std::pair<std::string, Digest>> files;
};

void RunFileService::AskTracked(const WorkspaceName& workspace, const std::string& run,
                                std::function<void(Result<storage::TrackedRun>)> then) const {
  tracking_.Continue([workspace, id = storage::RunId(run),
                      then = std::move(then)](storage::TrackingReader& reader) {
    Result<std::optional<storage::TrackedRun>> found = reader.GetRun(workspace, id);
    if (!found) return then(Fail(StateUnread(found.error())));
    // A job's row stays when the job is gone.
    if (!*found || (*found)->kind == storage::RunKind::kJob) {
      return then(Fail(storage::UnknownRun(id)));
    }
    then(std::move(**found));
  });
}

grpc::ServerUnaryReactor* RunFileService::ListRunFilesFor(const scheduler::Principal& caller,
                                                          const v1::ListRunFilesRequest& request,
                                                          v1::ListRunFilesReply* reply,
                                                          grpc::ServerUnaryReactor* reactor) const {
  Result<ListOrder> order = DecodeList(caller, request);
  if (!order) return FinishWith(reactor, order.error());
  const bool queued = parts_.history.Submit(
      [this, reactor, reply, order = std::move(*order)](storage::History& history) {
        const auto record = history.GetJob(order.workspace, order.job);
        if (!record) return static_cast<void>(FinishWith(reactor, StateUnread(record.error())));
        if (*record) {
          const std::uint32_t newest = (*record)->job.attempt_count;
          return Answer(reactor, List(order, order.attempt == 0 ? newest : order.attempt, *reply));
        }
        AskTracked(order.workspace, order.job.str(),
                   [this, reactor, reply, order](const Result<storage::TrackedRun>& run) {
                     Answer(reactor, run ? List(order, 0, *reply) : Fail(run.error()));
                   });
      });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

Status RunFileService::List(const ListOrder& order, std::uint32_t attempt,
                            v1::ListRunFilesReply& reply) const {
  // One more than is shown tells whether there are more.
  const std::size_t wanted = order.max_files + 1;
  MUSTER_ASSIGN(const auto added, parts_.run_files.List(order.workspace, AttemptId{order.job, 0},
                                                        order.after, wanted));
  std::vector<storage::RunFileInfo> written;
  if (attempt != 0) {
    reply.set_attempt(attempt);
    MUSTER_ASSIGN(written, parts_.run_files.List(order.workspace, AttemptId{order.job, attempt},
                                                 order.after, wanted));
  }
  std::vector<v1::RunFile> files = Merge(added, written);
  if (files.size() > order.max_files) {
    files.resize(order.max_files);
    reply.set_next_page_token(EncodeNamePageToken(files.back().name()));
  }
  for (v1::RunFile& file : files) *reply.add_files() = std::move(file);
  return {};
}

Result<RunFileService::Addition> RunFileService::DecodeAddition(const scheduler::Principal& caller,
                                                                const grpc::ByteBuffer& raw) {
  v1::AddRunFilesRequest request;
  MUSTER_TRY(DecodeBounded(raw, request));
  Addition addition{caller, {}, request.run_id(), {}};
  MUSTER_ASSIGN(addition.workspace, WorkspaceFor(caller, request.workspace()));
  std::vector<Fault> faults;
  CheckRunId("run_id", request.run_id(), faults);
  CheckNewFiles(request, faults);
  if (!faults.empty()) return Fail(InvalidRequest(std::move(faults)));
  for (const v1::NewRunFile& file : request.files()) {
    addition.files.emplace_back(file.name(), *Digest::Parse(file.digest()));
  }
  return addition;
}

grpc::ServerUnaryReactor* RunFileService::AddRunFiles(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* raw,
                                                      grpc::ByteBuffer* reply) {
  auto* reactor = context->DefaultReactor();
  Result<Addition> decoded = DecodeAddition(PrincipalOf(*context), *raw);
  if (!decoded) return FinishWith(reactor, decoded.error());
  *reply = Encode(v1::AddRunFilesReply());
  const auto addition = std::make_shared<const Addition>(std::move(*decoded));
  const auto add = [this, reactor, addition](const Result<UserName>& owner) {
    if (!owner) return static_cast<void>(FinishWith(reactor, owner.error()));
    const Status may = storage::MayChange(addition->caller, storage::RunId(addition->run), *owner);
    if (!may) return static_cast<void>(FinishWith(reactor, may.error()));
    parts_.io.Continue([this, reactor, addition](std::size_t) { Answer(reactor, Add(*addition)); });
  };
  const bool queued = parts_.history.Submit([this, addition, add](storage::History& history) {
    const auto record = history.GetJob(addition->workspace, JobId(addition->run));
    if (!record) return add(Fail(StateUnread(record.error())));
    if (*record) return add((*record)->job.user);
    AskTracked(addition->workspace, addition->run, [add](Result<storage::TrackedRun> run) {
      run ? add(run->user) : add(Fail(run.error()));
    });
  });
  return queued ? reactor : FinishWith(reactor, Overloaded());
}

Status RunFileService::Add(const Addition& addition) const {
  if (!parts_.disk.FitsNewWork(addition.files.size() * kBytesOfAName)) {
    return Fail(ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
                "the server's disk has " + std::to_string(parts_.disk.free_bytes()) +
                    " bytes free and keeps a reserve of " +
                    std::to_string(parts_.disk.reserve_bytes()) +
                    "; run files are added again once there is room");
  }
  for (const auto& [name, digest] : addition.files) MUSTER_TRY(parts_.blobs.Size(digest));
  for (const auto& [name, digest] : addition.files) {
    MUSTER_TRY(parts_.run_files.Add(addition.workspace, JobId(addition.run), name,
                                    parts_.blobs.PathOf(digest)));
  }
  return {};
}

grpc::ServerWriteReactor<v1::RunFileChunk>* RunFileService::ReadRunFile(
    grpc::CallbackServerContext* context, const v1::ReadRunFileRequest* request) {
  const auto stream = std::make_shared<RunFileStream>(parts_, context, *request);
  auto* reactor = stream->Own(parts_.stalls);
  const scheduler::Principal caller = PrincipalOf(*context);
  if (!stream->Admit(parts_.tickets, caller)) return reactor;
  stream->Begin(WorkspaceFor(caller, request->workspace()));
  return reactor;
}

}  // namespace muster::server
