// One line an event, key=value, to stderr (journald keeps the level by its <N> prefix).
// Values are quoted when needed; nobody passes a secret.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct LogField {
  LogField(std::string_view field_key, std::string_view field_value)
      : key(field_key), value(field_value) {}
  LogField(std::string_view field_key, const char* field_value)
      : key(field_key), value(field_value) {}
  LogField(std::string_view field_key, std::int64_t number)
      : key(field_key), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
};

// Call once, first thing in main. `program` names the daemon in every line.
void InitLog(std::string_view program, LogLevel minimum);

// What a log file may grow to before it is renamed to <name>.1<extension>; there are kLogFiles
// such.
inline constexpr std::size_t kLogFileMaxBytes = 16U << 20;
inline constexpr std::size_t kLogFiles = 2;
// Instead of InitLog: into a file. stderr becomes the file too, so that what libraries and aborts
// say is found there. kIo when it cannot be opened.
Status InitLogFile(std::string_view program, LogLevel minimum, const std::string& path);
// Thread-safe. `event` is a short snake_case name such as "session_opened".
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});
// "debug", "info", "warning", "error"; false for anything else.
bool ParseLogLevel(std::string_view text, LogLevel& level);

}  // namespace muster
