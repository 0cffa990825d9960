// Reads of what is durable: ended jobs and events are found here and nowhere else. Each one has a
// read-only connection and belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"
#include "storage/experiment_summary.h"

namespace muster::storage {

struct JobRecord {
  scheduler::Job job;  // its `spec` is set only by GetJob
  std::string given_spec;
  std::string resolved_spec;
  std::vector<scheduler::Attempt> attempts;  // oldest first; only by GetJob
};

struct JobFilter {
  WorkspaceName workspace;
  std::string experiment;  // empty: any; the same for the rest
  std::vector<scheduler::JobStatus> statuses;
  UserName user;
  PoolName pool;
};

struct JobPage {
  std::vector<JobRecord> records;
  // Where the next page starts; 0: there is none. A page may be short, even empty, before it.
  std::uint64_t next_before = 0;
};

// A status event, as a watch sends it.
struct JobChange {
  std::uint64_t sequence = 0;
  TimePoint time{};
  JobId job;
  scheduler::JobStatus status{};
  std::uint32_t attempt = 0;  // number of the newest attempt at that moment
  std::optional<scheduler::Cause> cause;
};

class History {
 public:
  virtual ~History() = default;

  virtual Result<std::optional<JobRecord>> GetJob(const WorkspaceName& workspace,
                                                  const JobId& id) = 0;
  // Newest first: jobs with sequence < before_sequence (0: all), at most `limit`, of the newest
  // `max_examined` (not 0) jobs of the workspace there.
  virtual Result<JobPage> ListJobs(const JobFilter& filter, std::uint64_t before_sequence,
                                   std::size_t limit, std::size_t max_examined) = 0;
  // By name, those after `after`, at most `limit`: of the newest `max_examined` (not 0) jobs, all
  // of which are read.
  virtual Result<std::vector<ExperimentSummary>> ListExperiments(const WorkspaceName& workspace,
                                                                 const std::string& after,
                                                                 std::size_t limit,
                                                                 std::size_t max_examined) = 0;
  // Status changes (and submissions) after a sequence number, oldest first. `job` empty: any.
  virtual Result<std::vector<JobChange>> JobChanges(const WorkspaceName& workspace,
                                                    const JobId& job, std::uint64_t after_sequence,
                                                    std::size_t limit) = 0;
  // All events after a sequence number, for the audit and the fsck.
  virtual Result<std::vector<scheduler::Event>> Events(std::uint64_t after_sequence,
                                                       std::size_t limit) = 0;
};

}  // namespace muster::storage
