#include "server/housekeeping.h"

#include <sys/statvfs.h>

#include <utility>

#include "base/log.h"

namespace muster::server {
namespace {

constexpr auto kInterval = std::chrono::seconds(2);

}  // namespace

Housekeeping::Housekeeping(std::string state_directory, CoreLoop& loop, DiskGauge& disk,
                           StallWatch& stalls)
    : state_directory_(std::move(state_directory)), loop_(loop), disk_(disk), stalls_(stalls) {
  MeasureDisk();
  thread_ = std::thread([this] { Run(); });
}

Housekeeping::~Housekeeping() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Housekeeping::MeasureDisk() {
  const std::uint64_t written_before = disk_.written_bytes();
  struct statvfs space = {};
  if (statvfs(state_directory_.c_str(), &space) != 0) {
    Log(LogLevel::kError, "disk_unknown", {{"path", state_directory_}});
    return;
  }
  const std::uint64_t free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  disk_.Set(free_bytes, written_before);
  loop_.Post(scheduler::Command{{}, scheduler::ObserveDisk{free_bytes, disk_.reserve_bytes()}},
             [](const Result<ReplyValue>&) {});
}

void Housekeeping::Run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return ending_; })) {
    lock.unlock();
    MeasureDisk();
    stalls_.CheckAll(ReadClock().steady);
    lock.lock();
  }
}

}  // namespace muster::server
