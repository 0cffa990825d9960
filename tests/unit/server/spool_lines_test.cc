// What scripts write into their spools, decoded: every kind of line, and what is refused of it.
#include "server/tracking/spool_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json_nesting.h"

namespace muster::server {
namespace {

using storage::MetricKind;
using storage::RunId;
using testing::HasSubstr;

storage::SpoolLine Parse(const std::string& line) { return ParseSpoolLine(RunId("job"), line); }

std::string Refusal(const std::string& line) {
  const storage::SpoolLine parsed = Parse(line);
  const auto* refused = std::get_if<storage::RefusedLine>(&parsed.body);
  return refused == nullptr ? "accepted" : refused->why;
}

storage::Metric Logged(const std::string& value, const std::string& kind = "scalar") {
  const storage::SpoolLine parsed = Parse(R"({"op":"log","run":"job","t":5,"name":"m","kind":")" +
                                          kind + R"(","value":)" + value + "}");
  const auto* logged = std::get_if<storage::LogValue>(&parsed.body);
  if (logged != nullptr) return logged->metric;
  ADD_FAILURE() << std::get<storage::RefusedLine>(parsed.body).why;
  return {};
}

TEST(SpoolLines, AScalarIsWhatItLooksLike) {
  EXPECT_EQ(Logged("3").value, storage::MetricContent(std::int64_t{3}));
  EXPECT_EQ(Logged("-9223372036854775808").value,
            storage::MetricContent(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(Logged("9223372036854775808").value, storage::MetricContent(9223372036854775808.0));
  EXPECT_EQ(Logged("3.0").value, storage::MetricContent(3.0));
  EXPECT_EQ(Logged("\"3\"").value, storage::MetricContent(std::string("3")));
  EXPECT_EQ(Logged("true").value, storage::MetricContent(std::int64_t{1}));
  EXPECT_TRUE(std::isnan(std::get<double>(Logged(R"({"f":"NaN"})").value)));
  EXPECT_EQ(Logged(R"({"f":"-Infinity"})").value,
            storage::MetricContent(-std::numeric_limits<double>::infinity()));
}

TEST(SpoolLines, AValueCarriesAllThatWasSaidOfIt) {
  const storage::SpoolLine line = Parse(
      R"({"op":"log","run":"kid","t":1700000000000001,"name":"loss","kind":"scalar","value":1,)"
      R"("step":-7,"desc":"of the fold","unknown":[1]})");
  const auto& logged = std::get<storage::LogValue>(line.body);
  EXPECT_EQ(logged.run, RunId("kid"));
  EXPECT_EQ(logged.metric.name, "loss");
  EXPECT_EQ(logged.metric.step, -7);
  EXPECT_EQ(logged.metric.description, "of the fold");
  EXPECT_EQ(ToMicros(logged.metric.time), 1'700'000'000'000'001);
  EXPECT_EQ(line.time, logged.metric.time);
}

TEST(SpoolLines, OtherKindsAreKeptAsJson) {
  const struct {
    const char* name;
    MetricKind kind;
  } kinds[] = {{"list", MetricKind::kList},
               {"row", MetricKind::kRow},
               {"table", MetricKind::kTable},
               {"image", MetricKind::kImage},
               {"accuracy_table", MetricKind::kAccuracyTable},
               {"confusion_matrix", MetricKind::kConfusionMatrix},
               {"residuals", MetricKind::kResiduals},
               {"predictions", MetricKind::kPredictions}};
  for (const auto& [name, kind] : kinds) {
    const storage::Metric metric = Logged(R"({ "b": [1, 2.5, {"f":"NaN"}], "a": "\u00e9" })", name);
    EXPECT_EQ(metric.kind, kind) << name;
    EXPECT_EQ(metric.value,
              storage::MetricContent(std::string(R"({"a":"é","b":[1,2.5,{"f":"NaN"}]})")));
  }
}

TEST(SpoolLines, ChangesOfRunsAreThoseOfTheApi) {
  const auto tags = std::get<storage::UpdateRun>(
      Parse(R"({"op":"tags","run":"job","t":1,"set":{"a":"b","bare":null},"remove":["c"]})").body);
  EXPECT_EQ(tags.set_tags, (storage::Tags{{"a", "b"}, {"bare", std::nullopt}}));
  EXPECT_EQ(tags.remove_tags, std::vector<std::string>{"c"});
  const auto properties = std::get<storage::UpdateRun>(
      Parse(R"({"op":"properties","run":"kid","t":1,"add":{"p":"q"}})").body);
  EXPECT_EQ(properties.add_properties, (storage::Properties{{"p", "q"}}));
  const auto name =
      std::get<storage::UpdateRun>(Parse(R"({"op":"name","run":"kid","t":1,"value":"N"})").body);
  EXPECT_EQ(name.display_name, "N");
  const auto made = std::get<storage::NewRun>(
      Parse(R"({"op":"create","run":"kid","t":1,"parent":"job","name":"N","tags":{"a":null},)"
            R"("properties":{"p":"q"}})")
          .body);
  EXPECT_EQ(made.id, RunId("kid"));
  EXPECT_EQ(made.parent, RunId("job"));
  EXPECT_EQ(made.display_name, "N");
  EXPECT_FALSE(made.not_started);
  const auto end = std::get<storage::UpdateRun>(
      Parse(
          R"({"op":"end","run":"kid","t":1,"status":"Failed","error":{"code":"E","message":"m"}})")
          .body);
  EXPECT_EQ(end.status, scheduler::JobStatus::kFailed);
  EXPECT_EQ(end.error_message, "m");
}

TEST(SpoolLines, TheEndOfTheJobsOwnRunCountsIfItFailed) {
  const auto failed = std::get<storage::FailJob>(
      Parse(
          R"({"op":"end","run":"job","t":1,"status":"Failed","error":{"code":"E","message":"m"}})")
          .body);
  EXPECT_EQ(failed.error_code, "E");
  EXPECT_EQ(failed.error_message, "m");
  for (const char* status : {"Completed", "Canceled"}) {
    const auto line =
        Parse(R"({"op":"end","run":"job","t":1,"status":")" + std::string(status) + "\"}");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(line.body)) << status;
  }
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Parse(R"({"op":"flush","id":"00"})").body));
}

