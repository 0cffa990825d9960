// What clients see of runs: jobs and tracked runs as one thing, in one order. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "muster/v1/tracking.pb.h"
#include "scheduler/model/state.h"
#include "storage/tracking/record.h"

namespace muster::server {

// Silence after which a run that must send heartbeats is NotResponding.
inline constexpr Duration kRunSilence = std::chrono::seconds(60);

// `serving_since`: heartbeats that nobody could take before that count as given.
struct ViewTime {
  TimePoint now;
  TimePoint serving_since;
};

// NotResponding is nowhere stored.
scheduler::JobStatus StatusOf(const storage::TrackedRun& run, const ViewTime& time);

// A tracked run that is no job.
void ToProto(const storage::TrackedRun& run, const ViewTime& time, muster::v1::Run& out);

struct JobView {
  scheduler::Job job;
  storage::Tags tags;  // of its specification
};
// `tracked`: what is tracked of the job, or null.
void ToProto(const JobView& view, const storage::TrackedRun* tracked, muster::v1::Run& out);

void ToProto(const storage::Metric& metric, muster::v1::MetricValue& out);

// Kinds, statuses, tags and properties of the filter.
bool Matches(const muster::v1::Run& run, const muster::v1::ListRunsRequest& filter);
// Whether Matches may refuse what the databases have let through.
bool FiltersAfterwards(const muster::v1::ListRunsRequest& filter);

// One of the two lists that a page of runs is made of, newest first.
struct RunSource {
  struct Entry {
    std::uint64_t sequence = 0;
    muster::v1::Run run;
  };
  std::uint64_t before = 0;  // where it starts: 0: at the newest; kNothing: it had ended before
  std::vector<Entry> entries;
  std::uint64_t next_before = 0;  // where it goes on after `entries`; 0: it ends with them

  static constexpr std::uint64_t kNothing = 1;  // no sequence is below it
};

struct MergedRuns {
  std::vector<muster::v1::Run> runs;
  // Where the next page starts in both.
  std::uint64_t jobs_before = 0;
  std::uint64_t tracked_before = 0;
  bool more = false;
};

// Newest first by time of creation, what matches, at most `limit` and
// about 2 MiB. Ends early where one of the lists
// would have to be read on: its next entry might be the newer one.
MergedRuns Merge(RunSource jobs, RunSource tracked, const muster::v1::ListRunsRequest& filter,
                 std::size_t limit);

}  // namespace muster::server
