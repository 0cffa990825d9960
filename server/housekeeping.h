// A thread that looks at what nobody reports: free disk space and streams that have stalled.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "server/core_loop.h"
#include "server/loop/disk_gauge.h"
#include "server/loop/stall_watch.h"

namespace muster::server {

class Housekeeping {
 public:
  // All must outlive this. Measures the disk once before it returns.
  Housekeeping(std::string state_directory, CoreLoop& loop, DiskGauge& disk, StallWatch& stalls);
  ~Housekeeping();

 private:
  void MeasureDisk();
  void Run();

  const std::string state_directory_;
  CoreLoop& loop_;
  DiskGauge& disk_;
  StallWatch& stalls_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace muster::server
