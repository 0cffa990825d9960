#include "storage/sqlite/writer.h"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "storage/sqlite/row_writer.h"

namespace muster::storage {
namespace {

struct Pending {
  Batch batch;
  std::function<void()> on_durable;
  std::function<void()> at_once;
};

// A rough size: what varies are the specs.
std::size_t SizeOf(const Batch& batch) {
  std::size_t bytes = 0;
  for (const scheduler::Event& event : batch.events) {
    bytes += 512;
    if (const auto* submitted = std::get_if<scheduler::JobSubmitted>(&event.body)) {
      bytes += submitted->given_spec.size();
      if (submitted->resolved_spec) bytes += submitted->resolved_spec->size();
    }
  }
  return bytes + 512 * (batch.rows.jobs.size() + batch.rows.attempts.size());
}

bool IsEmpty(const Batch& batch) {
  const RowChanges& rows = batch.rows;
  return batch.events.empty() && rows.jobs.empty() && rows.attempts.empty() && rows.nodes.empty() &&
         rows.removed_nodes.empty() && rows.pools.empty() && rows.removed_pools.empty() &&
         rows.datastores.empty() && rows.tokens.empty() && rows.removed_tokens.empty() &&
         rows.workspaces.empty() && !rows.server;
}

class SqliteWriter final : public Writer {
 public:
  SqliteWriter(Connection& connection, std::unique_ptr<RowWriter> rows, PostToCore post)
      : connection_(connection), rows_(std::move(rows)), post_(std::move(post)) {
    sqlite3_wal_hook(connection_.raw(), &SqliteWriter::OnCommit, this);
    thread_ = std::thread([this] { Run(); });
  }
  ~SqliteWriter() override { Stop(); }

  void Append(Batch batch, std::function<void()> on_durable,
              std::function<void()> at_once) override;
  void Stop() override;

 private:
  static int OnCommit(void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteWriter*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  }

  void Run();
  // False: stopping, and nothing is left.
  bool Take(std::vector<Pending>& taken);
  void WriteGroups(std::vector<Pending>& taken);
  void WriteGroup(std::span<Pending> group);
  Status Commit(const std::vector<const Batch*>& batches);
  void Checkpoint(int mode);

  Connection& connection_;
  std::unique_ptr<RowWriter> rows_;
  PostToCore post_;
  int log_pages_ = 0;           // of the writer's thread
  int checkpointed_pages_ = 0;  // log_pages_ at the last checkpoint; avoids repeating a futile one

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Pending> queue_;  // guarded by mutex_, as is stopping_
  bool stopping_ = false;
  std::thread thread_;
};

void SqliteWriter::Append(Batch batch, std::function<void()> on_durable,
                          std::function<void()> at_once) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    MUSTER_CHECK(!stopping_, "a batch came after the writer was stopped");
    first = queue_.empty();
    queue_.push_back(Pending{std::move(batch), std::move(on_durable), std::move(at_once)});
  }
  if (first) wake_.notify_one();
}

void SqliteWriter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  Checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  sqlite3_wal_hook(connection_.raw(), nullptr, nullptr);
  rows_.reset();
}

void SqliteWriter::Run() {
  std::vector<Pending> taken;
  while (Take(taken)) {
    WriteGroups(taken);
    taken.clear();
  }
}

bool SqliteWriter::Take(std::vector<Pending>& taken) {
  // Long enough that the pause between two requests of one client does not count as idle.
  constexpr auto kIdle = std::chrono::milliseconds(200);
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || !queue_.empty(); };
  if (!wake_.wait_for(lock, kIdle, ready)) {
    lock.unlock();
    if (log_pages_ > kCheckpointPagesIdle && log_pages_ != checkpointed_pages_) {
      Checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    }
    lock.lock();
    wake_.wait(lock, ready);
  }
  taken.swap(queue_);
  return !taken.empty();
}

void SqliteWriter::WriteGroups(std::vector<Pending>& taken) {
  std::span<Pending> rest(taken);
  while (!rest.empty()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0;
         count < rest.size() && count < kGroupMaxBatches && bytes < kGroupMaxBytes; ++count) {
      bytes += SizeOf(rest[count].batch);
    }
    WriteGroup(rest.first(count));
    rest = rest.subspan(count);
    if (log_pages_ > kCheckpointPagesBusy && log_pages_ > checkpointed_pages_ + 1'024) {
      Checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    }
  }
}

void SqliteWriter::WriteGroup(std::span<Pending> group) {
  std::vector<const Batch*> batches;
  std::vector<std::function<void()>> callbacks;
  batches.reserve(group.size());
  callbacks.reserve(group.size());
  for (Pending& pending : group) {
    if (!IsEmpty(pending.batch)) batches.push_back(&pending.batch);
    if (pending.on_durable) callbacks.push_back(std::move(pending.on_durable));
  }
  if (!batches.empty()) {
    if (const Status status = Commit(batches); !status) {
      Log(LogLevel::kError, "commit_failed",
          {{"error", status.error().message}, {"batches", std::to_string(batches.size())}});
      MUSTER_CHECK(false, "a commit failed: memory is ahead of the disk, only a restart is safe");
    }
  }
  // Of many, the core tells while this thread is at the next group.
  if (group.size() == 1 && group.front().at_once) group.front().at_once();
  if (callbacks.empty()) return;
  post_([callbacks = std::move(callbacks)] {
    for (const auto& callback : callbacks) callback();
  });
}

Status SqliteWriter::Commit(const std::vector<const Batch*>& batches) {
  MUSTER_ASSIGN(Transaction transaction,
                Transaction::Begin(connection_, Transaction::Kind::kWrite));
  MUSTER_TRY(rows_->Write(batches));
  return transaction.Commit();
}

// A reader (a page of history, a backup) can keep a checkpoint from finishing; the next one gets
// further.
void SqliteWriter::Checkpoint(int mode) {
  int in_log = 0;
  int done = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.raw(), "main", mode, &in_log, &done);
  checkpointed_pages_ = log_pages_;
  if (code == SQLITE_OK && in_log == done) {
    // The next commit starts the log over.
    checkpointed_pages_ = log_pages_ = 0;
  } else if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) {
    // Nothing is lost: what is in the log is durable. A commit that fails will end us.
    Log(LogLevel::kWarning, "checkpoint_failed",
        {{"error", SqliteError(connection_.raw(), "a checkpoint").message}});
  }
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::Start(Connection& connection, PostToCore post) {
  MUSTER_ASSIGN(std::unique_ptr<RowWriter> rows, RowWriter::Create(connection));
  return std::make_unique<SqliteWriter>(connection, std::move(rows), std::move(post));
}

}  // namespace muster::storage
