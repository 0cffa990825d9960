#include "server/rpc/report_parts.h"

#include <string>
#include <utility>

#include "server/rpc/agent_conversion.h"

namespace muster::server {
namespace {

namespace v1 = muster::v1;

constexpr std::size_t kMaxReportParts = 64;
constexpr std::size_t kMaxReportBytes = std::size_t{16} << 20;
// An empty entry has two bytes on the wire and a hundred in memory. A gang of 10,000 nodes has
// 300,000, with all words of its orteds.
constexpr std::size_t kMaxListEntries = 1'000'000;

std::size_t EntriesOf(const v1::Report& part) {
  std::size_t entries = 0;
  const auto add = [&entries](int size) { entries += static_cast<std::size_t>(size); };
  for (const v1::ObservedAttempt& attempt : part.attempts()) {
    add(attempt.ranks_size());
    add(attempt.daemon_requests_size());
    add(attempt.daemon_exits_size());
    for (const v1::DaemonRequest& request : attempt.daemon_requests()) {
      add(request.arguments_size());
    }
  }
  return entries;
}

tl::unexpected<Error> TooLarge(const std::string& what) {
  return Fail(ErrorCode::kInvalidArgument, ErrorReason::kTooLarge,
              "a report of more than " + what + " is refused");
}

}  // namespace

Result<bool> ReportParts::Add(const v1::Report& part) {
  if (part.part() == 0) {
    Clear();
  } else if (!report_ || part.sequence() != report_->sequence() ||
             part.part() != report_->part() + 1) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kInvalidSpec,
                "the parts of a report follow each other");
  }
  bytes_ += part.ByteSizeLong();
  attempts_ += static_cast<std::size_t>(part.attempts_size());
  entries_ += EntriesOf(part);
  if (part.part() >= kMaxReportParts) return TooLarge("64 parts");
  if (bytes_ > kMaxReportBytes) return TooLarge("16 MiB");
  if (attempts_ > MaxAttemptEntries(part)) return TooLarge("4,096 attempts");
  if (entries_ > kMaxListEntries) return TooLarge("1,000,000 ranks, requests, words and ends");
  if (!report_) report_.emplace();
  report_->MergeFrom(part);
  report_->set_part(part.part());
  return !part.more();
}

v1::Report ReportParts::Take() {
  v1::Report report = std::move(*report_);
  Clear();
  return report;
}

}  // namespace muster::server
