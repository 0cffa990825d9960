#include <algorithm>
#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr std::uint32_t kPageMax = 1000;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job list\n"
    "  muster job list --experiment digits --status Running --status Queued\n"
    "  muster job list --limit 1000 --json | jq -r '.jobs[].id'\n"
    "\n"
    "Newest first. JSON: {\"jobs\": [...], \"next_page_token\": \"...\"}.";

struct Options {
  std::optional<std::uint32_t> limit;
  std::string experiment, user, pool;
  std::vector<std::string> statuses;
};

Outcome<v1::ListJobsRequest> MakeRequest(const Session& session, const Options& options) {
  v1::ListJobsRequest request;
  request.set_workspace(session.workspace());
  request.set_experiment(options.experiment);
  request.set_user(options.user);
  request.set_pool(options.pool);
  for (const std::string& name : options.statuses) {
    const v1::JobStatus status = ParseStatus(name);
    if (status == v1::JOB_STATUS_UNSPECIFIED) {
      return FailWith(
          UsageError("'" + Printable(name) + "' is no status; there is: " + StatusNames()));
    }
    request.add_statuses(status);
  }
  return request;
}

// Page after page, until there are as many as wanted.
Outcome<v1::ListJobsReply> Collect(Client& client, v1::ListJobsRequest request,
                                   std::uint32_t limit) {
  v1::ListJobsReply all;
  while (true) {
    const auto have = static_cast<std::uint32_t>(all.jobs_size());
    request.set_page_size(std::min(limit - have, kPageMax));
    MUSTER_CLI_ASSIGN(v1::ListJobsReply page,
                      Call<v1::JobService>(client, &v1::JobService::Stub::ListJobs, request));
    for (v1::Job& job : *page.mutable_jobs()) *all.add_jobs() = std::move(job);
    all.set_next_page_token(page.next_page_token());
    const bool enough = static_cast<std::uint32_t>(all.jobs_size()) >= limit;
    if (enough || page.next_page_token().empty()) return all;
    request.set_page_token(page.next_page_token());
  }
}

std::vector<std::string> Row(const v1::Job& job, std::int64_t now_us) {
  const auto ranks = std::uint64_t{job.node_count()} * job.process_count_per_node();
  return {job.id(),
          job.experiment(),
          StatusName(job.status()),
          std::to_string(job.node_count()),
          std::to_string(ranks),
          FormatLocalTime(job.submitted_us()),
          FormatSpan(job.started_us(), job.ended_us(), now_us),
          Explanation(job)};
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const v1::ListJobsRequest request, MakeRequest(session, options));
  const std::uint32_t limit = std::max(1U, options.limit.value_or(50));
  MUSTER_CLI_ASSIGN(const v1::ListJobsReply reply, Collect(*client, request, limit));
  if (session.json) {
    session.PrintJson(reply);
    return ExitCode::kOk;
  }
  Table table{{{"ID"},
               {"EXPERIMENT", Align::kLeft, true},
               {"STATUS"},
               {"NODES", Align::kRight},
               {"RANKS", Align::kRight},
               {"SUBMITTED"},
               {"DURATION", Align::kRight},
               {"CAUSE", Align::kLeft, true}},
              {}};
  const std::int64_t now_us = ToMicros(ReadClock().wall);
  for (const v1::Job& job : reply.jobs()) table.rows.push_back(Row(job, now_us));
  session.out << LayOut(table, session.terminal.width);
  if (!reply.next_page_token().empty()) {
    session.Note("the newest " + std::to_string(reply.jobs_size()) +
                 " are shown; --limit shows more");
  }
  return ExitCode::kOk;
}

}  // namespace

void AddJobList(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("job list", "List jobs, newest first",
           [options](Session& session) { return Run(session, *options); })
      .Value("--limit", "N", options->limit, "At most so many (default: 50)")
      .Value("--experiment", "NAME", options->experiment, "Only of this experiment")
      .Values("--status", "STATUS", options->statuses, "Only in this status; repeatable")
      .Value("--user", "NAME", options->user, "Only of this user")
      .Value("--pool", "NAME", options->pool, "Only of this pool")
      .Footer(kFooter);
}

}  // namespace muster::cli
