#include "cli/job_watch.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "cli/format.h"
#include "cli/table.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

// Read by the signal handler, hence plain memory that is complete before the handler is installed.
std::array<char, 512> interrupt_text;
std::size_t interrupt_length = 0;

constexpr int kInterruptedExit = 128 + SIGINT;

extern "C" void OnInterrupt(int) {
  if (write(STDERR_FILENO, interrupt_text.data(), interrupt_length) < 0) _exit(kInterruptedExit);
  _exit(kInterruptedExit);
}

struct WatchPosition {
  std::uint64_t after = 0;
  bool ended = false;
};

// One stream, until it breaks or the job has ended.
grpc::Status Watch(Client& client, const v1::WatchJobsRequest& request, WatchPosition& position,
                   const std::function<void(const v1::JobEvent&)>& on_event) {
  const auto stub = v1::JobService::NewStub(client.channel());
  const auto context = client.NewContext(kStreamDeadline);
  const auto reader = stub->WatchJobs(context.get(), request);
  v1::JobEvent event;
  while (!position.ended && reader->Read(&event)) {
    if (event.sequence() <= position.after) continue;
    position.after = event.sequence();
    on_event(event);
    position.ended = IsTerminal(event.status());
  }
  if (position.ended) context->TryCancel();
  return reader->Finish();
}

}  // namespace

Outcome<v1::Job> GetJob(Client& client, const std::string& workspace, const std::string& job_id,
                        Duration patience) {
  v1::GetJobRequest request;
  request.set_workspace(workspace);
  request.set_job_id(job_id);
  MUSTER_CLI_ASSIGN(v1::GetJobReply reply,
                    Call<v1::JobService>(client, &v1::JobService::Stub::GetJob, request, patience));
  return std::move(*reply.mutable_job());
}

Outcome<v1::Job> WaitForEnd(Client& client, const std::string& workspace, const std::string& job_id,
                            const std::function<void(const v1::JobEvent&)>& on_event) {
  v1::WatchJobsRequest request;
  request.set_workspace(workspace);
  request.set_job_id(job_id);
  WatchPosition position;
  Backoff backoff(kFollowPatience, client.random());
  while (true) {
    request.set_after_sequence(position.after);
    const std::uint64_t before = position.after;
    const grpc::Status status = Watch(client, request, position, on_event);
    if (position.after != before) backoff.Reset();
    if (position.ended) return GetJob(client, workspace, job_id, kFollowPatience);
    if (status.error_code() == grpc::DEADLINE_EXCEEDED) {
      // Perhaps nothing happened in all this time, perhaps the connection is dead.
      if (position.after == before) client.Reconnect();
      continue;
    }
    if (status.ok()) {
      MUSTER_CLI_ASSIGN(v1::Job job, GetJob(client, workspace, job_id, kFollowPatience));
      if (IsTerminal(job.status())) return job;
    }
    MUSTER_CLI_TRY(client.WaitAfterBreak(
        status.ok() ? grpc::Status(grpc::UNAVAILABLE, "the stream ended") : status, backoff));
  }
}

void ExplainInterrupts(const std::string& job_id) {
  const std::string text = "\nmuster: " + job_id + " goes on; `muster job wait " + job_id +
                           "` waits for it again, `muster job cancel " + job_id + "` stops it\n";
  interrupt_length = std::min(text.size(), interrupt_text.size());
  std::memcpy(interrupt_text.data(), text.data(), interrupt_length);
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

Outcome<ExitCode> Verdict(const v1::Job& job) {
  if (job.status() == v1::JOB_STATUS_COMPLETED) return ExitCode::kOk;
  std::string sentence = job.id() + " is " + StatusName(job.status());
  if (const std::string why = Explanation(job); !why.empty()) sentence += ": " + Printable(why);
  return FailWith(Failure(ExitCode::kNegative,
                          {ErrorCode::kFailedPrecondition, ErrorReason::kUnspecified, sentence}));
}

}  // namespace muster::cli
