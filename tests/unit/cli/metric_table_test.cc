#include "cli/metric_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

v1::MetricValue Number(const std::string& name, double number) {
  v1::MetricValue value;
  value.set_name(name);
  value.set_number(number);
  return value;
}

TEST(MetricTable, ShowsEachNameOnceWithItsNewestAndItsRange) {
  v1::MetricValue text;
  text.set_name("note");
  text.set_text("good");
  const Table table = MetricTable({Number("loss", 0.5), text, Number("loss", 0.125),
                                   Number("loss", std::numeric_limits<double>::quiet_NaN())});
  using Rows = std::vector<std::vector<std::string>>;
  EXPECT_EQ(table.rows,
            (Rows{{"loss", "3", "NaN", "0.125", "0.5"}, {"note", "1", "good", "", ""}}));
  EXPECT_TRUE(MetricTable({}).rows.empty());
}

TEST(FormatMetric, KeepsEveryDigitAndTellsKindsApart) {
  EXPECT_EQ(FormatMetric(Number("a", 0.1)), "0.1");
  EXPECT_EQ(FormatMetric(Number("a", 1e300)), "1e+300");
  EXPECT_EQ(FormatMetric(Number("a", -std::numeric_limits<double>::infinity())), "-Infinity");
  v1::MetricValue value;
  value.set_integer(-7);
  EXPECT_EQ(FormatMetric(value), "-7");
  value.set_json("[1,2]");
  EXPECT_EQ(FormatMetric(value), "[1,2]");
}

}  // namespace
}  // namespace muster::cli
