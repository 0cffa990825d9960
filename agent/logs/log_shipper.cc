#include <utility>
// <utility> first: this Boost's Asio needs it.
#include <algorithm>
#include <boost/asio/post.hpp>

#include "agent/logs/log_shipper.h"
#include "agent/logs/log_shipper_state.h"
#include "agent/logs/utf8.h"
#include "base/log.h"

namespace muster::agent {

LogShipper::LogShipper(boost::asio::io_context& loop, AppendSink& sink, LogShipperConfig config)
    : loop_(loop),
      sink_(sink),
      config_(config),
      watch_(loop, {[this](int watch, const std::string& name) { FileChanged(watch, name); },
                    [this] { ScanAll(); }}),
      poll_timer_(loop),
      pace_timer_(loop),
      pause_timer_(loop),
      pause_(config.first_pause) {}

LogShipper::~LogShipper() { *alive_ = false; }

LogShipper::Attempt* LogShipper::Find(const AttemptId& id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? nullptr : &found->second;
}

void LogShipper::Follow(const AttemptId& id, const std::string& directory,
                        const std::string& prefix) {
  if (Find(id) != nullptr) return;
  auto opened = LogDirectory::Open(directory, config_.depth, config_.hidden);
  if (!opened) {
    Log(LogLevel::kWarning, "logs_not_followed",
        {{"attempt", ToString(id)}, {"error", opened.error().message}});
    return;
  }
  const std::uint64_t generation = next_generation_++;
  auto& attempt =
      attempts_
          .emplace(id, Attempt{id, prefix, std::move(*opened), generation, {}, {}, 0, false, {}})
          .first->second;
  attempt.watch = watch_.Add(directory);
  if (attempt.watch) watches_[*attempt.watch] = id;
  Scan(attempt);
  ArmPoll();
  Pump();
}

void LogShipper::ShipRest(const AttemptId& id, std::function<void()> on_shipped) {
  Attempt* attempt = Find(id);
  if (attempt == nullptr) {
    boost::asio::post(loop_, std::move(on_shipped));
    return;
  }
  attempt->closing = true;
  attempt->on_shipped = std::move(on_shipped);
  Scan(*attempt);
  Pump();
  FinishIfShipped(*attempt);
}

void LogShipper::Forget(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  if (found->second.watch) {
    watch_.Remove(*found->second.watch);
    watches_.erase(*found->second.watch);
  }
  attempts_.erase(found);
}

void LogShipper::OnSession(bool open) {
  session_open_ = open;
  if (!open) return;
  pause_ = config_.first_pause;
  paused_ = false;
  pause_timer_.cancel();
  Pump();
}

void LogShipper::FileChanged(int watch, const std::string& name) {
  const auto found = watches_.find(watch);
  Attempt* attempt = found == watches_.end() ? nullptr : Find(found->second);
  if (attempt == nullptr || (name.front() == '.' && !config_.hidden)) return;
  Enqueue(*attempt, name);
  Pump();
}

void LogShipper::ScanAll() {
  for (auto& [id, attempt] : attempts_) Scan(attempt);
  Pump();
}

void LogShipper::Scan(Attempt& attempt) {
  for (const std::string& name : attempt.directory.Names(config_.max_files_per_attempt)) {
    Enqueue(attempt, name);
  }
}

void LogShipper::Enqueue(Attempt& attempt, const std::string& name) {
  auto found = attempt.files.find(name);
  if (found == attempt.files.end()) {
    // The server could not even be told of a name that is no text.
    if (attempt.files.size() >= config_.max_files_per_attempt || !IsUtf8(name)) return;
    found = attempt.files.emplace(name, File{}).first;
    if (attempt.prefix.size() + name.size() > kMaxRunFileNameBytes) {
      GiveUp({attempt.id, name}, found->second,
             {ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
              "with its path the name has more than 1,024 bytes"});
    }
  }
  File& file = found->second;
  if (file.given_up || (file.ended && !attempt.closing)) return;
  if (file.sending) {
    file.changed = true;
    return;
  }
  // One that waits for its pace goes at once when its attempt has ended.
  if (file.queued && !(attempt.closing && file.delayed)) return;
  if (file.queued) std::erase(delayed_, FileKey{attempt.id, name});
  file.queued = true;
  file.delayed =
      !attempt.closing && ReadClock().steady < file.last_sent + config_.pace && file.known;
  (file.delayed ? delayed_ : ready_).emplace_back(attempt.id, name);
  if (file.delayed) ArmPace();
}

void LogShipper::Pump() {
  while (!paused_ && calls_ < config_.max_calls && !ready_.empty()) {
    const FileKey key = std::move(ready_.front());
    ready_.pop_front();
    Attempt* attempt = Find(key.first);
    if (attempt == nullptr) continue;
    const auto found = attempt->files.find(key.second);
    if (found == attempt->files.end()) continue;
    found->second.queued = false;
    if (!SendNext(*attempt, key.second, found->second)) FinishIfShipped(*attempt);
  }
}

bool LogShipper::SendNext(Attempt& attempt, const std::string& name, File& file) {
  if (file.probe) {
    Send(attempt, name, file, 0, {});
    return true;
  }
  if (IsOverLimit(attempt, file)) {
    GiveUp({attempt.id, name}, file,
           {ErrorCode::kResourceExhausted, ErrorReason::kTooLarge,
            "the limit of what is kept of an attempt's logs is reached"});
    return false;
  }
  // The first bytes go at offset 0 without asking: the server skips those that it has.
  auto piece = attempt.directory.Read(name, file.acknowledged, config_.chunk_bytes);
  if (!piece) {
    // Removed, or not ours to read: there is nothing to ship.
    attempt.files.erase(name);
    return false;
  }
  if (!piece->data.empty()) {
    Send(attempt, name, file, file.acknowledged, std::move(piece->data));
    return true;
  }
  file.ended = config_.final_files && file.known;
  if (file.known || !(attempt.closing || config_.final_files)) return false;
  // An empty file is a file too.
  Send(attempt, name, file, 0, {});
  return true;
}

void LogShipper::Send(const Attempt& attempt, const std::string& name, File& file,
                      std::uint64_t offset, std::string data) {
  file.sending = true;
  file.changed = false;
  file.last_sent = ReadClock().steady;
  ++calls_;
  Answer answer{{attempt.id, name}, offset, data.size(), attempt.generation, 0};
  sink_.Append({attempt.id, attempt.prefix + name, offset, std::move(data)},
               [this, &loop = loop_, alive = alive_,
                answer = std::move(answer)](Result<std::uint64_t> size) mutable {
                 answer.size = std::move(size);
                 boost::asio::post(loop, [this, alive, answer = std::move(answer)] {
                   if (*alive) TakeAnswer(answer);
                 });
               });
}

bool LogShipper::IsOverLimit(const Attempt& attempt, const File& file) const {
  return file.acknowledged >= config_.max_file_bytes ||
         attempt.shipped_bytes >= config_.max_attempt_bytes;
}

void LogShipper::FinishIfShipped(Attempt& attempt) {
  if (!attempt.closing || !attempt.on_shipped) return;
  const bool shipped =
      std::all_of(attempt.files.begin(), attempt.files.end(), [](const auto& entry) {
        const File& file = entry.second;
        return file.given_up || (!file.sending && !file.queued);
      });
  if (shipped) boost::asio::post(loop_, std::exchange(attempt.on_shipped, nullptr));
}

void LogShipper::PauseAll() {
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

void LogShipper::ArmPoll() {
  const bool unwatched = std::any_of(attempts_.begin(), attempts_.end(),
                                     [](const auto& entry) { return !entry.second.watch; });
  poll_timer_.expires_after(unwatched ? config_.poll_unwatched : config_.poll);
  poll_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || attempts_.empty()) return;
    ScanAll();
    ArmPoll();
  });
}

void LogShipper::ArmPace() {
  if (std::exchange(pace_armed_, true)) return;
  pace_timer_.expires_after(config_.pace);
  pace_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    pace_armed_ = false;
    TakeDelayed();
    Pump();
  });
}

void LogShipper::TakeDelayed() {
  for (FileKey& key : delayed_) {
    if (Attempt* attempt = Find(key.first)) {
      const auto found = attempt->files.find(key.second);
      if (found != attempt->files.end()) found->second.delayed = false;
    }
    ready_.push_back(std::move(key));
  }
  delayed_.clear();
}

}  // namespace muster::agent
