#include "server/tracking/job_views.h"

#include <utility>

namespace muster::server {

Result<JobView> ViewOf(storage::JobRecord record) {
  muster::v1::JobSpec spec;
  if (!spec.ParseFromString(record.given_spec)) {
    return Fail(ErrorCode::kDataLoss, ErrorReason::kCorruptState,
                "the stored specification of job " + record.job.id.str() + " cannot be read");
  }
  JobView view;
  view.job = std::move(record.job);
  for (const auto& [key, value] : spec.tags()) view.tags.emplace(key, value);
  return view;
}

Result<std::optional<JobView>> FindJob(storage::History& history, const WorkspaceName& workspace,
                                       const storage::RunId& run) {
  MUSTER_ASSIGN(std::optional<storage::JobRecord> record,
                history.GetJob(workspace, JobId(run.str())));
  if (!record) return std::nullopt;
  return ViewOf(std::move(*record));
}

storage::JobRun RunOf(JobView view) {
  return storage::JobRun{storage::RunId(view.job.id.str()), view.job.experiment, view.job.user,
                         view.job.submitted, std::move(view.tags)};
}

}  // namespace muster::server
