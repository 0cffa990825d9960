// What the services work with. Everything outlives the gRPC server; all of it is thread-safe but
// the session registry, which belongs to the core thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "server/auth/enrollment.h"
#include "server/auth/stream_tickets.h"
#include "server/core_loop.h"
#include "server/loop/disk_gauge.h"
#include "server/loop/history_readers.h"
#include "server/loop/stall_watch.h"
#include "server/loop/wake_hub.h"
#include "server/loop/worker_pool.h"
#include "server/rpc/path_check.h"
#include "server/rpc/session_registry.h"
#include "server/rpc/spec_resolution.h"
#include "storage/blob_store.h"
#include "storage/run_file_store.h"

namespace muster::server {

struct RpcLimits {
  std::uint64_t max_blob_bytes = std::uint64_t{64} << 30;
  // Uploads at a time; each holds one chunk of at most 1 MiB.
  std::size_t max_uploads = 32;
  // Silence of a reader or an uploader after which it is cut off.
  Duration stall_timeout = std::chrono::seconds(60);
  // Open at a time with one token (watches, reads, uploads), or by one node.
  std::size_t max_streams = 256;
  // Events that a watch may fall behind.
  std::uint64_t max_watch_lag = 10'000;
  // For nodes to say whether they have a submitted job's paths; 0: they are not asked.
  Duration path_check_timeout = std::chrono::milliseconds(500);
};

struct RpcParts {
  CoreLoop& loop;
  SessionRegistry& sessions;
  HistoryReaders& history;
  WorkerPool& io;  // blobs and run files
  storage::BlobStore& blobs;
  storage::RunFileStore& run_files;
  WakeHub& hub;
  StallWatch& stalls;
  DiskGauge& disk;
  StreamTickets& tickets;
  PathCheck& path_check;
  // Sequence number of the last durable event.
  const std::atomic<std::uint64_t>& live_sequence;
  const Enrollment& enrollment;
  SpecDefaults defaults;
  RpcLimits limits;
};

// Keys of the wake hub.
inline const std::string kAnyJobKey = "jobs";
inline std::string JobKey(const JobId& job) { return "job " + job.str(); }
inline std::string RunFileKey(const AttemptId& attempt, std::string_view name) {
  return "file " + ToString(attempt) + " " + std::string(name);
}

}  // namespace muster::server