TEST(SpoolLines, WhatIsWrongIsSaidInASentence) {
  const std::string log = R"({"op":"log","run":"job","t":1,"name":"m","kind":"scalar","value":1)";
  const struct {
    std::string line;
    const char* why;
  } cases[] = {
      {"", "no JSON object"},
      {"[1]", "no JSON object"},
      {"{\"op\":\"log\"", "no JSON object"},
      {R"({"op":"log","run":"job","name":"m","kind":"scalar","value":1e400})", "a double can hold"},
      {"{\"op\":\"\xff\"}", "no JSON object"},
      {log + "}{}", "no JSON object"},
      {std::string(1'100'001, ' '), "1100001 bytes"},
      {"{\"a\":" + std::string(200'000, '['), "nested deeper than 100"},
      {R"({"run":"job"})", "op is none that this server knows"},
      {R"({"op":7,"run":"job"})", "op must be a text"},
      {R"({"op":"launch","run":"job"})", "op is none"},
      {R"({"op":"log","t":1,"name":"m","kind":"scalar","value":1})", "run must be 1..256"},
      {R"({"op":"log","run":"../x","kind":"scalar","value":1})", "run must be 1..256"},
      {log + R"(,"t":"now"})", "t must be an integer"},
      {log + R"(,"t":18446744073709551615})", "t must be an integer"},
      {log + R"(,"step":1.5})", "step must be an integer"},
      {log + R"(,"desc":5})", "desc must be a text"},
      {R"({"op":"log","run":"job","name":"m","kind":"vector","value":[1]})", "kind is no kind"},
      {R"({"op":"log","run":"job","name":"m","kind":"scalar"})", "value is missing"},
      {R"({"op":"log","run":"job","name":"m","kind":"scalar","value":{"a":1}})",
       "value must be a number or a text"},
      {R"({"op":"log","run":"job","name":"m","kind":"scalar","value":[1]})",
       "value must be a number or a text"},
      {R"({"op":"log","run":"job","name":"m","kind":"scalar","value":null})",
       "value must be a number or a text"},
      {R"({"op":"log","run":"job","name":"","kind":"scalar","value":1})",
       "name must have 1 to 255"},
      {R"({"op":"log","run":"job","name":")" + std::string(300, 'n') +
           R"(","kind":"scalar","value":1})",
       "has 300"},
      {R"({"op":"log","run":"job","name":"m","kind":"list","value":")" +
           std::string((1 << 20) + 1, 'v') + "\"}",
       "json must have 1 to 1048576 bytes"},
      {R"({"op":"tags","run":"job","set":{"a":1}})", "set must have texts for values"},
      {R"({"op":"tags","run":"job","set":["a"]})", "set must be an object"},
      {R"({"op":"tags","run":"job","set":{"":"x"}})", "set_tags.key must have 1 to 100"},
      {R"({"op":"properties","run":"job","add":{"p":null}})", "add must have texts"},
      {R"({"op":"create","run":"kid"})", "parent is missing"},
      {R"({"op":"end","run":"kid","status":"Running"})", "status must be"},
      {R"({"op":"end","run":"kid","status":"Completed","error":{"code":"E"}})", "Failed alone"},
  };
  for (const auto& [line, why] : cases) {
    EXPECT_THAT(Refusal(line), HasSubstr(why)) << line.substr(0, 200);
  }
  EXPECT_THAT(Refusal(log + R"(,"step":"x"})"), testing::StartsWith("\"m\": ")) << "says which";
}

