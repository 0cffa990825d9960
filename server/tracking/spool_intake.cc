#include "server/tracking/spool_intake.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/rpc/names.h"
#include "server/rpc/unary.h"
#include "server/tracking/job_views.h"
#include "server/tracking/spool_lines.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxSpoolWriterBytes = 255;
constexpr std::size_t kMaxPartBytes = std::size_t{3} << 19;  // 1.5 MiB
constexpr std::uint64_t kMaxSpoolOffset = std::uint64_t{1} << 62;

Status CheckPart(const v1::AppendTrackingRequest& request) {
  std::vector<Fault> faults;
  if (request.writer().empty()) faults.push_back({"writer", "", "is required"});
  CheckPrintable("writer", request.writer(), kMaxSpoolWriterBytes, faults);
  if (request.offset() > kMaxSpoolOffset) faults.push_back({"offset", "", "is beyond 2^62"});
  if (request.data().size() > kMaxPartBytes || request.skipped_bytes() > kMaxPartBytes) {
    faults.push_back({"data", "", "has at most 1.5 MiB, and as many bytes are skipped"});
  }
  if (!request.data().empty() && request.data().back() != '\n') {
    faults.push_back({"data", "", "must be whole lines"});
  }
  return faults.empty() ? Status() : Fail(InvalidRequest(std::move(faults)));
}

Error NoRoomForSpool() {
  return Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
               "the server's disk is nearly full; keep the rest for later"};
}

}  // namespace

struct SpoolIntake::Call {
  NodeId node;
  const v1::AppendTrackingRequest& request;
  v1::AppendTrackingReply& reply;
  grpc::ServerUnaryReactor* reactor;
  AttemptId attempt;
  std::shared_ptr<storage::TrackingChange> change = std::make_shared<storage::TrackingChange>();
  bool looked_up = false;

  void Refuse(const Error& error) const { FinishWith(reactor, error); }
  storage::AppendSpool& spool() const { return std::get<storage::AppendSpool>(change->body); }
};

void SpoolIntake::Take(const NodeId& node, const v1::AppendTrackingRequest& request,
                       v1::AppendTrackingReply& reply, grpc::ServerUnaryReactor* reactor) {
  const auto call = std::make_shared<Call>(
      Call{node, request, reply, reactor, {JobId(request.job_id()), request.attempt()}});
  if (const Status valid = CheckPart(request); !valid) return call->Refuse(valid.error());
  if (!parts_.disk.FitsLogs(request.data().size())) return call->Refuse(NoRoomForSpool());
  if (auto workspace = placements_.Find(node, call->attempt, ReadClock().steady)) {
    call->change->workspace = std::move(*workspace);
    return Start(call);
  }
  parts_.loop.Query([this, call](const Core& core, Now now) {
    auto workspace = FindPlacement(core.state(), call->node, call->attempt);
    if (!workspace) {
      return call->Refuse(
          Error{ErrorCode::kNotFound, ErrorReason::kUnknownJob,
                "attempt " + ToString(call->attempt) + " is not on node " + call->node.str()});
    }
    placements_.Remember(call->node, call->attempt, *workspace, now.steady);
    call->change->workspace = std::move(*workspace);
    Start(call);
  });
}

void SpoolIntake::Start(const CallPointer& call) {
  const bool queued = workers_.Submit([this, call](std::size_t) { Parse(call); });
  if (!queued) call->Refuse(Overloaded());
}

void SpoolIntake::Parse(const CallPointer& call) {
  const v1::AppendTrackingRequest& request = call->request;
  const SpoolPart part{
      "a" + std::to_string(request.attempt()) + "/" + call->node.str() + "/" + request.writer(),
      request.offset(), request.data(), request.skipped_bytes()};
  call->change->now = ReadClock().wall;
  call->change->body = ParseSpool(storage::RunId(request.job_id()), part);
  parts_.disk.NoteWrite(request.data().size());
  const bool makes_runs = std::ranges::any_of(call->spool().lines, [](const auto& line) {
    return std::holds_alternative<storage::NewRun>(line.body);
  });
  if (!makes_runs) return Submit(call);
  // A run with the id of a job would be seen in its place.
  parts_.history.Continue([this, call](storage::History& history) {
    for (storage::SpoolLine& line : call->spool().lines) {
      const auto* wanted = std::get_if<storage::NewRun>(&line.body);
      if (wanted == nullptr) continue;
      const Result<std::optional<JobView>> job =
          FindJob(history, call->change->workspace, wanted->id);
      if (!job) return call->Refuse(StateUnread(job.error()));
      if (*job) {
        line.body = storage::RefusedLine{"\"" + wanted->id.str() +
                                         "\" is the id of a job; every new run needs its own"};
      }
    }
    Submit(call);
  });
}

void SpoolIntake::Submit(const CallPointer& call) {
  parts_.store.Submit(call->change, [this, call](Result<storage::TrackingAnswer> answer) {
    if (!answer) {
      const bool unknown = answer.error().reason == ErrorReason::kUnknownRun;
      if (unknown && !std::exchange(call->looked_up, true)) return LookUpJob(call);
      return call->Refuse(answer.error());
    }
    call->reply.set_next_offset(answer->next);
    call->reply.set_refused_count(answer->refused_count);
    for (std::string& why : answer->refused) *call->reply.add_refused() = std::move(why);
    if (answer->script_failure) call->reply.set_script_failure(std::move(*answer->script_failure));
    call->reactor->Finish(grpc::Status::OK);
  });
}

void SpoolIntake::LookUpJob(const CallPointer& call) {
  parts_.history.Continue([this, call](storage::History& history) {
    const storage::RunId& run = call->spool().job;
    Result<std::optional<JobView>> job = FindJob(history, call->change->workspace, run);
    if (!job) return call->Refuse(StateUnread(job.error()));
    if (!*job) return call->Refuse(storage::UnknownRun(run));
    call->change->jobs.push_back(RunOf(std::move(**job)));
    Submit(call);
  });
}

}  // namespace muster::server
