#include "cli/log_stream.h"

#include <ostream>
#include <thread>

#include "cli/format.h"
#include "cli/job_watch.h"
#include "cli/table.h"
#include "muster/v1/files.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr Duration kLook = std::chrono::milliseconds(300);

std::uint32_t NewestAttempt(const v1::Job& job) {
  return job.attempts().empty() ? 0 : job.attempts().rbegin()->number();
}

class LogStream {
 public:
  LogStream(Session& session, Client& client, const LogRequest& request)
      : session_(session), client_(client), wish_(request) {
    read_.set_workspace(session.workspace());
    read_.set_job_id(request.job_id);
    read_.set_follow(request.follow);
  }

  Outcome<void> Run() {
    MUSTER_CLI_ASSIGN(v1::Job job, Get());
    MUSTER_CLI_ASSIGN(const std::string name, ChooseLog(job, wish_.wish));
    read_.set_name(name);
    began_ = true;
    Backoff backoff(patience_, client_.random());
    while (true) {
      const std::uint64_t before = received_;
      const grpc::Status status = ReadOnce();
      if (received_ != before) backoff.Reset();
      if (status.ok() || status.error_code() == grpc::NOT_FOUND) {
        MUSTER_CLI_ASSIGN(const bool more, IsMoreToCome(status));
        if (!more) return {};
      } else if (status.error_code() == grpc::DEADLINE_EXCEEDED && wish_.follow) {
        if (received_ == before) client_.Reconnect();
      } else {
        MUSTER_CLI_TRY(client_.WaitAfterBreak(status, backoff));
      }
      MUSTER_CLI_TRY(ChooseAttempt());
    }
  }

 private:
  Outcome<v1::Job> Get() {
    return GetJob(client_, read_.workspace(), read_.job_id(), began_ ? patience_ : kReadPatience);
  }

  // One stream from where we are, until it ends.
  grpc::Status ReadOnce() {
    const auto stub = v1::RunFileService::NewStub(client_.channel());
    const auto context = client_.NewContext(kStreamDeadline);
    const auto reader = stub->ReadRunFile(context.get(), read_);
    v1::RunFileChunk chunk;
    while (reader->Read(&chunk)) Take(chunk);
    return reader->Finish();
  }

  void Take(const v1::RunFileChunk& chunk) {
    if (chunk.attempt() != 0 && chunk.attempt() != attempt_) StartAttempt(chunk.attempt());
    if (chunk.data().empty() || chunk.offset() + chunk.data().size() <= read_.offset()) return;
    const std::uint64_t known =
        read_.offset() > chunk.offset() ? read_.offset() - chunk.offset() : 0;
    const std::string_view fresh = std::string_view(chunk.data()).substr(known);
    session_.out << fresh << std::flush;
    received_ += fresh.size();
    read_.set_offset(chunk.offset() + chunk.data().size());
  }

  void StartAttempt(std::uint32_t number) {
    if (attempt_ != 0) session_.Note("attempt " + std::to_string(number) + " begins");
    attempt_ = number;
    read_.set_offset(0);
  }

  // After a break the newest attempt may be another one than that we were reading: the rest of ours
  // is read by its number first. Attempt 0 (the newest, and those that follow it) is right
  // otherwise.
  Outcome<void> ChooseAttempt() {
    if (!wish_.follow || attempt_ == 0) return {};
    MUSTER_CLI_ASSIGN(const v1::Job job, Get());
    const bool is_newest = NewestAttempt(job) <= attempt_;
    read_.set_attempt(is_newest ? 0 : attempt_);
    return {};
  }

  // The stream ended, or the file is not there. Waits a little if it makes sense to read again.
  Outcome<bool> IsMoreToCome(const grpc::Status& status) {
    MUSTER_CLI_ASSIGN(const v1::Job job, Get());
    const std::uint32_t newest = NewestAttempt(job);
    if (status.ok() && read_.attempt() != 0 && newest > attempt_) {
      StartAttempt(attempt_ + 1);
      read_.set_attempt(attempt_);
      return true;
    }
    const bool over = !wish_.follow || IsTerminal(job.status());
    if (status.ok() && over) return false;
    if (over && received_ == 0) return FailWith(NoSuchFile(job, status));
    if (over) return false;
    if (!explained_ && received_ == 0) Explain(job);
    std::this_thread::sleep_for(kLook);
    return true;
  }

  void Explain(const v1::Job& job) {
    explained_ = true;
    const std::string why = Printable(Explanation(job));
    session_.Note(job.id() + " is " + StatusName(job.status()) +
                  (why.empty() ? std::string() : " (" + why + ")") + "; waiting for " +
                  read_.name());
  }

  Failure NoSuchFile(const v1::Job& job, const grpc::Status& status) {
    constexpr std::uint32_t kShownFiles = 100;
    v1::ListRunFilesRequest request;
    request.set_page_size(kShownFiles);
    request.set_workspace(read_.workspace());
    request.set_job_id(read_.job_id());
    const auto files =
        Call<v1::RunFileService>(client_, &v1::RunFileService::Stub::ListRunFiles, request);
    Error error{ErrorCode::kNotFound, ErrorReason::kUnknownRunFile, status.error_message(), {}};
    if (!files) return Failure(ExitCode::kNegative, std::move(error));
    error.message = job.id() + " (" + StatusName(job.status()) + ") has no file " + read_.name();
    // Why there is no log; another file may never have been meant to be.
    if (const std::string why = Explanation(job); !why.empty() && !wish_.wish.file) {
      error.message += ": " + Printable(why);
    }
    for (const v1::RunFile& file : files->files()) {
      error.faults.push_back(
          {"there is", "", Printable(file.name()) + " (" + FormatBytes(file.size_bytes()) + ")"});
    }
    if (!files->next_page_token().empty()) {
      error.faults.push_back({"there is", "", "more: see `muster job logs --list`"});
    }
    return Failure(ExitCode::kNegative, std::move(error));
  }

  Session& session_;
  Client& client_;
  const LogRequest& wish_;
  const Duration patience_ = wish_.follow ? kFollowPatience : kReadPatience;
  v1::ReadRunFileRequest read_;
  std::uint32_t attempt_ = 0;   // that the bytes so far came from; 0: none came
  std::uint64_t received_ = 0;  // bytes in all
  bool began_ = false;          // the server has answered once: it is worth waiting for
  bool explained_ = false;
};

}  // namespace

Outcome<void> StreamLog(Session& session, Client& client, const LogRequest& request) {
  return LogStream(session, client, request).Run();
}

}  // namespace muster::cli
