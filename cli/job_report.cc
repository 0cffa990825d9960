#include "cli/job_report.h"

#include <algorithm>

#include "cli/format.h"
#include "cli/table.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

std::string Words(const google::protobuf::RepeatedPtrField<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"") == std::string::npos;
    text += plain ? word : "'" + word + "'";
  }
  return text;
}

std::string Size(const v1::Job& job) {
  const auto ranks = std::uint64_t{job.node_count()} * job.process_count_per_node();
  const auto count = [](std::uint64_t n, const std::string& what, const char* plural) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : plural);
  };
  return count(job.node_count(), "node", "s") + " x " +
         count(job.process_count_per_node(), "process", "es") + " = " + count(ranks, "rank", "s");
}

std::string Backend(v1::Communicator communicator) {
  switch (communicator) {
    case v1::COMMUNICATOR_MPI:
      return "mpi";
    case v1::COMMUNICATOR_GLOO:
      return "gloo";
    case v1::COMMUNICATOR_NCCL:
      return "nccl";
    case v1::COMMUNICATOR_PARAMETER_SERVER:
      return "parameter server";
    default:
      return "";  // protobuf's sentinels, and none
  }
}

std::string Data(const v1::JobSpec& spec) {
  std::string text;
  for (const v1::DataReference& reference : spec.data_references()) {
    if (!text.empty()) text += ", ";
    text += reference.name() + "=" + reference.datastore();
    if (!reference.path().empty()) text += "/" + reference.path();
  }
  return text;
}

std::string Tags(const v1::Job& job) {
  std::string text;
  for (const auto& [name, value] : job.tags()) {
    text += (text.empty() ? "" : ", ") + name + "=" + value;
  }
  return text;
}

std::string Waiting(const v1::Job& job) {
  if (!job.has_pending()) return {};
  std::string text = job.pending().message();
  if (job.pending().position() > 0) {
    text += " (place " + std::to_string(job.pending().position()) + " in the queue)";
  }
  return text;
}

std::string Summary(const v1::Job& job, std::int64_t now_us) {
  const v1::JobSpec& spec = job.has_resolved_spec() ? job.resolved_spec() : job.spec();
  return LayOutProperties(
      {{"Job", job.id()},
       {"Status", StatusName(job.status())},
       {"Cause", job.cause().message()},
       {"Waits for", Waiting(job)},
       {"Experiment", job.experiment()},
       {"Script", spec.script() + (spec.arguments().empty() ? "" : " ") + Words(spec.arguments())},
       {"Size", Size(job)},
       {"Backend", Backend(spec.communicator())},
       {"Data", Data(spec)},
       {"Pool", job.pool()},
       {"Priority", job.priority() == 0 ? "" : std::to_string(job.priority())},
       {"User", job.user()},
       {"Tags", Tags(job)},
       {"Submitted", FormatLocalTime(job.submitted_us())},
       {"Started", FormatLocalTime(job.started_us())},
       {"Ended", FormatLocalTime(job.ended_us())},
       {"Duration", FormatSpan(job.started_us(), job.ended_us(), now_us)}});
}

std::string Nodes(const v1::AttemptInfo& attempt) {
  std::string text;
  for (const std::string& node : attempt.node_ids()) text += (text.empty() ? "" : ", ") + node;
  return text;
}

std::string Attempts(const v1::Job& job, std::int64_t now_us, std::size_t max_width) {
  Table table{{{"ATTEMPT", Align::kRight},
               {"PHASE"},
               {"NODES", Align::kLeft, true},
               {"CREATED"},
               {"RUNNING AFTER", Align::kRight},
               {"DURATION", Align::kRight},
               {"CAUSE", Align::kLeft, true}},
              {}};
  for (const v1::AttemptInfo& attempt : job.attempts()) {
    const bool ran = attempt.running_us() != 0;
    table.rows.push_back({std::to_string(attempt.number()), attempt.phase(), Nodes(attempt),
                          FormatLocalTime(attempt.created_us()),
                          ran ? FormatSpan(attempt.created_us(), attempt.running_us(), now_us) : "",
                          FormatSpan(attempt.running_us(), attempt.ended_us(), now_us),
                          attempt.cause().message()});
  }
  return LayOut(table, max_width);
}

std::string Ranks(const v1::AttemptInfo& attempt, std::int64_t now_us, std::size_t max_width) {
  Table table{{{"RANK", Align::kRight},
               {"NODE", Align::kLeft, true},
               {"RESULT"},
               {"STARTED"},
               {"DURATION", Align::kRight}},
              {}};
  for (const v1::RankResult& rank : attempt.ranks()) {
    table.rows.push_back({std::to_string(rank.rank()), rank.node_id(), RankOutcome(rank),
                          FormatLocalTime(rank.started_us()),
                          FormatSpan(rank.started_us(), rank.ended_us(), now_us)});
  }
  return LayOut(table, max_width);
}

// As the script wrote them, line by line, but without what could command the terminal.
std::string LastLines(const std::string& log) {
  std::string text;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    text += "  " + Printable(log.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

}  // namespace

std::string ReportJob(const v1::Job& job, std::int64_t now_us, std::size_t max_width) {
  std::string text = Summary(job, now_us);
  if (job.attempts().empty()) return text;
  text += "\n" + Attempts(job, now_us, max_width);
  const v1::AttemptInfo& last = *job.attempts().rbegin();
  if (!last.ranks().empty()) text += "\n" + Ranks(last, now_us, max_width);
  if (!last.last_log_lines().empty()) {
    text += "\nLast lines of the log:\n" + LastLines(last.last_log_lines());
  }
  return text;
}

}  // namespace muster::cli
