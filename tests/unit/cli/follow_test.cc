// Whole verbs against a server that breaks off, comes back and repeats itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "base/digest.h"
#include "cli/command_line.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "tests/unit/cli/fake_server.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;
using testing::ElementsAre;
using testing::HasSubstr;

struct Ran {
  ExitCode exit_code;
  std::string out, err;
};

Ran Muster(const std::vector<std::string>& words) {
  std::ostringstream out, err;
  Session session(out, err, {});
  CommandLine line("Muster.", "footer");
  AddAllVerbs(line);
  const ExitCode exit_code = line.Run(words, session);
  return {exit_code, out.str(), err.str()};
}

grpc::Status Broken() { return {grpc::UNAVAILABLE, "Socket closed"}; }

void Send(grpc::ServerWriter<v1::RunFileChunk>& writer, std::uint32_t attempt, std::uint64_t offset,
          const std::string& data) {
  v1::RunFileChunk chunk;
  chunk.set_attempt(attempt);
  chunk.set_offset(offset);
  chunk.set_data(data);
  writer.Write(chunk);
}

void Send(grpc::ServerWriter<v1::JobEvent>& writer, std::uint64_t sequence, v1::JobStatus status) {
  v1::JobEvent event;
  event.set_sequence(sequence);
  event.set_status(status);
  event.set_time_us(1);
  writer.Write(event);
}

v1::Job OneAttempt(v1::JobStatus status) {
  v1::Job job;
  job.set_id("j");
  job.set_status(status);
  job.add_attempts()->set_number(1);
  return job;
}

