// What is refused of the requests about the run record, by itself.
#include "server/tracking/run_checks.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

namespace muster::server {
namespace {

// The fields with a fault.
template <class Request>
std::string FaultsOf(const Request& request) {
  std::vector<Fault> faults;
  static_cast<void>(Decode(request, faults));
  std::string fields;
  for (const Fault& fault : faults) fields += fault.field + " ";
  return fields;
}

v1::AppendMetricsRequest Append() {
  v1::AppendMetricsRequest request;
  request.set_run_id("r1");
  request.set_writer("host-1-42");
  v1::MetricValue& value = *request.add_values();
  value.set_name("loss");
  value.set_kind(v1::METRIC_KIND_SCALAR);
  value.set_number(0.5);
  return request;
}

TEST(AppendMetricsChecks, ASoundOneHasNoFault) {
  EXPECT_EQ(FaultsOf(Append()), "");
  v1::AppendMetricsRequest request = Append();
  request.mutable_values(0)->set_number(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(FaultsOf(request), "");
  request.mutable_values(0)->set_text("");
  EXPECT_EQ(FaultsOf(request), "") << "an empty text is one";
  request.mutable_values(0)->set_kind(v1::METRIC_KIND_TABLE);
  request.mutable_values(0)->set_json(R"({"a":[1,{"f":"NaN"}]})");
  EXPECT_EQ(FaultsOf(request), "");
}

TEST(AppendMetricsChecks, EachFaultNamesItsField) {
  struct Case {
    const char* fields;
    std::function<void(v1::AppendMetricsRequest&)> spoil;
  };
  const Case cases[] = {
      {"run_id ", [](auto& r) { r.set_run_id("a/b"); }},
      {"run_id ", [](auto& r) { r.set_run_id(std::string(257, 'a')); }},
      {"writer ", [](auto& r) { r.clear_writer(); }},
      {"writer ", [](auto& r) { r.set_writer(std::string(256, 'w')); }},
      {"first ", [](auto& r) { r.set_first(std::numeric_limits<std::uint64_t>::max()); }},
      {"values ", [](auto& r) { r.clear_values(); }},
      {"values[0].name ", [](auto& r) { r.mutable_values(0)->clear_name(); }},
      {"values[0].name ", [](auto& r) { r.mutable_values(0)->set_name(std::string(300, 'n')); }},
      {"values[0].description ",
       [](auto& r) { r.mutable_values(0)->set_description(std::string(1'001, 'd')); }},
      {"values[0] ", [](auto& r) { r.mutable_values(0)->clear_value(); }},
      {"values[0] ", [](auto& r) { r.mutable_values(0)->set_json("1"); }},
      {"values[0] ", [](auto& r) { r.mutable_values(0)->set_kind(v1::METRIC_KIND_ROW); }},
      {"values[0].text ",
       [](auto& r) { r.mutable_values(0)->set_text(std::string((64 << 10) + 1, 't')); }},
      {"values[0].json ",
       [](auto& r) {
         r.mutable_values(0)->set_kind(v1::METRIC_KIND_ROW);
         r.mutable_values(0)->set_json("{\"a\":NaN}");
       }},
      {"values[0].json ",
       [](auto& r) {
         r.mutable_values(0)->set_kind(v1::METRIC_KIND_LIST);
         r.mutable_values(0)->set_json("\"" + std::string(1 << 20, 'j') + "\"");
       }},
  };
  for (const Case& c : cases) {
    v1::AppendMetricsRequest request = Append();
    c.spoil(request);
    EXPECT_EQ(FaultsOf(request), c.fields);
  }
  v1::AppendMetricsRequest unknown = Append();
  unknown.mutable_values(0)->clear_kind();
  EXPECT_NE(FaultsOf(unknown).find("values[0].kind "), std::string::npos);
}

TEST(AppendMetricsChecks, OfManyFaultsTheFirstAreTold) {
  v1::AppendMetricsRequest request = Append();
  for (int i = 0; i < 9'999; ++i) request.add_values();
  std::vector<Fault> faults;
  static_cast<void>(Decode(request, faults));
  EXPECT_GE(faults.size(), 20U);
  EXPECT_LT(faults.size(), 30U);
}

TEST(CreateRunsChecks, AnExperimentOrAParent) {
  v1::CreateRunsRequest request;
  EXPECT_EQ(FaultsOf(request), "runs ");
  v1::NewRun& run = *request.add_runs();
  EXPECT_EQ(FaultsOf(request), "runs[0].id runs[0].experiment ");
  run.set_id("0b8e3b44-0f3d-4f2c-9c3e-5a5b6a3c2d1e");
  run.set_experiment("digits");
  EXPECT_EQ(FaultsOf(request), "");
  run.set_parent_id("digits_1790000000_0a1b2c3d");
  EXPECT_EQ(FaultsOf(request), "runs[0].experiment ");
  run.clear_experiment();
  EXPECT_EQ(FaultsOf(request), "");
  run.add_tags()->set_key("a");
  run.add_tags()->set_key("a");
  run.add_tags()->set_key(std::string(101, 'k'));
  (*run.mutable_properties())["p"] = std::string(1'001, 'v');
  EXPECT_EQ(FaultsOf(request), "runs[0].tags.key runs[0].tags.key runs[0].properties.value ");
}

TEST(UpdateRunChecks, AnErrorGoesWithAFailure) {
  v1::UpdateRunRequest request;
  request.set_run_id("r1");
  EXPECT_EQ(FaultsOf(request), "");
  request.mutable_error()->set_message("out of memory");
  EXPECT_EQ(FaultsOf(request), "error ");
  request.set_status(v1::JOB_STATUS_FAILED);
  EXPECT_EQ(FaultsOf(request), "");
  request.mutable_error()->set_message(std::string(3'001, 'e'));
  EXPECT_EQ(FaultsOf(request), "error.message ");
  request.clear_error();
  request.set_status(v1::JOB_STATUS_NOT_RESPONDING);
  EXPECT_EQ(FaultsOf(request), "status ");
  request.clear_status();
  for (int i = 0; i < 51; ++i) request.add_set_tags()->set_key(std::to_string(i));
  EXPECT_EQ(FaultsOf(request), "set_tags ");
}

TEST(ListRunsChecks, AFilterNamesWhatThereIs) {
  v1::ListRunsRequest request;
  request.add_kinds(v1::RUN_KIND_UNSPECIFIED);
  request.add_statuses(v1::JOB_STATUS_UNSPECIFIED);
  request.add_tags();
  std::vector<Fault> faults;
  CheckFilter(request, faults);
  EXPECT_EQ(faults.size(), 3U);
}

}  // namespace
}  // namespace muster::server
