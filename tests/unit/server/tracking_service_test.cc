// The clients' calls about the run record, over TLS, against a whole server.
#include <gtest/gtest.h>

#include <cmath>

#include "base/digest.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "muster/v1/tracking.grpc.pb.h"
#include "storage/sqlite/connection.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;

class TrackingCalls : public ::testing::Test {
 protected:
  void Must(const grpc::Status& status) { ASSERT_TRUE(status.ok()) << status.error_message(); }

  // A job that waits: there is no node.
  std::string Submit(const std::string& experiment, const std::string& request_id) {
    v1::UploadBlobReply uploaded;
    const auto context = server_.Call();
    const auto stream =
        v1::BlobService::NewStub(server_.channel())->UploadBlob(context.get(), &uploaded);
    v1::UploadBlobRequest blob;
    blob.mutable_header()->set_digest(Sha256("source").Hex());
    blob.mutable_header()->set_size_bytes(6);
    stream->Write(blob);
    blob.set_chunk("source");
    stream->Write(blob);
    stream->WritesDone();
    Must(stream->Finish());
    v1::SubmitJobRequest request;
    request.mutable_spec()->set_experiment(experiment);
    request.mutable_spec()->set_script("train.py");
    request.mutable_spec()->set_snapshot_digest(Sha256("source").Hex());
    (*request.mutable_spec()->mutable_tags())["lr"] = "0.1";
    request.set_request_id(request_id);
    v1::SubmitJobReply reply;
    Must(v1::JobService::NewStub(server_.channel())
             ->SubmitJob(server_.Call().get(), request, &reply));
    return reply.job_id();
  }

  void BecomeUser(const std::string& user, v1::Role role = v1::ROLE_USER) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_role(role);
    request.set_request_id("token of " + user);
    v1::CreateTokenReply reply;
    Must(v1::AdminService::NewStub(server_.channel())
             ->CreateToken(server_.Call().get(), request, &reply));
    server_.Become(reply.token());
  }

  static v1::NewRun New(const std::string& id, const std::string& parent = "") {
    v1::NewRun run;
    run.set_id(id);
    run.set_parent_id(parent);
    if (parent.empty()) run.set_experiment("digits");
    return run;
  }
  grpc::Status Create(const std::vector<v1::NewRun>& runs, const std::string& request_id) {
    v1::CreateRunsRequest request;
    for (const v1::NewRun& run : runs) *request.add_runs() = run;
    request.set_request_id(request_id);
    v1::CreateRunsReply reply;
    return runs_->CreateRuns(server_.Call().get(), request, &reply);
  }
  grpc::Status Tag(const std::string& run, const std::string& key, const std::string& request_id) {
    v1::UpdateRunRequest request;
    request.set_run_id(run);
    request.add_set_tags()->set_key(key);
    request.set_request_id(request_id);
    v1::UpdateRunReply reply;
    return runs_->UpdateRun(server_.Call().get(), request, &reply);
  }
  grpc::Status Append(const std::string& run, std::uint64_t first, int count,
                      v1::AppendMetricsReply* reply) {
    v1::AppendMetricsRequest request;
    request.set_run_id(run);
    request.set_writer("w");
    request.set_first(first);
    for (int i = 0; i < count; ++i) {
      v1::MetricValue& value = *request.add_values();
      value.set_name("loss");
      value.set_kind(v1::METRIC_KIND_SCALAR);
      value.set_number(static_cast<double>(first) + i);
    }
    return runs_->AppendMetrics(server_.Call().get(), request, reply);
  }
  v1::Run Get(const std::string& id) {
    v1::GetRunRequest request;
    request.set_run_id(id);
    v1::GetRunReply reply;
    Must(runs_->GetRun(server_.Call().get(), request, &reply));
    return reply.run();
  }
  // The ids of all pages.
  std::vector<std::string> List(v1::ListRunsRequest request = {}) {
    std::vector<std::string> ids;
    v1::ListRunsReply reply;
    do {
      request.set_page_token(reply.next_page_token());
      reply.Clear();
      Must(runs_->ListRuns(server_.Call().get(), request, &reply));
      for (const v1::Run& run : reply.runs()) ids.push_back(run.id());
    } while (!reply.next_page_token().empty());
    return ids;
  }
  std::vector<v1::MetricValue> Read(const std::string& run, std::uint32_t page_size = 0) {
    v1::ReadMetricsRequest request;
    request.set_run_id(run);
    request.set_page_size(page_size);
    std::vector<v1::MetricValue> values;
    v1::ReadMetricsReply reply;
    do {
      request.set_page_token(reply.next_page_token());
      reply.Clear();
      Must(runs_->ReadMetrics(server_.Call().get(), request, &reply));
      values.insert(values.end(), reply.values().begin(), reply.values().end());
    } while (!reply.next_page_token().empty());
    return values;
  }

  RunningServer server_;
  std::unique_ptr<v1::TrackingService::Stub> runs_ =
      v1::TrackingService::NewStub(server_.channel());
};

