#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "agent/tracking/refusal_log.h"
#include "agent/tracking/spool_chunk.h"
#include "agent/tracking/spool_shipper.h"
#include "agent/tracking/spool_shipper_state.h"
#include "base/log.h"

namespace muster::agent {
namespace {

// Each of max_files spools, when an attempt has ended.
constexpr std::size_t kMaxLastRounds = 50;

}  // namespace

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
  Attempt* attempt = Find(id);
  if (attempt == nullptr || attempt->delayed) return;
  Enqueue(*attempt);
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
    const Turn turn = SendNext(attempt);
    if (turn == Turn::kSent) continue;
    // There may be more than are looked at in one turn; others have theirs between.
    const bool more_at_end = attempt.removed > 0 && ++attempt.rounds <= kMaxLastRounds;
    if (turn == Turn::kRead || more_at_end) {
      LookAgain(id);
    } else {
      FinishIfShipped(attempt);
    }
  }
}

void SpoolShipper::LookAgain(const AttemptId& id) {
  boost::asio::post(loop_, [this, alive = alive_, id] {
    if (!*alive) return;
    if (Attempt* attempt = Find(id)) Enqueue(*attempt);
    Pump();
  });
}

// New spools; those that are gone are found at reading.
void SpoolShipper::Look(Attempt& attempt) {
  for (const std::string& name : attempt.directory.Names(config_.max_files)) {
    if (attempt.files.size() >= config_.max_files) return;
    attempt.files.try_emplace(name);
  }
}

SpoolShipper::Turn SpoolShipper::SendNext(Attempt& attempt) {
  const Turn rest = SendAny(attempt, attempt.files.upper_bound(attempt.last));
  if (rest != Turn::kNothing) return rest;
  if (!attempt.files.empty()) attempt.last = attempt.files.rbegin()->first;
  const SteadyPoint now = ReadClock().steady;
  if (!attempt.closing && now < attempt.round_began + config_.pace) {
    Delay(attempt);
    return Turn::kNothing;
  }
  attempt.round_began = now;
  return SendAny(attempt, attempt.files.begin());
}

SpoolShipper::Turn SpoolShipper::SendAny(Attempt& attempt,
                                         std::map<std::string, File>::iterator from) {
  while (from != attempt.files.end()) {
    const auto entry = from++;  // which may be erased
    const std::string name = entry->first;
    const Turn turn = SendFrom(attempt, name, entry->second);
    if (turn == Turn::kNothing) continue;
    attempt.last = name;
    return turn;
  }
  return Turn::kNothing;
}

SpoolShipper::Turn SpoolShipper::SendFrom(Attempt& attempt, const std::string& name, File& file) {
  if (file.given_up) return Turn::kNothing;
  if (file.asks) {
    Send(attempt, name, {attempt.id, name, 0, {}, 0}, false);
    return Turn::kSent;
  }
  // The first bytes go without asking: the server passes over those that it has.
  std::uint64_t begin = file.acknowledged;
  if (!attempt.closing && !file.in_long_line) begin = std::max(begin, file.no_line_until);
  auto piece = attempt.directory.Read(name, begin, kSpoolChunkBytes - (begin - file.acknowledged));
  if (!piece) {  // removed, or not ours to read
    attempt.files.erase(name);
    return Turn::kNothing;
  }
  if (begin > file.acknowledged) {
    const std::uint64_t end = begin + piece->data.size();
    if (end < file.acknowledged + kSpoolChunkBytes && piece->data.find('\n') == std::string::npos) {
      file.no_line_until = std::min(end, piece->size_bytes);
      return piece->data.empty() ? Turn::kNothing : Turn::kRead;
    }
    piece = attempt.directory.Read(name, file.acknowledged, kSpoolChunkBytes);
    if (!piece) return Turn::kRead;
  }
  const SpoolCut cut = CutSpool(piece->data, file.in_long_line, attempt.closing);
  if (cut.data == 0 && cut.skipped == 0) {
    file.no_line_until = file.acknowledged + piece->data.size();
    if (attempt.closing && attempt.directory.Delete(name)) {
      attempt.files.erase(name);
      ++attempt.removed;
    }
    return piece->data.empty() ? Turn::kNothing : Turn::kRead;
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
  return Turn::kSent;
}

void SpoolShipper::Send(Attempt& attempt, const std::string& name, SpoolRequest request,
                        bool in_long_line) {
  attempt.sending = true;
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
