#include "storage/tracking/store.h"

#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "storage/sqlite/inspect.h"
#include "storage/sqlite/open.h"
#include "storage/tracking/commit.h"
#include "storage/tracking/schema.h"

namespace muster::storage {
namespace {

// Of one transaction.
constexpr std::size_t kGroupChanges = 1'000;
constexpr std::size_t kGroupBytes = std::size_t{8} << 20;

struct Waiting {
  std::shared_ptr<const TrackingChange> change;
  TrackingStore::OnDone on_done;
  std::size_t bytes = 0;
};

Error Broken() {
  return Error{ErrorCode::kUnavailable, ErrorReason::kIo,
               "the server cannot write the run record until it is restarted; its log says why"};
}

class SqliteTrackingStore final : public TrackingStore {
 public:
  SqliteTrackingStore(std::string path, const TrackingLimits& limits, Connection connection)
      : path_(std::move(path)), limits_(limits), connection_(std::move(connection)) {}
  ~SqliteTrackingStore() override { Stop(); }

  Status Start() {
    MUSTER_ASSIGN(rows_, TrackingRows::Prepare(connection_));
    thread_ = std::thread([this] { Run(); });
    return {};
  }
  void Submit(std::shared_ptr<const TrackingChange> change, OnDone on_done) override;
  Result<std::unique_ptr<TrackingReader>> OpenReader() override {
    return TrackingReader::Open(path_);
  }
  void Stop() override;

 private:
  Status Admit(std::size_t bytes) const;
  void Run();
  // Empty: stopping, and nothing is left.
  std::vector<Waiting> Take();
  std::vector<Result<TrackingAnswer>> Write(std::span<const Waiting> group);
  Result<std::vector<Result<TrackingAnswer>>> TryWrite(std::span<const Waiting> group);

  const std::string path_;
  const TrackingLimits limits_;
  Connection connection_;
  std::unique_ptr<TrackingRows> rows_;
  bool broken_ = false;  // of the writer's thread

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> queue_;       // guarded by mutex_, as are the next three
  std::size_t waiting_changes_ = 0;  // in the queue and being written
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

// With the lock held.
Status SqliteTrackingStore::Admit(std::size_t bytes) const {
  if (stopping_) {
    return Fail(ErrorCode::kUnavailable, ErrorReason::kShuttingDown,
                "the server is stopping; ask again once it is back");
  }
  if (waiting_changes_ < limits_.max_queued_changes &&
      waiting_bytes_ + bytes <= limits_.max_queued_bytes) {
    return {};
  }
  return Fail(ErrorCode::kResourceExhausted, ErrorReason::kTooMany,
              "the server has " + std::to_string(waiting_changes_) +
                  " changes of run records waiting for its disk; try again");
}

void SqliteTrackingStore::Submit(std::shared_ptr<const TrackingChange> change, OnDone on_done) {
  const std::size_t bytes = SizeOf(*change);
  std::unique_lock lock(mutex_);
  if (const Status admitted = Admit(bytes); !admitted) {
    lock.unlock();
    return on_done(Fail(admitted.error()));
  }
  queue_.push_back({std::move(change), std::move(on_done), bytes});
  ++waiting_changes_;
  waiting_bytes_ += bytes;
  lock.unlock();
  wake_.notify_one();
}

void SqliteTrackingStore::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  rows_.reset();
  if (const Status done = connection_.Execute("PRAGMA wal_checkpoint(TRUNCATE)"); !done) {
    Log(LogLevel::kWarning, "checkpoint_failed", {{"error", done.error().message}});
  }
}

void SqliteTrackingStore::Run() {
  for (std::vector<Waiting> taken = Take(); !taken.empty(); taken = Take()) {
    for (std::span<Waiting> rest(taken); !rest.empty();) {
      std::size_t count = 0;
      std::size_t bytes = 0;
      while (count < rest.size() && count < kGroupChanges && bytes < kGroupBytes) {
        bytes += rest[count++].bytes;
      }
      const std::span<Waiting> group = rest.first(count);
      std::vector<Result<TrackingAnswer>> answers = Write(group);
      {
        const std::lock_guard lock(mutex_);
        waiting_changes_ -= count;
        waiting_bytes_ -= bytes;
      }
      for (std::size_t i = 0; i < count; ++i) group[i].on_done(std::move(answers[i]));
      rest = rest.subspan(count);
    }
  }
}

std::vector<Waiting> SqliteTrackingStore::Take() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  return std::exchange(queue_, {});
}

std::vector<Result<TrackingAnswer>> SqliteTrackingStore::Write(std::span<const Waiting> group) {
  Error refusal = Broken();
  if (!broken_) {
    Result<std::vector<Result<TrackingAnswer>>> answers = TryWrite(group);
    if (answers) return std::move(*answers);
    const bool full = answers.error().code == ErrorCode::kResourceExhausted;
    broken_ = !full;
    Log(LogLevel::kError, full ? "tracking_disk_full" : "tracking_failed",
        {{"error", answers.error().message}});
    if (full) {
      refusal = Error{ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
                      "the server's disk is full; send it again once there is room"};
    }
  }
  return std::vector<Result<TrackingAnswer>>(group.size(), Fail(refusal));
}

Result<std::vector<Result<TrackingAnswer>>> SqliteTrackingStore::TryWrite(
    std::span<const Waiting> group) {
  std::vector<Result<TrackingAnswer>> answers;
  answers.reserve(group.size());
  MUSTER_ASSIGN(Transaction transaction,
                Transaction::Begin(connection_, Transaction::Kind::kWrite));
  for (const Waiting& waiting : group) {
    Committed committed = Commit(*rows_, *waiting.change, limits_);
    if (!committed) return Fail(committed.error());
    answers.push_back(std::move(*committed));
  }
  MUSTER_TRY(transaction.Commit());
  return answers;
}

}  // namespace

Result<std::unique_ptr<TrackingStore>> TrackingStore::Open(const std::string& state_directory,
                                                           const TrackingLimits& limits) {
  const std::string path = state_directory + "/tracking.db";
  Result<Connection> connection =
      OpenForWriting(state_directory, path, TrackingSchema(), Connection::Mode::kPlainReadWrite);
  if (!connection) return Fail(WithRestoreHint(connection.error()));
  // Unlike that of state.db, the log is checkpointed by the commits that fill it: nobody waits for
  // a metric.
  MUSTER_TRY(connection->Execute("PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -32768"));
  auto store = std::make_unique<SqliteTrackingStore>(path, limits, std::move(*connection));
  MUSTER_TRY(store->Start());
  return store;
}

}  // namespace muster::storage
