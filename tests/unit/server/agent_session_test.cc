// Sessions that a whole server ends, with nodes that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/fake_agent.h"
#include "tests/unit/server/running_server.h"

namespace muster::server {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

class AgentSessions : public ::testing::Test {
 protected:
  RunningServer server_;
  FakeAgent agent_{server_, "n1",
                   [](const v1::CheckPaths&) { return std::optional<v1::PathsChecked>(); }};
};

TEST_F(AgentSessions, EndWithAnAnswerOfMorePathsThanAQuestionHas) {
  v1::PathsChecked checked;
  for (int i = 0; i < 257; ++i) checked.add_missing("/data/x");
  agent_.Say(checked);
  const grpc::Status end = agent_.WaitForEnd();
  EXPECT_EQ(end.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(end.error_message(), HasSubstr("256"));
}

TEST_F(AgentSessions, EndWithAPartOfAReportThatHasNoBeginning) {
  v1::Report report;
  report.set_part(1);
  agent_.Say(report);
  EXPECT_EQ(agent_.WaitForEnd().error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(AgentSessions, EndWithPartsThatAreTooMuchTogether) {
  v1::Report report;
  report.set_more(true);
  for (int i = 0; i < 4'096; ++i) report.add_attempts();
  agent_.Say(report);
  report.set_part(1);
  agent_.Say(report);
  const grpc::Status end = agent_.WaitForEnd();
  EXPECT_EQ(end.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(end.error_message(), HasSubstr("4,096 attempts"));
}

}  // namespace
}  // namespace muster::server
