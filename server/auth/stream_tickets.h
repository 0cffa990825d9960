// Which streams are open, of whom, and whether they may go on: an identity is checked when a stream
// begins, and again while it is open, since a token can be revoked or expire meanwhile.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "scheduler/model/command.h"
#include "server/auth/identities.h"

namespace muster::server {

// Thread-safe. Outlives its tickets.
class StreamTickets {
 public:
  class Ticket {
   public:
    // `key` is counted in `tickets` already.
    Ticket(StreamTickets& tickets, scheduler::Principal holder, std::string key)
        : tickets_(tickets), holder_(std::move(holder)), key_(std::move(key)) {}
    ~Ticket() { tickets_.Release(key_); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    // UNAUTHENTICATED once the token was revoked, has expired or is gone, or the node's key counts
    // no more.
    Status Check(TimePoint now) const;

   private:
    StreamTickets& tickets_;
    const scheduler::Principal holder_;
    const std::string key_;
  };

  // `identities` outlives it. At most `max_streams` of one token, or of one node, at a time.
  StreamTickets(const IdentitiesHolder& identities, std::size_t max_streams)
      : identities_(identities), max_streams_(max_streams) {}

  // RESOURCE_EXHAUSTED (kTooMany) when the holder has too many.
  Result<std::unique_ptr<Ticket>> Admit(const scheduler::Principal& holder);

 private:
  void Release(const std::string& key);

  const IdentitiesHolder& identities_;
  const std::size_t max_streams_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> open_;  // by holder; none has 0
};

}  // namespace muster::server
