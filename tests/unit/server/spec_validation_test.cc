#include "server/rpc/spec_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace muster::server {
namespace {

namespace v1 = muster::v1;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::JobSpec Valid() {
  v1::JobSpec spec;
  spec.set_experiment("digits");
  spec.set_snapshot_digest(std::string(64, 'a'));
  spec.set_script("src/train.py");
  return spec;
}

v1::DataReference& AddData(v1::JobSpec& spec, const std::string& name = "d") {
  v1::DataReference& reference = *spec.add_data_references();
  reference.set_name(name);
  reference.set_datastore("store");
  return reference;
}

struct Case {
  const char* title;
  std::function<void(v1::JobSpec&)> change;
  std::string field;  // of the one fault; empty: valid
  std::string words = {};
};

class OneChange : public ::testing::TestWithParam<Case> {};

TEST_P(OneChange, GivesThisFaultAlone) {
  v1::JobSpec spec = Valid();
  GetParam().change(spec);
  const std::vector<Fault> faults = ValidateSpec(spec);
  if (GetParam().field.empty()) {
    EXPECT_THAT(faults, IsEmpty()) << faults.front().field << ": " << faults.front().message;
    return;
  }
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0].field, GetParam().field);
  EXPECT_THAT(faults[0].message, HasSubstr(GetParam().words));
  EXPECT_LE(faults[0].value.size(), 200U);
}

