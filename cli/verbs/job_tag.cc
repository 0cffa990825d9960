#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/tracking.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job tag --set quality=good --set checked digits_1790000000_0a1b2c3d\n"
    "  muster job tag --remove checked digits_1790000000_0a1b2c3d\n"
    "  muster job tag digits_1790000000_0a1b2c3d\n"
    "\n"
    "Shows the tags after the change; without one, those that there are.\n"
    "JSON: the run, {\"id\": ..., \"tags\": [...], ...}.";

struct Options {
  std::string job_id;
  std::vector<std::string> set, remove;
};

// "key=value", or "key" for a tag without a value.
void ToTag(const std::string& word, v1::Tag& tag) {
  const std::size_t equals = word.find('=');
  tag.set_key(word.substr(0, equals));
  if (equals != std::string::npos) tag.set_value(word.substr(equals + 1));
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  if (!options.set.empty() || !options.remove.empty()) {
    v1::UpdateRunRequest change;
    change.set_workspace(session.workspace());
    change.set_run_id(options.job_id);
    change.set_request_id(NewRequestId(client->random()));
    for (const std::string& word : options.set) ToTag(word, *change.add_set_tags());
    for (const std::string& key : options.remove) change.add_remove_tags(key);
    MUSTER_CLI_TRY(Call<v1::TrackingService>(*client, &v1::TrackingService::Stub::UpdateRun, change,
                                             kSubmitPatience));
  }
  v1::GetRunRequest request;
  request.set_workspace(session.workspace());
  request.set_run_id(options.job_id);
  MUSTER_CLI_ASSIGN(
      const v1::GetRunReply reply,
      Call<v1::TrackingService>(*client, &v1::TrackingService::Stub::GetRun, request));
  if (session.json) {
    session.PrintJson(reply.run());
    return ExitCode::kOk;
  }
  Table table{{{"TAG"}, {"VALUE", Align::kLeft, true}}, {}};
  for (const v1::Tag& tag : reply.run().tags()) table.rows.push_back({tag.key(), tag.value()});
  session.out << LayOut(table, session.terminal.width);
  return ExitCode::kOk;
}

}  // namespace

void AddJobTag(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("job tag", "Set, remove and show tags of a job",
           [options](Session& session) { return Run(session, *options); })
      .Argument("JOB", options->job_id, "Id of the job, or of another run")
      .Values("--set", "KEY[=VALUE]", options->set, "Set a tag; repeatable")
      .Values("--remove", "KEY", options->remove, "Remove a tag; repeatable")
      .Footer(kFooter);
}

}  // namespace muster::cli
