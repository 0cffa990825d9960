#include "cli/format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/time.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

struct NamedStatus {
  v1::JobStatus status;
  std::string_view name;
};

constexpr std::array<NamedStatus, 12> kStatuses = {{
    {v1::JOB_STATUS_NOT_STARTED, "NotStarted"},
    {v1::JOB_STATUS_STARTING, "Starting"},
    {v1::JOB_STATUS_PROVISIONING, "Provisioning"},
    {v1::JOB_STATUS_PREPARING, "Preparing"},
    {v1::JOB_STATUS_QUEUED, "Queued"},
    {v1::JOB_STATUS_RUNNING, "Running"},
    {v1::JOB_STATUS_FINALIZING, "Finalizing"},
    {v1::JOB_STATUS_CANCEL_REQUESTED, "CancelRequested"},
    {v1::JOB_STATUS_COMPLETED, "Completed"},
    {v1::JOB_STATUS_FAILED, "Failed"},
    {v1::JOB_STATUS_CANCELED, "Canceled"},
    {v1::JOB_STATUS_NOT_RESPONDING, "NotResponding"},
}};

bool EqualWithoutCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string SignalName(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name;
}

}  // namespace

std::string FormatLocalTime(std::int64_t micros) {
  if (micros == 0) return {};
  const auto seconds = static_cast<std::time_t>(micros / 1'000'000);
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return {};
  char text[64];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local)};
}

std::string FormatSpan(std::int64_t start_us, std::int64_t end_us, std::int64_t now_us) {
  if (start_us == 0) return {};
  const std::int64_t end = end_us == 0 ? now_us : end_us;
  return FormatDuration(Duration(std::max<std::int64_t>(0, end - start_us)));
}

std::string FormatBytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (amount >= 1023.95 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  char text[48];
  std::snprintf(text, sizeof text, "%.1f %s", amount, kUnits.at(unit));
  return text;
}

std::string StatusName(v1::JobStatus status) {
  for (const NamedStatus& named : kStatuses) {
    if (named.status == status) return std::string(named.name);
  }
  return "unknown status " + std::to_string(status);
}

v1::JobStatus ParseStatus(std::string_view name) {
  for (const NamedStatus& named : kStatuses) {
    if (EqualWithoutCase(named.name, name)) return named.status;
  }
  return v1::JOB_STATUS_UNSPECIFIED;
}

std::string StatusNames() {
  std::string names;
  for (const NamedStatus& named : kStatuses) {
    if (!names.empty()) names += ", ";
    names += named.name;
  }
  return names;
}

bool IsTerminal(v1::JobStatus status) {
  return status == v1::JOB_STATUS_COMPLETED || status == v1::JOB_STATUS_FAILED ||
         status == v1::JOB_STATUS_CANCELED;
}

std::string NodeStateName(v1::NodeState state) {
  std::string name = v1::NodeState_Name(state);
  constexpr std::string_view kPrefix = "NODE_STATE_";
  if (name.rfind(kPrefix, 0) != 0) return "unknown state " + std::to_string(state);
  name.erase(0, kPrefix.size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

std::string RankOutcome(const v1::RankResult& rank) {
  if (rank.has_signal()) return SignalName(rank.signal());
  if (rank.has_exit_code()) return "exit " + std::to_string(rank.exit_code());
  if (rank.ended_us() != 0) return "ended";
  return rank.started_us() == 0 ? "" : "running";
}

std::string Explanation(const v1::Job& job) {
  if (!job.cause().message().empty()) return job.cause().message();
  return job.pending().message();
}

}  // namespace muster::cli
