// Jobs whose data references name paths that nodes have or lack, over TLS, against a whole server
// and nodes that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/digest.h"
#include "muster/v1/cluster.grpc.pb.h"
#include "muster/v1/files.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"
#include "tests/unit/server/fake_agent.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

// Has these paths and no others.
FakeAgent::OnCheckPaths Having(std::set<std::string> paths) {
  return [paths = std::move(paths)](const v1::CheckPaths& question) {
    v1::PathsChecked checked;
    checked.set_id(question.id());
    for (const std::string& path : question.paths()) {
      if (!paths.contains(path)) checked.add_missing(path);
    }
    return std::optional(checked);
  };
}

std::optional<v1::PathsChecked> SayNothing(const v1::CheckPaths&) { return std::nullopt; }

class DataPaths : public ::testing::Test {
 protected:
  // So long that a test which waited for it would not end in time.
  static constexpr Duration kNever = std::chrono::minutes(5);

  explicit DataPaths(Duration timeout = kNever) : server_(0, LimitsWith(timeout)) {
    v1::UploadBlobReply uploaded;
    const auto context = server_.Call();
    const auto stream = blobs_->UploadBlob(context.get(), &uploaded);
    v1::UploadBlobRequest part;
    part.mutable_header()->set_digest(Sha256("source").Hex());
    part.mutable_header()->set_size_bytes(6);
    stream->Write(part);
    part.set_chunk("source");
    stream->Write(part);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
    Register("/data/digits");
  }

  static RpcLimits LimitsWith(Duration timeout) {
    RpcLimits limits;
    limits.path_check_timeout = timeout;
    return limits;
  }
  void Register(const std::string& path) {
    v1::RegisterDatastoreRequest request;
    request.mutable_datastore()->set_name("digits");
    request.mutable_datastore()->mutable_local()->set_path(path);
    request.set_request_id("register " + path);
    v1::RegisterDatastoreReply reply;
    const auto datastores = v1::DatastoreService::NewStub(server_.channel());
    EXPECT_TRUE(datastores->RegisterDatastore(server_.Call().get(), request, &reply).ok());
  }
  static v1::SubmitJobRequest Request(const std::vector<std::string>& paths) {
    v1::SubmitJobRequest request;
    request.mutable_spec()->set_experiment("digits");
    request.mutable_spec()->set_script("train.py");
    request.mutable_spec()->set_snapshot_digest(Sha256("source").Hex());
    for (const std::string& path : paths) {
      v1::DataReference& reference = *request.mutable_spec()->add_data_references();
      reference.set_name("d" + std::to_string(request.spec().data_references_size()));
      reference.set_datastore("digits");
      reference.set_path(path);
    }
    static std::atomic<int> number = 0;
    request.set_request_id("submit " + std::to_string(++number));
    return request;
  }
  grpc::Status Submit(const v1::SubmitJobRequest& request, std::string* job = nullptr) {
    v1::SubmitJobReply reply;
    const grpc::Status status = jobs_->SubmitJob(server_.Call().get(), request, &reply);
    if (job != nullptr) *job = reply.job_id();
    return status;
  }
  static std::vector<std::string> FieldsOf(const grpc::Status& status) {
    v1::ErrorDetail detail;
    detail.ParseFromString(status.error_details());
    std::vector<std::string> fields;
    for (const auto& fault : detail.faults()) fields.push_back(fault.field());
    return fields;
  }
  int Jobs() {
    v1::ListJobsReply reply;
    EXPECT_TRUE(jobs_->ListJobs(server_.Call().get(), {}, &reply).ok());
    return reply.jobs_size();
  }

  RunningServer server_;
  std::unique_ptr<v1::JobService::Stub> jobs_ = v1::JobService::NewStub(server_.channel());
  std::unique_ptr<v1::BlobService::Stub> blobs_ = v1::BlobService::NewStub(server_.channel());
};

class SoonGivenUp : public DataPaths {
 protected:
  static constexpr Duration kTimeout = milliseconds(50);
  SoonGivenUp() : DataPaths(kTimeout) {}
};

