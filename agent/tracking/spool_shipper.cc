#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "agent/logs/error_kind.h"
#include "agent/shim/files.h"
#include "agent/tracking/refusal_log.h"
#include "agent/tracking/spool_chunk.h"
#include "agent/tracking/spool_shipper.h"
#include "base/log.h"

namespace muster::agent {
namespace {

// In run/: what the script said, for the next agent.
constexpr char kFailureName[] = "script_failure";
constexpr std::size_t kMaxFailureBytes = 4'096;
// Each of max_files spools, when an attempt has ended.
constexpr std::size_t kMaxLastRounds = 50;

std::optional<std::string> ReadFailure(const std::string& run) {
  const auto directory = OpenDirectory(run);
  if (!directory) return std::nullopt;
  auto text = ReadFileAt(directory->get(), kFailureName, kMaxFailureBytes);
  if (!text) return std::nullopt;
  return std::move(*text);
}

}  // namespace

struct SpoolShipper::File {
  std::uint64_t acknowledged = 0;
  bool asks = false;  // where to go on: the server has less than was thought
  bool in_long_line = false;
  bool given_up = false;
  unsigned faults = 0;         // in a row
  SteadyPoint last_changed{};  // or looked at for deletion
};

struct SpoolShipper::Attempt {
  AttemptId id;
  SpoolPlace place;
  SpoolDirectory directory;
  std::uint64_t generation = 0;
  std::map<std::string, File> files = {};
  std::string last = {};  // that was sent: the next one is its follower
  bool sending = false;
  bool queued = false;   // in ready_
  bool delayed = false;  // in delayed_
  bool closing = false;
  std::size_t removed = 0;                  // files, in this turn
  std::size_t rounds = 0;                   // that found more files at the end
  SteadyPoint round_began{};                // of sending from all files in turn
  std::optional<SteadyPoint> stalled = {};  // since when a server that is there takes nothing
  std::optional<std::string> script_failure = {};
  OnShipped on_shipped = {};
};

SpoolShipper::SpoolShipper(boost::asio::io_context& loop, TrackingSink& sink,
                           SpoolShipperConfig config)
    : loop_(loop),
      sink_(sink),
      config_(config),
      poll_timer_(loop),
      pace_timer_(loop),
      pause_timer_(loop),
      pause_(config.first_pause) {}

SpoolShipper::~SpoolShipper() { *alive_ = false; }

SpoolShipper::Attempt* SpoolShipper::Find(const AttemptId& id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? nullptr : &found->second;
}

void SpoolShipper::Follow(const AttemptId& id, const SpoolPlace& place) {
  if (Find(id) != nullptr) return;
  auto directory = SpoolDirectory::Open(place.directory);
  if (!directory) {
    Log(LogLevel::kWarning, "tracking_not_followed",
        {{"attempt", ToString(id)}, {"error", directory.error().message}});
    return;
  }
  const bool first = attempts_.empty();
  Attempt& attempt =
      attempts_.emplace(id, Attempt{id, place, std::move(*directory), next_generation_++})
          .first->second;
  attempt.script_failure = ReadFailure(place.run);
  if (first) ArmPoll();
  Enqueue(attempt);
  Pump();
}

void SpoolShipper::Poke(const AttemptId& id) {
  if (Attempt* attempt = Find(id)) Enqueue(*attempt);
  Pump();
}

void SpoolShipper::ShipRest(const AttemptId& id, OnShipped on_shipped) {
  Attempt* attempt = Find(id);
  if (attempt == nullptr) {
    boost::asio::post(loop_, [on_shipped = std::move(on_shipped)] { on_shipped(std::nullopt); });
    return;
  }
  attempt->closing = true;
  attempt->on_shipped = std::move(on_shipped);
  Enqueue(*attempt);
  Pump();
}

void SpoolShipper::Forget(const AttemptId& id) {
  attempts_.erase(id);
  std::erase(ready_, id);
  std::erase(delayed_, id);
}

void SpoolShipper::OnSession(bool open) {
  session_open_ = open;
  for (auto& [id, attempt] : attempts_) attempt.stalled.reset();
  if (!open) return;
  pause_ = config_.first_pause;
  paused_ = false;
  pause_timer_.cancel();
  Pump();
}

void SpoolShipper::Enqueue(Attempt& attempt) {
  if (attempt.sending || std::exchange(attempt.queued, true)) return;
  ready_.push_back(attempt.id);
}

void SpoolShipper::Pump() {
  while (!paused_ && calls_ < config_.max_calls && !ready_.empty()) {
    const AttemptId id = std::move(ready_.front());
    ready_.pop_front();
    Attempt& attempt = attempts_.at(id);
    attempt.queued = false;
    attempt.removed = 0;
    Look(attempt);
    if (SendNext(attempt)) continue;
    if (attempt.removed > 0 && ++attempt.rounds <= kMaxLastRounds) {
      // There may be more than are looked at in one turn; others have theirs between.
      boost::asio::post(loop_, [this, alive = alive_, id] {
        if (*alive) Poke(id);
      });
    } else {
      FinishIfShipped(attempt);
    }
  }
}

// New spools; those that are gone are found at reading.
void SpoolShipper::Look(Attempt& attempt) {
  for (const std::string& name : attempt.directory.Names(config_.max_files)) {
    if (attempt.files.size() >= config_.max_files) return;
    attempt.files.try_emplace(name);
  }
}

bool SpoolShipper::SendNext(Attempt& attempt) {
  const auto send_any = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return SendFrom(attempt, name, attempt.files.at(name));
    });
  };
  std::vector<std::string> names;
  for (auto it = attempt.files.upper_bound(attempt.last); it != attempt.files.end(); ++it) {
    names.push_back(it->first);
  }
  if (send_any(names)) return true;
  const SteadyPoint now = ReadClock().steady;
  if (!attempt.closing && now < attempt.round_began + config_.pace) {
    Delay(attempt);
    return false;
  }
  attempt.round_began = now;
  names.clear();
  for (const auto& [name, file] : attempt.files) names.push_back(name);
  return send_any(names);
}

