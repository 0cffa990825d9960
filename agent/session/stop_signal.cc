#include "agent/session/stop_signal.h"

#include <utility>

namespace muster::agent {

void StopSignal::Set() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(set_, true)) return;
  for (const auto& [key, on_stop] : functions_) on_stop();
  changed_.notify_all();
}

bool StopSignal::IsSet() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

bool StopSignal::SleepFor(Duration duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, duration, [this] { return set_; });
}

StopSignal::Registration::Registration(StopSignal& signal, std::function<void()> on_stop)
    : signal_(signal) {
  const std::lock_guard lock(signal_.mutex_);
  key_ = signal_.next_key_++;
  if (signal_.set_) on_stop();
  signal_.functions_.emplace(key_, std::move(on_stop));
}

StopSignal::Registration::~Registration() {
  const std::lock_guard lock(signal_.mutex_);
  signal_.functions_.erase(key_);
}

}  // namespace muster::agent
