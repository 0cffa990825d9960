// What a SpoolShipper makes of the server's answers.
#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>

#include "agent/logs/error_kind.h"
#include "agent/shim/files.h"
#include "agent/tracking/refusal_log.h"
#include "agent/tracking/spool_shipper.h"
#include "agent/tracking/spool_shipper_state.h"
#include "base/log.h"

namespace muster::agent {
namespace {

// In run/: what the script said, for the next agent.
constexpr char kFailureName[] = "script_failure";
constexpr std::size_t kMaxFailureBytes = 4'096;

}  // namespace

std::optional<std::string> SpoolShipper::ReadFailure(const std::string& run) {
  const auto directory = OpenDirectory(run);
  if (!directory) return std::nullopt;
  auto text = ReadFileAt(directory->get(), kFailureName, kMaxFailureBytes);
  if (!text) return std::nullopt;
  return std::move(*text);
}

void SpoolShipper::TakeAnswer(const Answer& answer) {
  --calls_;
  Attempt* attempt = Find(answer.attempt);
  if (attempt != nullptr && attempt->generation == answer.generation) {
    attempt->sending = false;
    File& file = attempt->files.at(answer.name);  // names go only while nothing is sent
    if (answer.result) {
      TakeSuccess(*attempt, file, answer);
    } else {
      TakeError(*attempt, file, answer);
    }
    // More of it, or of another file, may be there.
    Enqueue(*attempt);
  }
  Pump();
}

void SpoolShipper::TakeSuccess(Attempt& attempt, File& file, const Answer& answer) {
  pause_ = config_.first_pause;
  attempt.stalled.reset();
  const SpoolAnswer& reply = *answer.result;
  const bool progress = answer.asks || reply.next_offset > answer.offset;
  if (!progress) {
    return TakeError(attempt, file,
                     {answer.attempt, answer.generation, answer.name, answer.offset, answer.asks,
                      answer.in_long_line,
                      Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
                           "the server took none of the bytes")});
  }
  file.faults = 0;
  file.asks = false;
  file.in_long_line = answer.in_long_line;
  file.acknowledged = reply.next_offset;
  file.no_line_until = 0;
  file.last_changed = ReadClock().steady;
  if (reply.script_failure) NoteFailure(attempt, *reply.script_failure);
  attempt.directory.Acknowledge(answer.name, file.acknowledged);
  if (reply.refused_count > 0) {
    const std::size_t told = std::min<std::size_t>(reply.refused.size(), reply.refused_count);
    AppendRefusals(attempt.place.logs, attempt.place.refusal_log, ReadClock().wall, reply.refused,
                   reply.refused_count - told);
  }
}

// Before the acknowledgement, and so before the file that says it may be deleted.
void SpoolShipper::NoteFailure(Attempt& attempt, const std::string& failure) {
  if (attempt.script_failure == failure) return;
  attempt.script_failure = failure;
  const auto run = OpenDirectory(attempt.place.run);
  if (!run) return;
  static_cast<void>(WriteFileAt(run->get(), kFailureName, failure.substr(0, kMaxFailureBytes), 0600,
                                Durability::kRename));
}

void SpoolShipper::TakeError(Attempt& attempt, File& file, const Answer& answer) {
  const Error& error = answer.result.error();
  const ErrorKind kind = KindOf(error.code);
  if (kind == ErrorKind::kGap) {
    file.asks = true;
    if (++file.faults > config_.max_faults) GiveUp(attempt, answer.name, file, error);
    return;
  }
  const bool is_final = kind == ErrorKind::kRefused ||
                        (kind == ErrorKind::kFaulty && file.faults >= config_.max_faults);
  if (session_open_ && is_final) return GiveUp(attempt, answer.name, file, error);
  if (session_open_ && kind == ErrorKind::kFaulty) ++file.faults;
  if (session_open_ && attempt.closing) {
    const SteadyPoint now = ReadClock().steady;
    if (!attempt.stalled) attempt.stalled = now;
    if (now - *attempt.stalled >= config_.give_up_after) {
      for (auto& [name, other] : attempt.files) GiveUp(attempt, name, other, error);
    }
  }
  PauseAll();
}

void SpoolShipper::GiveUp(const Attempt& attempt, const std::string& name, File& file,
                          const Error& error) {
  file.given_up = true;
  Log(LogLevel::kWarning, "spool_given_up",
      {{"attempt", ToString(attempt.id)}, {"file", name}, {"error", error.message}});
}

}  // namespace muster::agent