bool SpoolShipper::SendFrom(Attempt& attempt, const std::string& name, File& file) {
  if (file.given_up) return false;
  if (file.asks) {
    Send(attempt, name, {attempt.id, name, 0, {}, 0}, false);
    return true;
  }
  // The first bytes go without asking: the server passes over those that it has.
  auto piece = attempt.directory.Read(name, file.acknowledged, kSpoolChunkBytes);
  if (!piece) {  // removed, or not ours to read
    attempt.files.erase(name);
    return false;
  }
  const SpoolCut cut = CutSpool(piece->data, file.in_long_line, attempt.closing);
  if (cut.data == 0 && cut.skipped == 0) {
    if (attempt.closing && attempt.directory.Delete(name)) {
      attempt.files.erase(name);
      ++attempt.removed;
    }
    return false;
  }
  if (cut.refuses_line) {
    AppendRefusals(attempt.place.logs, attempt.place.refusal_log, ReadClock().wall,
                   {cut.in_long_line ? "a line has more than 1,100,000 bytes"
                                     : "the last line of " + name + " is cut off"},
                   0);
  }
  piece->data.resize(cut.data);
  Send(attempt, name, {attempt.id, name, file.acknowledged, std::move(piece->data), cut.skipped},
       cut.in_long_line);
  return true;
}

void SpoolShipper::Send(Attempt& attempt, const std::string& name, SpoolRequest request,
                        bool in_long_line) {
  attempt.sending = true;
  attempt.last = name;
  ++calls_;
  Answer answer{attempt.id,
                attempt.generation,
                name,
                request.offset,
                request.data.empty() && request.skipped_bytes == 0,
                in_long_line,
                SpoolAnswer{}};
  sink_.Append(std::move(request),
               [this, &loop = loop_, alive = alive_,
                answer = std::move(answer)](Result<SpoolAnswer> result) mutable {
                 answer.result = std::move(result);
                 boost::asio::post(loop, [this, alive, answer = std::move(answer)] {
                   if (*alive) TakeAnswer(answer);
                 });
               });
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

void SpoolShipper::DeleteDone(Attempt& attempt) {
  if (attempt.closing || attempt.sending) return;
  const SteadyPoint now = ReadClock().steady;
  for (auto it = attempt.files.begin(); it != attempt.files.end();) {
    const auto entry = it++;
    File& file = entry->second;
    if (file.asks || file.given_up || now < file.last_changed + config_.rest) continue;
    file.last_changed = now;
    if (attempt.directory.DeleteIfDone(entry->first, file.acknowledged)) attempt.files.erase(entry);
  }
}

void SpoolShipper::FinishIfShipped(Attempt& attempt) {
  if (!attempt.closing || attempt.sending || attempt.queued || !attempt.on_shipped) return;
  boost::asio::post(loop_, [on_shipped = std::exchange(attempt.on_shipped, nullptr),
                            failure = attempt.script_failure] { on_shipped(failure); });
}

void SpoolShipper::PauseAll() {
  if (paused_) return;
  paused_ = true;
  pause_timer_.expires_after(pause_);
  pause_ = std::min(pause_ * 2, config_.longest_pause);
  pause_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    paused_ = false;
    Pump();
  });
}

void SpoolShipper::ArmPoll() {
  poll_timer_.expires_after(config_.poll);
  poll_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || attempts_.empty()) return;
    for (auto& [id, attempt] : attempts_) {
      DeleteDone(attempt);
      Enqueue(attempt);
    }
    Pump();
    ArmPoll();
  });
}

void SpoolShipper::Delay(Attempt& attempt) {
  if (std::exchange(attempt.delayed, true)) return;
  delayed_.push_back(attempt.id);
  if (std::exchange(pace_armed_, true)) return;
  pace_timer_.expires_after(config_.pace);
  pace_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    pace_armed_ = false;
    for (const AttemptId& id : std::exchange(delayed_, {})) {
      Attempt& rested = attempts_.at(id);
      rested.delayed = false;
      Enqueue(rested);
    }
    Pump();
  });
}

}  // namespace muster::agent
