#include <memory>
#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/job_watch.h"
#include "cli/log_stream.h"
#include "cli/pack.h"
#include "cli/session.h"
#include "cli/source_tree.h"
#include "cli/submit_flags.h"
#include "cli/upload.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Examples:\n"
    "  muster job submit --experiment digits --source-directory ./train \\\n"
    "      --entry-script train.py -- --epochs 10\n"
    "  muster job submit --experiment digits --source-directory ./train \\\n"
    "      --entry-script train_mpi.py --node-count 2 --process-count-per-node 2 \\\n"
    "      --distributed-backend mpi --data digits=shared/digits --follow \\\n"
    "      -- --data_dir '$AZUREML_DATAREFERENCE_digits'\n"
    "  muster job submit -f .azureml/digits.runconfig --experiment digits --wait\n"
    "\n"
    "The file of -f (YAML or JSON) has the keys of Azure ML's .runconfig (script, arguments, "
    "target,\n"
    "nodeCount, communicator, mpi.processCountPerNode, environment, dataReferences,\n"
    "maxRunDurationSeconds...; all ages of them) or the names of the job specification's fields\n"
    "(experiment, source_directory, pool, node_count, ...). Flags win over the file. One in "
    ".azureml\n"
    "or aml_config has the directory above as its source directory.\n"
    "Everything in the source directory is packed and sent, except directories named .git and "
    "what\n"
    "the .amlignore (or else the .gitignore) at its top excludes.\n"
    "The job's id is printed on stdout. A server that doesn't answer is tried for 60 s, always "
    "with\n"
    "the same request id, so that no job is submitted twice.\n"
    "JSON: {\"job_id\": \"...\"}; with --wait or --follow the job as it ended.";

struct Options {
  SubmitFlags flags;
  std::optional<std::string> request_id;
  bool wait = false;
  bool follow = false;
};

Outcome<v1::JobSpec> Prepare(Session& session, Client& client, const SubmitFlags& flags) {
  MUSTER_CLI_ASSIGN(SpecFile draft, DraftJob(flags));
  if (!draft.without_effect.empty()) {
    std::string keys;
    for (const auto& key : draft.without_effect) keys += (keys.empty() ? "" : ", ") + key;
    session.Note("keys of the file without effect here: " + keys);
  }
  const std::filesystem::path source = draft.source_directory;
  MUSTER_CLI_ASSIGN(const std::string script, LocateScript(source, draft.spec.script()));
  draft.spec.set_script(script);
  MUSTER_CLI_TRY(RefusePackages(draft, source));
  MUSTER_CLI_ASSIGN(const PackedDirectory packed, PackDirectory(source, script));
  MUSTER_CLI_TRY(UploadIfMissing(session, client, session.workspace(), packed));
  draft.spec.set_snapshot_digest(packed.digest.Hex());
  return std::move(draft.spec);
}

Outcome<ExitCode> Accompany(Session& session, Client& client, const std::string& job_id,
                            bool follow) {
  ExplainInterrupts(job_id);
  if (follow) {
    session.Note("submitted " + job_id);
    // A job that ended without a log still has a cause, which the verdict below tells.
    const auto logs = StreamLog(session, client, {job_id, {}, true});
    if (!logs && logs.error().exit_code != ExitCode::kNegative) return FailWith(logs.error());
  }
  const auto on_event = [&](const v1::JobEvent& event) {
    if (session.terminal.err && !follow) session.Note(StatusName(event.status()));
  };
  MUSTER_CLI_ASSIGN(const v1::Job job, WaitForEnd(client, session.workspace(), job_id, on_event));
  if (session.json) session.PrintJson(job);
  if (follow && job.status() == v1::JOB_STATUS_COMPLETED) session.Note(job_id + " is Completed");
  return Verdict(job);
}

Outcome<ExitCode> Run(Session& session, Options& options) {
  options.flags.script_arguments = session.rest;
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  v1::SubmitJobRequest request;
  MUSTER_CLI_ASSIGN(*request.mutable_spec(), Prepare(session, *client, options.flags));
  request.set_workspace(session.workspace());
  request.set_request_id(options.request_id.value_or(NewRequestId(client->random())));
  MUSTER_CLI_ASSIGN(
      const v1::SubmitJobReply reply,
      Call<v1::JobService>(*client, &v1::JobService::Stub::SubmitJob, request, kSubmitPatience));
  const bool stays = options.wait || options.follow;
  if (!session.json && !options.follow) session.out << reply.job_id() << std::endl;
  if (session.json && !stays) session.PrintJson(reply);
  if (!stays) return ExitCode::kOk;
  return Accompany(session, *client, reply.job_id(), options.follow);
}

}  // namespace

void AddJobSubmit(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  SubmitFlags& flags = options->flags;
  Verb verb = line.Add("job submit", "Submit a job",
                       [options](Session& session) { return Run(session, *options); });
  verb.Value("-f,--file", "FILE", flags.file, "The job as a file (.runconfig keys)")
      .Value("--experiment", "NAME", flags.experiment, "Named series that the job belongs to")
      .Value("--source-directory", "DIR", flags.source_directory, "Directory with the scripts")
      .Value("--entry-script", "FILE", flags.entry_script,
             "Script to run, relative to the source directory")
      .Value("--pool", "NAME", flags.pool, "Pool that runs it (default: default)")
      .Value("--node-count", "N", flags.node_count, "Nodes (default: 1)")
      .Value("--process-count-per-node", "N", flags.process_count_per_node,
             "Processes on each node (default: 1)")
      .Value("--distributed-backend", "mpi|gloo|nccl", flags.backend,
             "How the processes find each other; needed for more than one")
      .Values("--data", "[NAME=]DATASTORE[/PATH]", flags.data,
              "Data for the script at $AZUREML_DATAREFERENCE_<NAME>; repeatable")
      .Values("--env", "NAME=VALUE", flags.environment,
              "Environment variable of the script; repeatable")
      .Values("--tag", "NAME=VALUE", flags.tags, "Tag of the job; repeatable")
      .Value("--priority", "N", flags.priority, "-1000 to 1000, higher first (default: 0)")
      .Value("--max-run-duration", "TIME", flags.max_run_duration,
             "Cancel after this time of running: 90s, 15m, 2h, 1d")
      .Value("--grace-period", "TIME", flags.grace_period,
             "Between SIGTERM and SIGKILL at a cancel (default: 10s)")
      .Value("--node-loss-retries", "N", flags.node_loss_retries,
             "Start again after the loss of a node, so often (default: 0)")
      .Value("--lease", "TIME", flags.lease, "Lease of an attempt that may be retried")
      .Values("--conda-package", "NAME", flags.conda_packages,
              "Package the job asks for; repeatable")
      .Values("--pip-package", "NAME", flags.pip_packages, "Package the job asks for; repeatable")
      .Value("--request-id", "KEY", options->request_id,
             "Idempotency key: the same one again gives the same job")
      .Flag("--wait", options->wait, "Wait for the end; exit 0 if Completed, 1 otherwise")
      .Flag("--follow", options->follow, "Show rank 0's log as it grows, then as --wait")
      .TakesRest()
      .Footer(kFooter);
}

}  // namespace muster::cli
