// Keeps the node's certificate fresh for as long as the agent runs.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>

#include "agent/session/enrolment.h"
#include "agent/session/worker_pool.h"

namespace muster::agent {

// On the loop's thread; the call itself on a worker.
class CertificateRenewal {
 public:
  struct Parts {
    boost::asio::io_context& loop;
    WorkerPool& workers;
    IdentityStore& store;
    ServerChannel& channel;
    StopSignal& stop;
  };
  // `on_renewed` runs after the channel has been replaced.
  CertificateRenewal(Parts parts, Identity identity, std::function<void()> on_renewed);

  // Looks now, and then every hour (every minute while a renewal is due and fails).
  void Start();

 private:
  void Look();
  void TakeResult(const Result<Identity>& renewed);
  void LookAgainAfter(Duration delay);

  Parts parts_;
  Identity identity_;
  std::function<void()> on_renewed_;
  boost::asio::steady_timer timer_;
};

}  // namespace muster::agent
