// Brings blobs of the server to this node. Thread-safe; Fetch blocks: worker threads only.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "agent/session/backoff.h"
#include "agent/session/blob_cache.h"
#include "agent/session/channel.h"
#include "agent/session/stop_signal.h"
#include "base/digest.h"
#include "base/result.h"

namespace muster::agent {

struct BlobFetcherConfig {
  std::string incoming_directory;
  std::uint64_t max_bytes = 64ULL << 30;
  BackoffConfig backoff;
  // How long a server that answers may go on refusing before the fetch fails: a worker is held.
  Duration refusal_limit = std::chrono::minutes(2);
};

class BlobFetcher {
 public:
  // All outlive it.
  BlobFetcher(ServerChannel& channel, BlobCache& cache, StopSignal& stop, BlobFetcherConfig config);

  // The path of the blob in the store. However many ask for one digest at once, it is fetched once.
  // A transfer that breaks goes on where it ended, for as long as the server is away, and after a
  // restart of the agent. kStaging errors: refused by the server (for refusal_limit, where that may
  // pass), or other content than the digest says. kCancelled, at once, when `given_up` is set or
  // the agent ends; whoever else waits for the same blob goes on with what has come.
  Result<std::string> Fetch(const std::string& digest_hex, StopSignal& given_up);
  // Fetched over the network by this process so far.
  std::uint64_t fetched_bytes() const;

 private:
  struct Flight;

  // Nothing if another's transfer ended because that one was given up.
  std::optional<Result<std::string>> Await(const std::shared_ptr<Flight>& flight,
                                           StopSignal& given_up);
  Result<std::string> FetchAlone(const Digest& digest, StopSignal& given_up);
  Status Download(const Digest& digest, const std::string& path, StopSignal& given_up);

  ServerChannel& channel_;
  BlobCache& cache_;
  StopSignal& stop_;
  BlobFetcherConfig config_;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::map<Digest, std::shared_ptr<Flight>> flights_;
  std::uint64_t fetched_bytes_ = 0;
};

}  // namespace muster::agent