TEST_F(TrackingCalls, ExperimentsOfJobsAndTrackedRunsAreOneList) {
  Submit("digits", "one");
  Submit("digits", "two");
  Submit("alone", "three");
  Must(Create({New("r1"), New("child", "r1")}, "four"));
  v1::ListExperimentsRequest request;
  request.set_page_size(1);
  std::vector<std::pair<std::string, std::uint64_t>> found;
  v1::ListExperimentsReply reply;
  do {
    request.set_page_token(reply.next_page_token());
    reply.Clear();
    Must(runs_->ListExperiments(server_.Call().get(), request, &reply));
    ASSERT_EQ(reply.experiments_size(), 1);
    found.emplace_back(reply.experiments(0).name(), reply.experiments(0).run_count());
    EXPECT_GT(reply.experiments(0).newest_us(), 0);
  } while (!reply.next_page_token().empty());
  using Found = decltype(found);
  EXPECT_EQ(found, (Found{{"alone", 1}, {"digits", 3}})) << "children are not counted";
  request.Clear();
  request.set_workspace("nobody");
  EXPECT_EQ(ReasonOf(runs_->ListExperiments(server_.Call().get(), request, &reply)),
            "UNKNOWN_WORKSPACE");
}

TEST_F(TrackingCalls, AJobIsARunWithTheTagsOfItsSpecification) {
  const std::string job = Submit("digits", "s1");
  v1::Run run = Get(job);
  EXPECT_EQ(run.kind(), v1::RUN_KIND_JOB);
  EXPECT_EQ(run.status(), v1::JOB_STATUS_QUEUED);
  EXPECT_EQ(run.job().pool(), "default");
  ASSERT_EQ(run.tags_size(), 1);
  EXPECT_EQ(run.tags(0).value(), "0.1");
  EXPECT_TRUE(Read(job).empty());

  Must(Tag(job, "bare", "t1"));
  run = Get(job);
  ASSERT_EQ(run.tags_size(), 2) << "beside those of the specification";
  EXPECT_EQ(run.tags(0).key(), "bare");
  EXPECT_FALSE(run.tags(0).has_value());
  v1::AppendMetricsReply appended;
  Must(Append(job, 0, 3, &appended));
  EXPECT_EQ(appended.next(), 3U);
  EXPECT_EQ(Get(job).metric_values(), 3U);
}