TEST_F(DataPaths, WhatNoNodeHasIsRefusedWithAllElseThatIsWrongAndNothingIsStored) {
  FakeAgent agent(server_, "n1", Having({"/data/digits/there"}));
  const grpc::Status alone = Submit(Request({"there", "x"}));
  EXPECT_EQ(alone.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(alone), "INVALID_SPEC");
  EXPECT_THAT(FieldsOf(alone), ElementsAre("spec.data_references[1].path"));
  EXPECT_THAT(alone.error_message(), HasSubstr("node n1 has no /data/digits/x"));

  v1::SubmitJobRequest faulty = Request({"x", "../up", "", "there"});
  faulty.mutable_spec()->set_priority(5'000);
  faulty.mutable_spec()->mutable_data_references(3)->set_datastore("unknown");
  EXPECT_THAT(FieldsOf(Submit(faulty)),
              testing::UnorderedElementsAre(
                  "spec.priority", "spec.data_references[0].path", "spec.data_references[1].path",
                  "spec.data_references[2].path", "spec.data_references[3].datastore"));
  EXPECT_EQ(Jobs(), 0);
}

TEST_F(DataPaths, WhatANodeHasIsAcceptedAndNotAskedAgainSoon) {
  FakeAgent agent(server_, "n1", Having({"/data/digits", "/data/digits/x"}));
  for (int i = 0; i < 3; ++i) {
    const grpc::Status status = Submit(Request({"x", ""}));
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  ASSERT_EQ(agent.questions().size(), 1U);
  EXPECT_THAT(agent.questions()[0].paths(), ElementsAre("/data/digits", "/data/digits/x"));
  EXPECT_TRUE(Submit(Request({})).ok());
  EXPECT_EQ(agent.questions().size(), 1U) << "nothing to ask";
  EXPECT_EQ(Jobs(), 4);
}

TEST_F(DataPaths, APathMadeLaterIsAcceptedThen) {
  std::atomic<bool> there = false;
  FakeAgent agent(server_, "n1", [&](const v1::CheckPaths& question) {
    return Having(there ? std::set<std::string>{"/data/digits/x"}
                        : std::set<std::string>{})(question);
  });
  EXPECT_EQ(Submit(Request({"x"})).error_code(), StatusCode::INVALID_ARGUMENT);
  there = true;
  EXPECT_TRUE(Submit(Request({"x"})).ok());
}

TEST_F(DataPaths, WithoutANodeAJobIsAcceptedAndWithOneItIsAskedAtOnce) {
  EXPECT_TRUE(Submit(Request({"x"})).ok());
  FakeAgent agent(server_, "n1", Having({}));
  EXPECT_EQ(Submit(Request({"x"})).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(DataPaths, ADatastoreRegisteredElsewhereIsLookedAtAgain) {
  FakeAgent agent(server_, "n1", Having({"/data/digits/x"}));
  EXPECT_TRUE(Submit(Request({"x"})).ok());
  Register("/moved");
  const grpc::Status status = Submit(Request({"x"}));
  EXPECT_THAT(status.error_message(), HasSubstr("node n1 has no /moved/x"));
}

TEST_F(DataPaths, ADatastoreRegisteredElsewhereMeanwhileIsAnotherQuestion) {
  FakeAgent agent(server_, "n1", SayNothing);
  grpc::Status before(StatusCode::UNKNOWN, "no answer");
  grpc::Status after(StatusCode::UNKNOWN, "no answer");
  std::thread first([&] { before = Submit(Request({"x"})); });
  agent.WaitForQuestions(1);
  Register("/moved");
  std::thread second([&] { after = Submit(Request({"x"})); });
  agent.WaitForQuestions(2);
  const std::vector<v1::CheckPaths> questions = agent.questions();
  EXPECT_THAT(questions[1].paths(), ElementsAre("/moved/x"));
  v1::PathsChecked checked;
  checked.set_id(questions[0].id());
  agent.Say(checked);
  first.join();
  checked.set_id(questions[1].id());
  checked.add_missing("/moved/x");
  agent.Say(checked);
  second.join();
  EXPECT_TRUE(before.ok()) << before.error_message();
  EXPECT_THAT(after.error_message(), HasSubstr("node n1 has no /moved/x"));
}

TEST_F(DataPaths, ARepeatedRequestGetsItsAnswerAgainWhateverBecameOfThePath) {
  const v1::SubmitJobRequest request = Request({"x"});
  std::string first;
  std::string second;
  ASSERT_TRUE(Submit(request, &first).ok());
  FakeAgent agent(server_, "n1", Having({}));
  const grpc::Status again = Submit(request, &second);
  ASSERT_TRUE(again.ok()) << again.error_message();
  EXPECT_EQ(first, second);
  v1::SubmitJobRequest other = request;
  other.mutable_spec()->set_priority(1);
  EXPECT_EQ(Submit(other).error_code(), StatusCode::ALREADY_EXISTS);
}

TEST_F(DataPaths, ANodeThatLeavesWithoutAWordKeepsNobodyWaiting) {
  auto agent = std::make_unique<FakeAgent>(server_, "n1", SayNothing);
  grpc::Status status(StatusCode::UNKNOWN, "no answer");
  std::thread caller([&] { status = Submit(Request({"x"})); });
  agent->WaitForQuestions(1);
  agent.reset();
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(DataPaths, ACallThatIsCancelledMeanwhileLeavesNothingBehind) {
  FakeAgent agent(server_, "n1", SayNothing);
  const auto context = server_.Call();
  grpc::Status status;
  std::thread caller([&] {
    v1::SubmitJobReply reply;
    status = jobs_->SubmitJob(context.get(), Request({"x"}), &reply);
  });
  agent.WaitForQuestions(1);
  context->TryCancel();
  caller.join();
  EXPECT_EQ(status.error_code(), StatusCode::CANCELLED);
  v1::PathsChecked missing;
  missing.set_id(agent.questions()[0].id());
  missing.add_missing("/data/digits/x");
  agent.Say(missing);
  std::thread other([&] { status = Submit(Request({"y"})); });
  agent.WaitForQuestions(2);
  missing.set_id(agent.questions()[1].id());
  missing.set_missing(0, "/data/digits/y");
  agent.Say(missing);
  other.join();
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Jobs(), 0);
}

TEST_F(SoonGivenUp, ANodeThatDoesNotKnowTheQuestionCostsItsTimeOnce) {
  FakeAgent agent(server_, "n1", SayNothing);
  const auto before = steady_clock::now();
  EXPECT_TRUE(Submit(Request({"x"})).ok());
  EXPECT_GE(steady_clock::now() - before, kTimeout);
  agent.WaitForQuestions(1);
  EXPECT_TRUE(Submit(Request({"y"})).ok());
  EXPECT_EQ(agent.questions().size(), 1U) << "it is not asked again";
}

TEST_F(SoonGivenUp, TheOthersWordCountsWhereOneNodeHangs) {
  FakeAgent hangs(server_, "n1", SayNothing);
  FakeAgent lacks(server_, "n2", Having({}));
  const grpc::Status status = Submit(Request({"x"}));
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("node n2 has no /data/digits/x"));
}

}  // namespace
}  // namespace muster::server
