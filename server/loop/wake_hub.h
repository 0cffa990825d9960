// Tells those who wait for something to change that it did, by key: a job's status, a run file's
// growth. It carries no data: who is woken reads on from its own position, so a slow reader holds
// no memory here.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace muster::server {

class Wakeable {
 public:
  virtual ~Wakeable() = default;
  // Any thread; must not block or call the hub. May come more often than needed.
  virtual void Wake() = 0;
};

// Thread-safe.
class WakeHub {
 public:
  // Whatever happens to `key` from now on wakes it. Forgotten when it is gone.
  void Subscribe(const std::string& key, const std::shared_ptr<Wakeable>& waiter);
  void Unsubscribe(const std::string& key, const Wakeable* waiter);
  void Wake(std::string_view key);
  // Nobody waits for anything: no need to make up a key.
  bool empty() const { return keys_.load() == 0; }
  // Keys with a subscriber.
  std::size_t size() const { return keys_.load(); }

 private:
  std::atomic<std::size_t> keys_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::weak_ptr<Wakeable>>, std::less<>> waiters_;
};

}  // namespace muster::server