TEST_F(TrackingCalls, JobsAndRunsAreOneListNewestFirst) {
  Must(Create({New("r1")}, "c1"));
  const std::string first = Submit("digits", "s1");
  Must(Create({New("r2"), New("r3", "r2")}, "c2"));
  const std::string second = Submit("other", "s2");
  Must(Create({New("r4", first)}, "c3"));

  v1::ListRunsRequest request;
  for (const std::uint32_t page : {1U, 2U, 0U}) {
    request.set_page_size(page);
    EXPECT_EQ(List(request), (std::vector<std::string>{second, "r2", first, "r1"}));
  }
  request.set_include_children(true);
  EXPECT_EQ(List(request), (std::vector<std::string>{"r4", second, "r3", "r2", first, "r1"}));
  request.set_experiment("digits");
  EXPECT_EQ(List(request), (std::vector<std::string>{"r4", "r3", "r2", first, "r1"}));
  request.add_kinds(v1::RUN_KIND_CHILD);
  EXPECT_EQ(List(request), (std::vector<std::string>{"r4", "r3"}));
  v1::ListRunsRequest children;
  children.set_parent_id(first);
  EXPECT_EQ(List(children), (std::vector<std::string>{"r4"}));
  EXPECT_EQ(Get("r4").root_id(), first);

  v1::ListRunsRequest tagged;
  tagged.add_tags()->set_key("lr");
  EXPECT_EQ(List(tagged), (std::vector<std::string>{second, first}));
  v1::ListRunsRequest running;
  running.add_statuses(v1::JOB_STATUS_RUNNING);
  EXPECT_EQ(List(running), (std::vector<std::string>{"r2", "r1"}));
}

TEST_F(TrackingCalls, ARunEndsOnceAndSaysSo) {
  Must(Create({New("r1")}, "c1"));
  v1::UpdateRunRequest request;
  request.set_run_id("r1");
  request.set_status(v1::JOB_STATUS_FAILED);
  request.mutable_error()->set_message("out of memory");
  request.set_request_id("u1");
  v1::UpdateRunReply reply;
  Must(runs_->UpdateRun(server_.Call().get(), request, &reply));
  EXPECT_EQ(reply.status(), v1::JOB_STATUS_FAILED);
  EXPECT_EQ(Get("r1").error().message(), "out of memory");
  EXPECT_NE(Get("r1").ended_us(), 0);
  request.clear_error();
  request.set_status(v1::JOB_STATUS_COMPLETED);
  request.set_request_id("u2");
  EXPECT_EQ(runs_->UpdateRun(server_.Call().get(), request, &reply).error_code(),
            StatusCode::FAILED_PRECONDITION);
}

TEST_F(TrackingCalls, AHeartbeatIsOfARunThatIsNoJob) {
  Must(Create({New("r1")}, "c1"));
  v1::UpdateRunRequest beat;
  beat.set_run_id("r1");
  beat.set_heartbeat(true);
  beat.set_request_id("b1");
  v1::UpdateRunReply reply;
  Must(runs_->UpdateRun(server_.Call().get(), beat, &reply));
  EXPECT_EQ(reply.status(), v1::JOB_STATUS_RUNNING);
  beat.set_run_id(Submit("digits", "s1"));
  beat.set_request_id("b2");
  EXPECT_EQ(runs_->UpdateRun(server_.Call().get(), beat, &reply).error_code(),
            StatusCode::FAILED_PRECONDITION);
}

