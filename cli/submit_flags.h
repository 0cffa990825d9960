// From the words of `job submit` to a job specification.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/spec_file.h"

namespace muster::cli {

// As given; empty or unset: not given.
struct SubmitFlags {
  std::optional<std::string> file;
  std::optional<std::string> experiment, source_directory, entry_script, pool, backend;
  std::optional<std::uint32_t> node_count, process_count_per_node, node_loss_retries;
  std::optional<std::int64_t> priority;
  std::optional<std::string> lease, grace_period, max_run_duration;
  std::vector<std::string> environment, data, tags, conda_packages, pip_packages;
  std::vector<std::string> script_arguments;
};

// The file (if any) with the flags laid over it: single values and arguments replace, lists and
// maps add, and a --data or --env of the same name replaces. Checks what only the client can know;
// what a job may be is the server's word. All faults at once.
Result<SpecFile> DraftJob(const SubmitFlags& flags);

}  // namespace muster::cli
