#include "base/time.h"

#include <cstdio>
#include <ctime>

namespace muster {

Now ReadClock() {
  using std::chrono::duration_cast;
  return Now{
      TimePoint(duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())),
      SteadyPoint(duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()))};
}

std::int64_t ToMicros(TimePoint time) { return time.time_since_epoch().count(); }

TimePoint FromMicros(std::int64_t micros) { return TimePoint(Duration(micros)); }

std::string FormatUtc(TimePoint time) {
  const auto micros = ToMicros(time);
  const std::time_t seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(micros / 1000 % 1000));
  return text;
}

std::string FormatDuration(Duration duration) {
  const auto ms = duration.count() / 1000;
  char text[64];
  if (ms < 1000) {
    std::snprintf(text, sizeof text, "%lld ms", static_cast<long long>(ms));
  } else if (ms < 60'000) {
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms) / 1000.0);
  } else if (ms < 3'600'000) {
    std::snprintf(text, sizeof text, "%lld min %lld s", static_cast<long long>(ms / 60'000),
                  static_cast<long long>(ms / 1000 % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld h %lld min", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60));
  }
  return text;
}

}  // namespace muster