TEST_F(TrackingCalls, MetricsComeBackAsTheyWentInPages) {
  Must(Create({New("r1")}, "c1"));
  v1::AppendMetricsReply appended;
  Must(Append("r1", 0, 5, &appended));
  Must(Append("r1", 0, 5, &appended));
  EXPECT_EQ(appended.next(), 5U) << "counted once";
  v1::AppendMetricsRequest request;
  request.set_run_id("r1");
  request.set_writer("other");
  v1::MetricValue& nan = *request.add_values();
  nan.set_name("accuracy");
  nan.set_kind(v1::METRIC_KIND_SCALAR);
  nan.set_number(std::nan(""));
  v1::MetricValue& row = *request.add_values();
  row.set_name("row");
  row.set_kind(v1::METRIC_KIND_ROW);
  row.set_json(R"({"x":1})");
  row.set_step(3);
  Must(runs_->AppendMetrics(server_.Call().get(), request, &appended));

  const std::vector<v1::MetricValue> values = Read("r1", 2);
  ASSERT_EQ(values.size(), 7U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(values[i].number(), static_cast<double>(i));
  EXPECT_TRUE(std::isnan(values[5].number()));
  EXPECT_EQ(values[6].SerializeAsString(), row.SerializeAsString());
  EXPECT_EQ(Append("r1", 9, 1, &appended).error_code(), StatusCode::OUT_OF_RANGE);
}

TEST_F(TrackingCalls, AUserChangesOwnRunsAlone) {
  const std::string job = Submit("digits", "s1");
  Must(Create({New("r1")}, "c1"));
  BecomeUser("mallory");
  v1::AppendMetricsReply appended;
  for (const std::string& run : {job, std::string("r1")}) {
    EXPECT_EQ(Tag(run, "a", "t" + run).error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Append(run, 0, 1, &appended).error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Create({New("c-" + run, run)}, "c" + run).error_code(),
              StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(Get(run).id(), run) << "but reads all of the workspace";
  }
}

TEST_F(TrackingCalls, WhatIsNotThereIsTold) {
  v1::AppendMetricsReply appended;
  EXPECT_EQ(ReasonOf(Append("nothing", 0, 1, &appended)), "UNKNOWN_RUN");
  EXPECT_EQ(ReasonOf(Tag("nothing", "a", "t")), "UNKNOWN_RUN");
  EXPECT_EQ(ReasonOf(Create({New("r1", "nothing")}, "c")), "UNKNOWN_RUN");
  v1::GetRunRequest get;
  get.set_run_id("nothing");
  v1::GetRunReply got;
  EXPECT_EQ(ReasonOf(runs_->GetRun(server_.Call().get(), get, &got)), "UNKNOWN_RUN");
  v1::ReadMetricsRequest read;
  read.set_run_id("nothing");
  v1::ReadMetricsReply values;
  EXPECT_EQ(ReasonOf(runs_->ReadMetrics(server_.Call().get(), read, &values)), "UNKNOWN_RUN");

  v1::ListRunsRequest list;
  list.set_workspace("nowhere");
  v1::ListRunsReply listed;
  EXPECT_EQ(ReasonOf(runs_->ListRuns(server_.Call().get(), list, &listed)), "UNKNOWN_WORKSPACE");
  v1::CreateRunsRequest create;
  create.set_workspace("nowhere");
  create.set_request_id("c");
  *create.add_runs() = New("r1");
  v1::CreateRunsReply created;
  EXPECT_EQ(ReasonOf(runs_->CreateRuns(server_.Call().get(), create, &created)),
            "UNKNOWN_WORKSPACE");
}

TEST_F(TrackingCalls, TheIdOfAJobIsTaken) {
  const std::string job = Submit("digits", "s1");
  EXPECT_EQ(ReasonOf(Create({New(job)}, "c1")), "NAME_TAKEN");
}

TEST_F(TrackingCalls, AMillionEmptyValuesAreCountedBeforeTheyAreMade) {
  v1::AppendMetricsRequest request;
  request.set_run_id("r1");
  request.set_writer("w");
  for (int i = 0; i < 1'000'000; ++i) request.add_values();
  v1::AppendMetricsReply reply;
  EXPECT_EQ(ReasonOf(runs_->AppendMetrics(server_.Call().get(), request, &reply)), "TOO_MANY");
}

TEST_F(TrackingCalls, ABrokenRecordLeavesJobsAlone) {
  Must(Create({New("r1")}, "c1"));
  {
    auto database = storage::Connection::Open(server_.directory() / "tracking.db",
                                              storage::Connection::Mode::kReadWrite);
    ASSERT_TRUE(database && database->Execute("DROP TABLE metrics"));
  }
  v1::AppendMetricsReply appended;
  EXPECT_EQ(Append("r1", 0, 1, &appended).error_code(), StatusCode::UNAVAILABLE);
  EXPECT_NE(Submit("digits", "s1"), "");
}

TEST(TrackingBelowTheReserve, NothingNewIsRecorded) {
  const RunningServer server(std::uint64_t{1} << 60);
  const auto runs = v1::TrackingService::NewStub(server.channel());
  v1::CreateRunsRequest request;
  request.set_request_id("c1");
  request.add_runs()->set_id("r1");
  request.mutable_runs(0)->set_experiment("digits");
  v1::CreateRunsReply reply;
  EXPECT_EQ(ReasonOf(runs->CreateRuns(server.Call().get(), request, &reply)), "DISK_RESERVE");
}

}  // namespace
}  // namespace muster::server
