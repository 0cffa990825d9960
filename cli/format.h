// Times, durations, sizes and names as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "muster/v1/cluster.pb.h"
#include "muster/v1/jobs.pb.h"

namespace muster::cli {

// Microseconds since 1970 UTC as "2026-11-24 06:12:02" in the time zone of this process; "" for 0.
std::string FormatLocalTime(std::int64_t micros);
// From start to end, or to `now` while end is 0; "" while start is 0. A clock that went backwards
// gives "0 ms".
std::string FormatSpan(std::int64_t start_us, std::int64_t end_us, std::int64_t now_us);
// "512 B", "12.3 MiB"
std::string FormatBytes(std::uint64_t bytes);

// "Completed", as Azure ML names it.
std::string StatusName(muster::v1::JobStatus status);
// Without regard to case; JOB_STATUS_UNSPECIFIED for anything that is no status.
muster::v1::JobStatus ParseStatus(std::string_view name);
// "Queued, Running..." for messages.
std::string StatusNames();
// Completed, Failed or Canceled.
bool IsTerminal(muster::v1::JobStatus status);

// "idle", as AmlCompute names it.
std::string NodeStateName(muster::v1::NodeState state);

// "exit 3", "SIGSEGV", "running" or "" when it has not started.
std::string RankOutcome(const muster::v1::RankResult& rank);
// One sentence why the job is where it is: its cause, or why it waits; "" when there is neither.
std::string Explanation(const muster::v1::Job& job);

}  // namespace muster::cli
