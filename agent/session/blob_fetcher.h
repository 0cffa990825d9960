// Brings blobs of the server to this node. Thread-safe; Fetch blocks: worker threads only.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "agent/session/backoff.h"
#include "agent/session/channel.h"
#include "agent/session/stop_signal.h"
#include "base/digest.h"
#include "base/result.h"
#include "storage/blob_store.h"

namespace muster::agent {

struct BlobFetcherConfig {
  std::string incoming_directory;
  std::uint64_t max_bytes = 64ULL << 30;
  BackoffConfig backoff;
};

class BlobFetcher {
 public:
  // All outlive it.
  BlobFetcher(ServerChannel& channel, storage::BlobStore& blobs, StopSignal& stop,
              BlobFetcherConfig config);

  // The path of the blob in the store. However many ask for one digest at once, it is fetched once.
  // A transfer that breaks goes on where it ended, for as long as the server is away, and after a
  // restart of the agent. kStaging errors: refused by the server, or other content than the digest
  // says.
  Result<std::string> Fetch(const std::string& digest_hex);
  // Fetched over the network by this process so far.
  std::uint64_t fetched_bytes() const;

 private:
  struct Flight;

  Result<std::string> FetchAlone(const Digest& digest);
  Status Download(const Digest& digest, const std::string& path);
  Status Adopt(const Digest& digest, const std::string& path);

  ServerChannel& channel_;
  storage::BlobStore& blobs_;
  StopSignal& stop_;
  BlobFetcherConfig config_;
  mutable std::mutex mutex_;
  std::condition_variable landed_;
  std::map<Digest, std::shared_ptr<Flight>> flights_;
  std::uint64_t fetched_bytes_ = 0;
};

}  // namespace muster::agent
