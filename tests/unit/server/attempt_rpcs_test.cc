// What nodes may do for attempts, over TLS, against a whole server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "muster/v1/agent.grpc.pb.h"
#include "tests/unit/server/fake_agent.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

class AttemptRpcs : public ::testing::Test {
 protected:
  grpc::Status Append(const v1::AppendTrackingRequest& request) {
    grpc::ClientContext context;
    v1::AppendTrackingReply reply;
    return agent_.stub().AppendTracking(&context, request, &reply);
  }
  grpc::Status Call(const v1::CallForAttemptRequest& request) {
    grpc::ClientContext context;
    v1::CallForAttemptReply reply;
    return agent_.stub().CallForAttempt(&context, request, &reply);
  }
  static v1::AppendTrackingRequest Lines() {
    v1::AppendTrackingRequest request;
    request.set_job_id("elsewhere_1_00000000");
    request.set_attempt(1);
    request.set_writer("0-1-f.jsonl");
    request.set_data("{}\n");
    return request;
  }

  RunningServer server_;
  FakeAgent agent_{server_, "n1",
                   [](const v1::CheckPaths&) { return std::optional<v1::PathsChecked>(); }};
};

TEST_F(AttemptRpcs, AreRefusedForAnAttemptThatIsNotOnTheNode) {
  const grpc::Status appended = Append(Lines());
  EXPECT_EQ(appended.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(appended.error_message(), HasSubstr("is not on node n1"));
  v1::CallForAttemptRequest call;
  call.set_job_id("elsewhere_1_00000000");
  call.set_attempt(1);
  call.set_method("GetRun");
  call.set_request_json("{}");
  EXPECT_EQ(Call(call).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(AttemptRpcs, HaveLimitsOnWhatIsSent) {
  v1::AppendTrackingRequest request = Lines();
  request.clear_writer();
  EXPECT_EQ(Append(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_writer(std::string(256, 'w'));
  EXPECT_EQ(Append(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request = Lines();
  request.set_data("no whole line");
  EXPECT_THAT(Append(request).error_message(), HasSubstr("whole lines"));
  request.set_data(std::string((3 << 19) + 1, '\n'));
  EXPECT_THAT(Append(request).error_message(), HasSubstr("1.5 MiB"));
  request = Lines();
  request.set_offset(std::uint64_t{1} << 63);
  EXPECT_THAT(Append(request).error_message(), HasSubstr("2^62"));
  request = Lines();
  request.set_skipped_bytes(std::uint64_t{1} << 40);
  EXPECT_EQ(Append(request).error_code(), StatusCode::INVALID_ARGUMENT);

  v1::CallForAttemptRequest call;
  call.set_method("SubmitJob");
  EXPECT_EQ(Call(call).error_code(), StatusCode::UNIMPLEMENTED);
  call.set_method("GetRun");
  call.set_request_json(std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(Call(call).error_message(), HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace muster::server
