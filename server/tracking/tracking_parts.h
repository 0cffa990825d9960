// What the tracking service works with. All of it is thread-safe and outlives the gRPC server.
#pragma once

#include "base/time.h"
#include "server/core_loop.h"
#include "server/loop/disk_gauge.h"
#include "server/loop/history_readers.h"
#include "storage/tracking/reader.h"
#include "storage/tracking/store.h"

namespace muster::server {

using TrackingReaders = ReaderThreads<storage::TrackingReader>;

struct TrackingParts {
  CoreLoop& loop;
  HistoryReaders& history;
  TrackingReaders& readers;
  storage::TrackingStore& store;
  DiskGauge& disk;
  TimePoint serving_since;
};

}  // namespace muster::server