const Case kNames[] = {
    {"Minimal", [](auto&) {}, ""},
    {"NoExperiment", [](auto& s) { s.clear_experiment(); }, "experiment"},
    {"ExperimentWithDashFirst", [](auto& s) { s.set_experiment("-a"); }, "experiment"},
    {"LongestExperiment", [](auto& s) { s.set_experiment(std::string(200, 'e')); }, ""},
    {"TooLongExperiment", [](auto& s) { s.set_experiment(std::string(201, 'e')); }, "experiment",
     "200"},
    {"PoolWithCapital", [](auto& s) { s.set_pool("Pool"); }, "pool", "2..24"},
    {"NoDigest", [](auto& s) { s.clear_snapshot_digest(); }, "snapshot_digest", "upload"},
    {"DigestInCapitals", [](auto& s) { s.set_snapshot_digest(std::string(64, 'A')); },
     "snapshot_digest"},
    {"NoScript", [](auto& s) { s.clear_script(); }, "script", "required"},
    {"AbsoluteScript", [](auto& s) { s.set_script("/bin/sh"); }, "script", "absolute"},
    {"ScriptOutside", [](auto& s) { s.set_script("a/../../b.py"); }, "script", ".."},
    {"DotsInAName", [](auto& s) { s.set_script("a/..b.py"); }, ""},
    {"ScriptIsADirectory", [](auto& s) { s.set_script("src/"); }, "script", "directory"},
    {"ScriptTooLong", [](auto& s) { s.set_script(std::string(4'097, 'x')); }, "script", "4096"},
};

const Case kSizes[] = {
    {"ManyArguments",
     [](auto& s) {
       for (int i = 0; i < 10'000; ++i) s.add_arguments("x");
     },
     ""},
    {"TooManyArguments",
     [](auto& s) {
       for (int i = 0; i < 10'001; ++i) s.add_arguments("x");
     },
     "arguments", "10,000"},
    {"ArgumentsTooLarge", [](auto& s) { s.add_arguments(std::string((1 << 20) + 1, 'x')); },
     "arguments", "1 MiB"},
    {"NulInAnArgument", [](auto& s) { s.add_arguments(std::string("a\0b", 3)); }, "arguments[0]"},
    {"NoNodes", [](auto& s) { s.set_node_count(0); }, "node_count", "1..10000"},
    {"TooManyNodes",
     [](auto& s) {
       s.set_node_count(10'001);
       s.set_communicator(v1::COMMUNICATOR_MPI);
     },
     "node_count", "10000"},
    {"NoProcesses", [](auto& s) { s.set_process_count_per_node(0); }, "process_count_per_node"},
    {"GangWithoutCommunicator", [](auto& s) { s.set_node_count(2); }, "communicator", "mpi"},
    {"ProcessesWithoutCommunicator", [](auto& s) { s.set_process_count_per_node(2); },
     "communicator", "gloo"},
    {"Gang",
     [](auto& s) {
       s.set_node_count(2);
       s.set_communicator(v1::COMMUNICATOR_GLOO);
     },
     ""},
    {"CommunicatorForOne", [](auto& s) { s.set_communicator(v1::COMMUNICATOR_MPI); }, ""},
    {"ParameterServer", [](auto& s) { s.set_communicator(v1::COMMUNICATOR_PARAMETER_SERVER); },
     "communicator", "not supported yet"},
    {"UnknownCommunicator", [](auto& s) { s.set_communicator(static_cast<v1::Communicator>(77)); },
     "communicator"},
    {"LongestRun", [](auto& s) { s.set_max_run_duration_ms(kMaxRunDurationMs); }, ""},
    {"TooLongRun", [](auto& s) { s.set_max_run_duration_ms(kMaxRunDurationMs + 1); },
     "max_run_duration_ms"},
    {"Retries", [](auto& s) { s.mutable_restart_policy()->set_node_loss_retries(101); },
     "restart_policy.node_loss_retries", "0..100"},
    {"ShortLease", [](auto& s) { s.mutable_restart_policy()->set_lease_ms(999); },
     "restart_policy.lease_ms"},
    {"Priority", [](auto& s) { s.set_priority(-1'001); }, "priority"},
    {"NoGrace", [](auto& s) { s.set_grace_period_ms(0); }, ""},
    {"NegativeGrace", [](auto& s) { s.set_grace_period_ms(-1); }, "grace_period_ms"},
};

const Case kContent[] = {
    {"Interpreter",
     [](auto& s) { s.mutable_environment()->set_interpreter_path("/usr/bin/python3"); }, ""},
    {"RelativeInterpreter",
     [](auto& s) { s.mutable_environment()->set_interpreter_path("python3"); },
     "environment.interpreter_path", "absolute"},
    {"Packages", [](auto& s) { s.mutable_environment()->add_pip_packages("torch"); },
     "environment.pip_packages", "not built yet"},
    {"Conda", [](auto& s) { s.mutable_environment()->add_conda_packages("numpy"); },
     "environment.conda_packages", "not built yet"},
    {"Image", [](auto& s) { s.mutable_environment()->set_docker_image("ubuntu"); },
     "environment.docker_image", "not built yet"},
    {"Variable", [](auto& s) { (*s.mutable_environment_variables())["_A1"] = "="; }, ""},
    {"BadVariable", [](auto& s) { (*s.mutable_environment_variables())["1A"] = "x"; },
     "environment_variables[1A]"},
    {"VariablesTooLarge",
     [](auto& s) { (*s.mutable_environment_variables())["A"] = std::string(1 << 20, 'x'); },
     "environment_variables", "1 MiB"},
    {"DataReference", [](auto& s) { AddData(s); }, ""},
    {"DataTwice",
     [](auto& s) {
       AddData(s);
       AddData(s);
     },
     "data_references[1].name", "twice"},
    {"DataName", [](auto& s) { AddData(s, "a-b"); }, "data_references[0].name"},
    {"DataOutside", [](auto& s) { AddData(s).set_path("../x"); }, "data_references[0].path"},
    {"DataAbsolute", [](auto& s) { AddData(s).set_path("/x"); }, "data_references[0].path"},
    {"Download", [](auto& s) { AddData(s).set_mode(v1::DATA_MODE_DOWNLOAD); }, ""},
    {"Upload", [](auto& s) { AddData(s).set_mode(v1::DATA_MODE_UPLOAD); },
     "data_references[0].mode", "mount or download"},
    {"PathOnCompute", [](auto& s) { AddData(s).set_path_on_compute("/data"); },
     "data_references[0].path_on_compute"},
    {"LongTag", [](auto& s) { (*s.mutable_tags())["k"] = std::string(1'001, 'x'); }, "tags[k]"},
    {"EmptyTagKey", [](auto& s) { (*s.mutable_tags())[""] = "x"; }, "tags[]"},
};

std::string Title(const ::testing::TestParamInfo<Case>& info) { return info.param.title; }
INSTANTIATE_TEST_SUITE_P(Names, OneChange, ::testing::ValuesIn(kNames), Title);
INSTANTIATE_TEST_SUITE_P(Sizes, OneChange, ::testing::ValuesIn(kSizes), Title);
INSTANTIATE_TEST_SUITE_P(Content, OneChange, ::testing::ValuesIn(kContent), Title);

TEST(SpecValidation, AllFaultsAreListedInFieldOrder) {
  v1::JobSpec spec;
  spec.set_node_count(0);
  spec.set_priority(5'000);
  std::vector<std::string> fields;
  for (const Fault& fault : ValidateSpec(spec)) fields.push_back(fault.field);
  EXPECT_THAT(fields, ::testing::ElementsAre("experiment", "snapshot_digest", "script",
                                             "node_count", "priority"));
}

TEST(SpecValidation, PackagesAloneHaveAReasonOfTheirOwn) {
  v1::JobSpec spec = Valid();
  spec.mutable_environment()->add_pip_packages("torch");
  EXPECT_EQ(SpecError(ValidateSpec(spec)).reason, ErrorReason::kPackagesUnsupported);
  spec.clear_script();
  EXPECT_EQ(SpecError(ValidateSpec(spec)).reason, ErrorReason::kInvalidSpec);
}

TEST(SpecValidation, MoreFaultsThanAnAnswerHoldsAreCounted) {
  v1::JobSpec spec = Valid();
  for (int i = 0; i < 100; ++i) AddData(spec, "bad-" + std::to_string(i));
  const Error error = SpecError(ValidateSpec(spec));
  EXPECT_EQ(error.faults.size(), kMaxFaultsShown + 1);
  EXPECT_THAT(error.faults.back().message, HasSubstr("70 more"));
}

TEST(SpecValidation, ALongValueIsCutBetweenCharacters) {
  v1::JobSpec spec = Valid();
  std::string name;
  for (int i = 0; i < 200; ++i) name += "\xC3\xA9";
  spec.set_experiment(name);
  const std::vector<Fault> faults = ValidateSpec(spec);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_LE(faults[0].value.size(), 200U);
  EXPECT_EQ((faults[0].value.size() - 3) % 2, 0U);
}

TEST(SpecValidation, NamesNoSingleEntryOfAListThatIsTooLong) {
  v1::JobSpec spec = Valid();
  for (int i = 0; i < 100'000; ++i) {
    spec.add_data_references();
    (*spec.mutable_environment_variables())["-" + std::to_string(i)] = "";
    (*spec.mutable_tags())[std::string(101, 't') + std::to_string(i)] = "";
  }
  std::vector<std::string> fields;
  for (const Fault& fault : ValidateSpec(spec)) fields.push_back(fault.field);
  EXPECT_THAT(fields,
              ::testing::ElementsAre("spec", "environment_variables", "data_references", "tags"));
}

}  // namespace
}  // namespace muster::server