TEST(SpoolLines, APartIsCutIntoItsLines) {
  const std::string data = "{\"op\":\"flush\"}\nnonsense\n\n";
  const storage::AppendSpool spool = ParseSpool(RunId("job"), {"w", 100, data, 50});
  EXPECT_EQ(spool.offset, 100U);
  EXPECT_EQ(spool.bytes, data.size() + 50);
  ASSERT_EQ(spool.lines.size(), 3U);
  EXPECT_EQ(spool.lines[0].end, 115U);
  EXPECT_EQ(spool.lines[1].end, 124U);
  EXPECT_EQ(spool.lines[2].end, 125U);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(spool.lines[0].body));
  EXPECT_TRUE(std::holds_alternative<storage::RefusedLine>(spool.lines[2].body));
  EXPECT_TRUE(ParseSpool(RunId("job"), {"w", 0, "", 0}).lines.empty());
}

TEST(SpoolLines, OfAPartWithVeryManyTheFirstAreTaken) {
  const storage::AppendSpool spool =
      ParseSpool(RunId("job"), {"w", 7, std::string(30'000, '\n'), 50});
  EXPECT_EQ(spool.lines.size(), kMaxSpoolLines);
  EXPECT_EQ(spool.bytes, kMaxSpoolLines) << "the rest comes again, and what is skipped behind it";
}

TEST(JsonNesting, CountsWhatIsOpenAndNotWhatIsText) {
  EXPECT_FALSE(IsNestedDeeper("[[]]", 2));
  EXPECT_TRUE(IsNestedDeeper("[[[", 2));
  EXPECT_FALSE(IsNestedDeeper("[][][][]", 1));
  EXPECT_FALSE(IsNestedDeeper(R"(["[[[[\"[[[["])", 1));
  EXPECT_TRUE(IsNestedDeeper(R"(["\\",[)", 1));
  EXPECT_FALSE(IsNestedDeeper("]]]][", 1));
}

}  // namespace
}  // namespace muster::server
