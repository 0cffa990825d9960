#include "server/loop/wake_hub.h"

#include <functional>

namespace muster::server {

void WakeHub::Subscribe(const std::string& key, const std::shared_ptr<Wakeable>& waiter) {
  const std::lock_guard lock(mutex_);
  waiters_[key].push_back(waiter);
  keys_.store(waiters_.size());
}

void WakeHub::Unsubscribe(const std::string& key, const Wakeable* waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(key);
  if (found == waiters_.end()) return;
  std::erase_if(found->second, [waiter](const std::weak_ptr<Wakeable>& weak) {
    const auto strong = weak.lock();
    return strong == nullptr || strong.get() == waiter;
  });
  if (found->second.empty()) waiters_.erase(found);
  keys_.store(waiters_.size());
}

void WakeHub::Wake(std::string_view key) {
  std::vector<std::shared_ptr<Wakeable>> woken;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiters_.find(key);
    if (found == waiters_.end()) return;
    for (const auto& weak : found->second) {
      if (auto strong = weak.lock()) woken.push_back(std::move(strong));
    }
  }
  for (const auto& waiter : woken) waiter->Wake();
}

}  // namespace muster::server
