// What a LogShipper makes of the server's answers, and what it tells people of them.
#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>

#include "agent/logs/error_kind.h"
#include "agent/logs/log_shipper.h"
#include "agent/logs/log_shipper_state.h"
#include "base/log.h"

namespace muster::agent {

void LogShipper::TakeAnswer(const Answer& answer) {
  --calls_;
  Attempt* attempt = Find(answer.key.first);
  const bool current = attempt != nullptr && attempt->generation == answer.generation;
  const auto found =
      current ? attempt->files.find(answer.key.second) : std::map<std::string, File>::iterator{};
  if (current && found != attempt->files.end()) {
    File& file = found->second;
    file.sending = false;
    if (answer.size) {
      TakeSize(*attempt, file, answer);
    } else {
      TakeError(*attempt, file, answer);
    }
    FinishIfShipped(*attempt);
  }
  Pump();
}

void LogShipper::TakeSize(Attempt& attempt, File& file, const Answer& answer) {
  pause_ = config_.first_pause;
  const bool progress = answer.bytes == 0 || *answer.size > answer.offset;
  if (!progress) {
    TakeError(attempt, file,
              {answer.key, answer.offset, answer.bytes, answer.generation,
               Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
                    "the server took none of the bytes")});
    return;
  }
  file.refusals = 0;
  file.known = true;
  file.probe = false;
  attempt.shipped_bytes += *answer.size - std::min(file.acknowledged, *answer.size);
  file.acknowledged = *answer.size;
  // More of it may be there already: a full chunk, a change meanwhile, a probe, a last look.
  const bool more =
      answer.bytes == 0 || answer.bytes == config_.chunk_bytes || file.changed || attempt.closing;
  if (!more) return;
  if (answer.bytes == config_.chunk_bytes) file.last_sent = {};  // behind: no pace
  Enqueue(attempt, answer.key.second);
}

void LogShipper::TakeError(Attempt& attempt, File& file, const Answer& answer) {
  const Error& error = answer.size.error();
  switch (KindOf(error.code)) {
    case ErrorKind::kGap:
      file.probe = true;
      if (++file.refusals > config_.max_refusals) GiveUp(answer.key, file, error);
      break;
    case ErrorKind::kAway:
      PauseAll();
      break;
    case ErrorKind::kRefused:
      if (session_open_) {
        GiveUp(answer.key, file, error);
      } else {
        PauseAll();
      }
      break;
    case ErrorKind::kFaulty:
      if (session_open_ && ++file.refusals > config_.max_refusals) {
        GiveUp(answer.key, file, error);
      } else {
        PauseAll();
      }
      break;
  }
  Enqueue(attempt, answer.key.second);
}

void LogShipper::GiveUp(const FileKey& key, File& file, const Error& error) {
  file.given_up = true;
  Log(LogLevel::kWarning, "log_file_given_up",
      {{"attempt", ToString(key.first)}, {"file", key.second}, {"error", error.message}});
}

LogShipper::Summary LogShipper::SummaryOf(const AttemptId& id) const {
  constexpr std::size_t kNamed = 20;
  Summary summary;
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return summary;
  const Attempt& attempt = found->second;
  summary.files = attempt.files.size();
  summary.full = summary.files >= config_.max_files_per_attempt;
  for (const auto& [name, file] : attempt.files) {
    summary.bytes += file.acknowledged;
    if (!file.given_up) continue;
    ++summary.lost_files;
    if (summary.lost.size() < kNamed) summary.lost.push_back(name);
  }
  return summary;
}

std::vector<std::string> LogShipper::Describe(const std::string& what, const AttemptId& id) const {
  const Summary summary = SummaryOf(id);
  if (summary.files == 0) return {};
  std::vector<std::string> lines = {what + ": " + std::to_string(summary.files) + " files, " +
                                    std::to_string(summary.bytes) + " bytes"};
  if (summary.full) lines.push_back(what + ": there may be more files; those are not kept");
  if (summary.lost_files == 0) return lines;
  lines.push_back(what + ": " + std::to_string(summary.lost_files) + " files are not kept whole:");
  for (const std::string& name : summary.lost) lines.push_back("  " + name);
  return lines;
}

}  // namespace muster::agent
