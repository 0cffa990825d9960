#include "cli/log_name.h"

#include <algorithm>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

constexpr char kDirectory[] = "azureml-logs/";

std::uint64_t RankCount(const muster::v1::Job& job) {
  return std::uint64_t{std::max(1U, job.node_count())} * std::max(1U, job.process_count_per_node());
}

}  // namespace

Result<std::string> ChooseLog(const muster::v1::Job& job, const LogWish& wish) {
  if (wish.file) {
    return wish.file->find('/') == std::string::npos ? kDirectory + *wish.file : *wish.file;
  }
  const std::uint64_t ranks = RankCount(job);
  const std::uint32_t rank = wish.rank.value_or(0);
  if (rank >= ranks) {
    return Fail(
        UsageError("there is no rank " + std::to_string(rank) + ": " + job.id() + " has " +
                   (ranks == 1 ? "rank 0 alone" : "ranks 0 to " + std::to_string(ranks - 1))));
  }
  const std::string base = std::string(kDirectory) + "70_driver_log";
  return ranks == 1 ? base + ".txt" : base + "_" + std::to_string(rank) + ".txt";
}

}  // namespace muster::cli
