#include "cli/spec_words.h"

#include <gtest/gtest.h>

#include "cli/submit_flags.h"

namespace muster::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SpecWords, AssignmentsSplitAtTheFirstEquals) {
  EXPECT_EQ(ParseAssignment("--env", "A=b=c"), std::pair(std::string("A"), std::string("b=c")));
  EXPECT_EQ(ParseAssignment("--env", "A="), std::pair(std::string("A"), std::string()));
  EXPECT_FALSE(ParseAssignment("--env", "A"));
  EXPECT_FALSE(ParseAssignment("--env", "=b"));
}

TEST(SpecWords, DataNamesItselfAfterItsDatastore) {
  const auto named = ParseData("digits=shared/sets/digits=v2");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->name(), "digits");
  EXPECT_EQ(named->datastore(), "shared");
  EXPECT_EQ(named->path(), "sets/digits=v2");
  const auto bare = ParseData("shared/sets/x=1");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->name(), "shared");
  EXPECT_EQ(bare->path(), "sets/x=1");
  EXPECT_EQ(ParseData("shared")->path(), "");
  for (const char* wrong : {"", "=shared/x", "digits=", "digits=/x", "/x"}) {
    const auto reference = ParseData(wrong);
    ASSERT_FALSE(reference) << wrong;
    EXPECT_NE(reference.error().message.find("name=datastore/path"), std::string::npos);
  }
}

TEST(SpecWords, Durations) {
  EXPECT_EQ(ParseDuration("--lease", "90"), seconds(90));
  EXPECT_EQ(ParseDuration("--lease", "500ms"), milliseconds(500));
  EXPECT_EQ(ParseDuration("--lease", "2h"), hours(2));
  EXPECT_EQ(ParseDuration("--lease", "365d"), hours(365 * 24));
  for (const char* wrong :
       {"", "s", "-1s", "1.5h", "10 s", "366d", "99999999999999999999", "9223372036854775807d"}) {
    EXPECT_FALSE(ParseDuration("--lease", wrong)) << wrong;
  }
  EXPECT_EQ(ParseExpiry("--expires-in", "3650d"), 3650LL * 24 * 3600);
  EXPECT_FALSE(ParseExpiry("--expires-in", "999ms"));
}

TEST(SpecWords, CommunicatorsHaveAzuresNamesToo) {
  EXPECT_EQ(ParseCommunicator("mpi"), v1::COMMUNICATOR_MPI);
  EXPECT_EQ(ParseCommunicator("IntelMpi"), v1::COMMUNICATOR_MPI);
  EXPECT_EQ(ParseCommunicator("None"), v1::COMMUNICATOR_NONE);
  EXPECT_EQ(ParseCommunicator("Gloo"), v1::COMMUNICATOR_GLOO);
  EXPECT_FALSE(ParseCommunicator("smoke signals"));
}

TEST(SubmitFlags, BecomeASpecification) {
  SubmitFlags flags;
  flags.experiment = "digits";
  flags.source_directory = "train";
  flags.entry_script = "train.py";
  flags.backend = "mpi";
  flags.node_count = 2;
  flags.process_count_per_node = 4;
  flags.priority = -5;
  flags.node_loss_retries = 1;
  flags.lease = "20s";
  flags.grace_period = "500ms";
  flags.max_run_duration = "1h";
  flags.environment = {"A=1", "B="};
  flags.data = {"digits=shared/digits", "other/x"};
  flags.pip_packages = {"mpi4py"};
  flags.script_arguments = {"--lr", "0.1"};
  const auto draft = DraftJob(flags);
  ASSERT_TRUE(draft);
  const v1::JobSpec& spec = draft->spec;
  EXPECT_EQ(draft->source_directory, "train");
  EXPECT_EQ(spec.communicator(), v1::COMMUNICATOR_MPI);
  EXPECT_EQ(spec.node_count(), 2U);
  EXPECT_EQ(spec.process_count_per_node(), 4U);
  EXPECT_EQ(spec.priority(), -5);
  EXPECT_EQ(spec.restart_policy().lease_ms(), 20'000);
  EXPECT_EQ(spec.grace_period_ms(), 500);
  EXPECT_EQ(spec.max_run_duration_ms(), 3'600'000);
  EXPECT_EQ(spec.environment_variables().at("B"), "");
  EXPECT_EQ(spec.data_references(1).name(), "other");
  EXPECT_EQ(spec.environment().pip_packages(0), "mpi4py");
  EXPECT_EQ(spec.arguments(1), "0.1");
}

TEST(SubmitFlags, WhatIsNotGivenStaysUnset) {
  SubmitFlags flags;
  flags.experiment = flags.source_directory = flags.entry_script = "x";
  const auto draft = DraftJob(flags);
  ASSERT_TRUE(draft);
  EXPECT_FALSE(draft->spec.has_node_count());
  EXPECT_FALSE(draft->spec.has_grace_period_ms());
  EXPECT_FALSE(draft->spec.has_environment());
}

TEST(SubmitFlags, AnArgumentThatIsNoTextIsNamed) {
  SubmitFlags flags;
  flags.experiment = "e";
  flags.source_directory = ".";
  flags.entry_script = "main.py";
  flags.script_arguments = {"--name", "\xff", "\xc3\xa9"};
  const auto draft = DraftJob(flags);
  ASSERT_FALSE(draft);
  ASSERT_EQ(draft.error().faults.size(), 1U);
  EXPECT_EQ(draft.error().faults.front().field, "arguments[1]");
  flags.script_arguments = {"\xc3\xa9"};
  flags.environment = {"A=\xff"};
  EXPECT_EQ(DraftJob(flags).error().faults.size(), 1U);
}

TEST(SubmitFlags, AllFaultsAreToldAtOnce) {
  SubmitFlags flags;
  flags.environment = {"A"};
  flags.data = {"a/x", "a/y"};
  flags.lease = "soon";
  const auto draft = DraftJob(flags);
  ASSERT_FALSE(draft);
  std::vector<std::string> fields;
  for (const Fault& fault : draft.error().faults) fields.push_back(fault.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"--lease", "--env", "--data", "--experiment",
                                              "--source-directory", "--entry-script"}));
}

}  // namespace
}  // namespace muster::cli
