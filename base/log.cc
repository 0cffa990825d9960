#include "base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace muster {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || std::any_of(value.begin(), value.end(), [](unsigned char c) {
           return c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f;
         });
}

void AppendValue(std::string& line, std::string_view value) {
  if (!NeedsQuotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else if (byte < ' ' || byte == 0x7f) {
      line += '?';
    } else {
      line += c;
    }
  }
  line += '"';
}

void SetUp(std::string_view program, LogLevel minimum, spdlog::sink_ptr sink, bool with_time) {
  auto logger = std::make_shared<spdlog::logger>(std::string(program), std::move(sink));
  logger->set_pattern(with_time ? "%Y-%m-%dT%H:%M:%S.%eZ %n level=%l %v" : "%n level=%l %v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(ToSpdlog(minimum));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace

void InitLog(std::string_view program, LogLevel minimum) {
  const bool journald = std::getenv("JOURNAL_STREAM") != nullptr;
  SetUp(program, minimum, std::make_shared<spdlog::sinks::stderr_sink_mt>(), !journald);
}

Status InitLogFile(std::string_view program, LogLevel minimum, const std::string& path) {
  spdlog::file_event_handlers handlers;
  handlers.after_open = [](const spdlog::filename_t&, std::FILE* file) {
    dup2(fileno(file), STDERR_FILENO);
  };
  try {
    SetUp(program, minimum,
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, kLogFileMaxBytes, kLogFiles,
                                                                 false, handlers),
          /*with_time=*/true);
  } catch (const spdlog::spdlog_ex& error) {
    return Fail(ErrorCode::kInternal, ErrorReason::kIo,
                "the log file " + path + " cannot be used: " + error.what());
  }
  return {};
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  auto* logger = spdlog::default_logger_raw();
  if (!logger->should_log(ToSpdlog(level))) return;
  std::string line = "event=";
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    AppendValue(line, field.value);
  }
  logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  if (text == "debug")
    level = LogLevel::kDebug;
  else if (text == "info")
    level = LogLevel::kInfo;
  else if (text == "warning")
    level = LogLevel::kWarning;
  else if (text == "error")
    level = LogLevel::kError;
  else
    return false;
  return true;
}

}  // namespace muster