TEST(JobLogs, ResumesWhereItBrokeOffAndShowsEachByteOnce) {
  FakeServer server;
  server.job = OneAttempt(v1::JOB_STATUS_RUNNING);
  server.on_read = [&](const auto& request, auto& writer) {
    if (server.reads.size() == 1) {
      Send(writer, 1, 0, "hello ");
      return Broken();
    }
    server.job = OneAttempt(v1::JOB_STATUS_COMPLETED);
    Send(writer, 1, 4, "o wo");  // partly known
    Send(writer, 1, 6, "wo");    // wholly known
    Send(writer, 1, request.offset() + 2, "rld\n");
    return grpc::Status();
  };
  const Ran ran = Muster({"job", "logs", "-f", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.out, "hello world\n");
  ASSERT_EQ(server.reads.size(), 2U);
  EXPECT_EQ(server.reads[1].offset(), 6U);
  EXPECT_EQ(server.reads[1].name(), "azureml-logs/70_driver_log.txt");
  EXPECT_EQ(server.authorizations.front(), "Bearer 0123456789abcdef.secret");
}

TEST(JobLogs, WaitsForTheFileAndGoesOnWithTheNextAttempt) {
  FakeServer server;
  server.job = OneAttempt(v1::JOB_STATUS_QUEUED);
  server.job.clear_attempts();
  server.on_read = [&](const auto&, auto& writer) {
    if (server.reads.size() == 1) return grpc::Status(grpc::NOT_FOUND, "no such file yet");
    server.job = OneAttempt(v1::JOB_STATUS_COMPLETED);
    server.job.add_attempts()->set_number(2);
    Send(writer, 1, 0, "first\n");
    Send(writer, 2, 0, "second\n");
    return grpc::Status();
  };
  const Ran ran = Muster({"job", "logs", "-f", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.out, "first\nsecond\n");
  EXPECT_THAT(ran.err, HasSubstr("j is Queued; waiting for azureml-logs/70_driver_log.txt"));
  EXPECT_THAT(ran.err, HasSubstr("attempt 2 begins"));
}

TEST(JobLogs, AfterABreakTheRestOfAnEndedAttemptIsReadByItsNumber) {
  FakeServer server;
  server.job = OneAttempt(v1::JOB_STATUS_RUNNING);
  server.on_read = [&](const auto& request, auto& writer) {
    if (server.reads.size() == 1) {
      Send(writer, 1, 0, "fir");
      server.job.add_attempts()->set_number(2);
      return Broken();
    }
    if (request.attempt() == 1) {
      Send(writer, 1, request.offset(), "st\n");
      return grpc::Status();
    }
    server.job.set_status(v1::JOB_STATUS_COMPLETED);
    Send(writer, 2, request.offset(), "second\n");
    return grpc::Status();
  };
  const Ran ran = Muster({"job", "logs", "-f", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.out, "first\nsecond\n");
}

TEST(JobLogs, AJobThatEndedWithoutALogSaysWhyAndWhatThereIs) {
  FakeServer server;
  server.job = OneAttempt(v1::JOB_STATUS_FAILED);
  server.job.mutable_cause()->set_message("no space left on n1");
  server.on_read = [](const auto&, auto&) { return grpc::Status(grpc::NOT_FOUND, "none"); };
  const Ran ran = Muster({"job", "logs", "-f", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kNegative);
  EXPECT_THAT(ran.err,
              HasSubstr("has no file azureml-logs/70_driver_log.txt: no space left on n1"));
  EXPECT_THAT(ran.err, HasSubstr("65_job_prep-n1.txt"));
}

TEST(JobWait, ResumesAfterARestartOfTheServerAndTellsTheCause) {
  FakeServer server;
  server.job = OneAttempt(v1::JOB_STATUS_RUNNING);
  std::thread restart;
  server.on_watch = [&](const auto& request, auto& writer) {
    if (request.after_sequence() == 0) {
      Send(writer, 7, v1::JOB_STATUS_QUEUED);
      Send(writer, 9, v1::JOB_STATUS_RUNNING);
      restart = std::thread([&] {
        server.Stop();
        server.Start();
      });
      return Broken();
    }
    server.job.set_status(v1::JOB_STATUS_FAILED);
    server.job.mutable_cause()->set_message("rank 0 exited with 3");
    Send(writer, 9, v1::JOB_STATUS_RUNNING);  // once more
    Send(writer, 12, v1::JOB_STATUS_FAILED);
    return grpc::Status();
  };
  const Ran ran = Muster({"job", "wait", "j"});
  restart.join();
  EXPECT_EQ(ran.exit_code, ExitCode::kNegative);
  EXPECT_THAT(ran.err, HasSubstr("j is Failed: rank 0 exited with 3"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3) << ran.out;
  EXPECT_EQ(server.watches.back().after_sequence(), 9U);
}

TEST(JobSubmit, UploadsTheSourceAndRepeatsWithTheSameKey) {
  FakeServer server;
  server.scratch().Write("src/train.py", std::string(600'000, 'x'));
  server.on_submit = [&](const auto&, std::string& job_id) {
    if (server.submits.size() < 3) return Broken();
    job_id = "digits_1_a";
    return grpc::Status();
  };
  const Ran ran =
      Muster({"job", "submit", "--experiment", "digits", "--source-directory",
              server.scratch().Path("src").string(), "--entry-script", "train.py", "--", "-x"});
  EXPECT_EQ(ran.exit_code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.out, "digits_1_a\n");
  ASSERT_EQ(server.submits.size(), 3U);
  EXPECT_EQ(server.submits[0].request_id().size(), 36U);
  EXPECT_EQ(server.submits[0].request_id(), server.submits[2].request_id());
  const v1::JobSpec& spec = server.submits[2].spec();
  EXPECT_EQ(spec.snapshot_digest(), Sha256(server.uploaded).Hex());
  EXPECT_EQ(server.upload_header.digest(), spec.snapshot_digest());
  EXPECT_EQ(server.upload_header.size_bytes(), server.uploaded.size());
  EXPECT_THAT(spec.arguments(), ElementsAre("-x"));
}

TEST(JobSubmit, NothingIsUploadedWhenTheScriptIsMissing) {
  FakeServer server;
  server.scratch().Write("src/train.py", "x");
  const Ran ran = Muster({"job", "submit", "--experiment", "digits", "--source-directory",
                          server.scratch().Path("src").string(), "--entry-script", "trian.py"});
  EXPECT_EQ(ran.exit_code, ExitCode::kUsage);
  EXPECT_EQ(server.uploaded, "");
}

TEST(JobShow, ASilentAddressIsUnreachable) {
  FakeServer server;
  server.Stop();
  const Ran ran = Muster({"job", "show", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kUnreachable);
  EXPECT_THAT(ran.err, HasSubstr("Connection refused"));
  server.Start();
}

TEST(LogList, FollowsThePagesOfOneAttempt) {
  FakeServer server;
  server.run_files = {"a.txt", "b.txt", "c.txt"};
  const Ran ran = Muster({"job", "logs", "--list", "j"});
  EXPECT_EQ(ran.exit_code, ExitCode::kOk) << ran.err;
  for (const std::string& name : server.run_files) EXPECT_THAT(ran.out, HasSubstr(name));
  ASSERT_EQ(server.lists.size(), 3U);
  EXPECT_EQ(server.lists[0].attempt(), 0U);
  EXPECT_EQ(server.lists[2].page_token(), "page 2");
  EXPECT_EQ(server.lists[2].attempt(), 3U) << "a newer attempt may have begun meanwhile";
}

}  // namespace
}  // namespace muster::cli
