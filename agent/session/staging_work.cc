#include "agent/session/staging_work.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "agent/launch/process_info.h"
#include "agent/logs/attempt_notes.h"
#include "agent/session/disk.h"
#include "base/log.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

// What a staging brought, for the note.
struct Staged {
  std::vector<std::string> lines;
};

FetchBlob Counting(const StagingParts& parts, std::shared_ptr<Staged> staged,
                   StopSignal& given_up) {
  return [&parts, &given_up, staged = std::move(staged)](const std::string& digest) {
    const SteadyPoint before = ReadClock().steady;
    auto path = parts.fetch(digest, given_up);
    struct stat info {};
    if (path && stat(path->c_str(), &info) == 0) {
      staged->lines.push_back("snapshot " + digest.substr(0, 12) + ": " +
                              std::to_string(info.st_size) + " bytes, here after " +
                              FormatDuration(ReadClock().steady - before));
    }
    return path;
  };
}

void WriteWhereItRuns(const StagingParts& parts, const AttemptId& id, const v1::AttemptTask& task) {
  const std::string logs = parts.runner.LogDirectory(id);
  const std::string& interpreter = task.spec().environment().interpreter_path();
  WriteExecutionNote(
      logs, parts.node, ReadClock().wall,
      {"attempt " + std::to_string(id.number) + " of job " + id.job.str() + " on node " +
           parts.node.str() + ", node " + std::to_string(task.node_rank()) + " of " +
           std::to_string(std::max(1, task.gang_size())),
       interpreter.empty() ? "environment: the node's own interpreter; nothing is built"
                           : "environment: " + interpreter});
  if (task.node_rank() == 0) WriteProcessInfo(logs, ProcessInfo(id, task));
}

void WriteNote(const StagingParts& parts, const AttemptId& id, const v1::AttemptTask& task,
               Staged staged, const Status& status, Duration took) {
  for (const auto& data : task.data()) {
    staged.lines.push_back("data " + data.name() + ": " + data.local_path());
  }
  staged.lines.push_back(status ? "ready after " + FormatDuration(took)
                                : "failed after " + FormatDuration(took) + ": " +
                                      status.error().message);
  WritePrepNote(parts.runner.LogDirectory(id), parts.node, ReadClock().wall, staged.lines);
}

Status StageTask(const StagingParts& parts, const Prepare& prepare, StopSignal& given_up) {
  MUSTER_ASSIGN(const auto task, ParseTask(prepare.task.get()));
  const SteadyPoint start = ReadClock().steady;
  // Until it is unpacked.
  BlobCache::Pin snapshot;
  if (const auto digest = Digest::Parse(task->spec().snapshot_digest())) {
    snapshot = parts.cache.Use(*digest);
  }
  const auto staged = std::make_shared<Staged>();
  Status status = parts.runner.Prepare(prepare.id, *task, Counting(parts, staged, given_up));
  WriteWhereItRuns(parts, prepare.id, *task);
  WriteNote(parts, prepare.id, *task, *staged, status, ReadClock().steady - start);
  return status;
}

}  // namespace

Result<std::shared_ptr<const v1::AttemptTask>> ParseTask(const std::string* bytes) {
  auto task = std::make_shared<v1::AttemptTask>();
  if (bytes == nullptr || !task->ParseFromString(*bytes)) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kStaging,
                "the server sent no task that this agent understands");
  }
  return task;
}

std::optional<Failure> Stage(const StagingParts& parts, const Prepare& prepare,
                             StopSignal& given_up) {
  LedgerRecord record{prepare.id, LedgerPhase::kPreparing, prepare.task, prepare.lease, {}};
  DiskSpace before = ReadDiskSpace(parts.directory, parts.disk_reserve_bytes);
  Status status = parts.ledger.Put(record);
  if (before.low) {
    parts.cache.Trim();
    before = ReadDiskSpace(parts.directory, parts.disk_reserve_bytes);
  }
  if (status && before.low) {
    status = Fail(ErrorCode::kResourceExhausted, ErrorReason::kDiskReserve,
                  "node " + parts.node.str() + " has " + std::to_string(before.free_bytes >> 20) +
                      " MiB of free disk space, less than its reserve of " +
                      std::to_string(parts.disk_reserve_bytes >> 20) + " MiB");
  }
  if (status) status = StageTask(parts, prepare, given_up);
  parts.cache.TrimIfGrown();
  if (status) return std::nullopt;
  if (status.error().code == ErrorCode::kCancelled && given_up.IsSet()) {
    return Failure{FailureCode::kStagingFailed, status.error().message};
  }
  record.phase = LedgerPhase::kFailed;
  record.failure =
      StagingFailure(status.error(), ReadDiskSpace(parts.directory, parts.disk_reserve_bytes));
  if (const Status noted = parts.ledger.Put(record); !noted) {
    Log(LogLevel::kWarning, "ledger_not_written",
        {{"attempt", ToString(prepare.id)}, {"error", noted.error().message}});
  }
  Log(LogLevel::kWarning, "attempt_not_staged",
      {{"attempt", ToString(prepare.id)}, {"error", status.error().message}});
  return record.failure;
}

}  // namespace muster::agent
