#include "cli/metric_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

std::string Shortest(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

std::optional<double> NumberOf(const v1::MetricValue& value) {
  if (value.has_number()) return value.number();
  if (value.has_integer()) return static_cast<double>(value.integer());
  return std::nullopt;
}

struct Summary {
  std::size_t count = 0;
  const v1::MetricValue* newest = nullptr;
  std::optional<double> least, largest;

  void Add(const v1::MetricValue& value) {
    ++count;
    newest = &value;
    const std::optional<double> number = NumberOf(value);
    if (!number || std::isnan(*number)) return;
    least = std::min(least.value_or(*number), *number);
    largest = std::max(largest.value_or(*number), *number);
  }
};

}  // namespace

std::string FormatMetric(const v1::MetricValue& value) {
  switch (value.value_case()) {
    case v1::MetricValue::kNumber:
      return Shortest(value.number());
    case v1::MetricValue::kInteger:
      return std::to_string(value.integer());
    case v1::MetricValue::kText:
      return value.text();
    case v1::MetricValue::kJson:
      return value.json();
    case v1::MetricValue::VALUE_NOT_SET:
      return "";
  }
  return "";
}

Table MetricTable(const std::vector<v1::MetricValue>& values) {
  std::vector<std::string> order;
  std::map<std::string, Summary> summaries;
  for (const v1::MetricValue& value : values) {
    const auto [place, fresh] = summaries.try_emplace(value.name());
    if (fresh) order.push_back(value.name());
    place->second.Add(value);
  }
  Table table{{{"METRIC", Align::kLeft, true},
               {"VALUES", Align::kRight},
               {"NEWEST", Align::kLeft, true},
               {"MIN", Align::kRight},
               {"MAX", Align::kRight}},
              {}};
  for (const std::string& name : order) {
    const Summary& summary = summaries[name];
    const auto shown = [](const std::optional<double>& n) { return n ? Shortest(*n) : ""; };
    table.rows.push_back({name, std::to_string(summary.count), FormatMetric(*summary.newest),
                          shown(summary.least), shown(summary.largest)});
  }
  return table;
}

}  // namespace muster::cli
