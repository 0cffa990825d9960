// Which run file `job logs` means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "muster/v1/jobs.pb.h"

namespace muster::cli {

struct LogWish {
  std::optional<std::uint32_t> rank;  // default 0
  // Overrides the rank. Without a "/" it lies in azureml-logs/.
  std::optional<std::string> file;
};

// "azureml-logs/70_driver_log.txt" of a job of one process, "azureml-logs/70_driver_log_<rank>.txt"
// of a job of several. Fails for a rank that the job doesn't have.
Result<std::string> ChooseLog(const muster::v1::Job& job, const LogWish& wish);

}  // namespace muster::cli
