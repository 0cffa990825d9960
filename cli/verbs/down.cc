#include <memory>
#include <ostream>

#include "cli/config.h"
#include "cli/personal/lock.h"
#include "cli/personal/login.h"
#include "cli/personal/report.h"
#include "cli/personal/shutdown.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr Duration kLockPatience = std::chrono::minutes(2);

constexpr char kFooter[] =
    "Examples:\n"
    "  muster down\n"
    "  muster down --force            # cancels what runs\n"
    "  muster down --purge            # removes jobs, logs and the login, too\n"
    "\n"
    "Ends the server that `muster up` started, and its nodes; state stays for the next `muster "
    "up`.\n"
    "Exit code 1 while jobs run and --force is not given.\n"
    "JSON: as `muster status`.";

struct Options {
  std::optional<std::string> directory;
  bool force = false;
  bool purge = false;
};

// A login to a server that is no more helps nobody.
Outcome<void> PurgeWithLogin(Session& session, const PersonalLayout& layout) {
  MUSTER_CLI_ASSIGN(const std::filesystem::path path, ConfigPath());
  const LoginFacts facts = LookAtLogin(path, layout);  // by the token, which is to go
  MUSTER_CLI_TRY(Purge(layout));
  if (!facts.exists || ChooseLogin(facts, false) != LoginChoice::kUpdate) return {};
  std::error_code error;
  if (std::filesystem::remove(path, error)) session.Note("removed the login " + path.string());
  return {};
}

Outcome<void> Stop(Session& session, const Options& options, const PersonalLayout& layout,
                   PersonalRecord& record) {
  const DownFacts facts = LookForDown(layout, record, session);
  if (!facts.running) return {};
  const DownPlan plan = PlanDown(facts, options.force);
  if (!plan.refusal.empty()) {
    return FailWith(Failure(ExitCode::kNegative,
                            {ErrorCode::kFailedPrecondition, ErrorReason::kInUse, plan.refusal}));
  }
  if (!plan.note.empty()) session.Note(plan.note);
  if (plan.cancel_jobs) {
    MUSTER_CLI_ASSIGN(const bool ended, CancelJobs(layout, record, session));
    if (!ended) session.Note("not all jobs have ended; their processes are killed");
  }
  return StopAll(layout, record);
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  MUSTER_CLI_ASSIGN(const PersonalLayout layout, FindLayout(options.directory));
  std::error_code error;
  PersonalRecord record;
  // A directory without it is none of ours, and nothing in it is touched.
  const bool is_ours = std::filesystem::exists(layout.Record(), error);
  if (is_ours) {
    MUSTER_CLI_ASSIGN(const OwnedFd lock,
                      LockPersonal(layout.Lock(), kLockPatience,
                                   [&](const std::string& line) { session.Note(line); }));
    MUSTER_CLI_ASSIGN(const std::optional<PersonalRecord> found, LoadRecord(layout.Record()));
    record = found.value_or(PersonalRecord());
    MUSTER_CLI_TRY(Stop(session, options, layout, record));
    if (options.purge) MUSTER_CLI_TRY(PurgeWithLogin(session, layout));
  }
  if (session.json) {
    session.out << ReportJson(MakeReport(layout, record, session));
  } else if (!is_ours) {
    session.out << "there is no server of yours in " << Printable(layout.root.string()) << "\n";
  } else if (options.purge) {
    session.out << "your server is down, and " << Printable(layout.root.string())
                << " is removed\n";
  } else {
    session.out << "your server is down; `muster up` starts it again\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddDown(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("down", "End your own server and its nodes",
           [options](Session& session) { return Run(session, *options); })
      .Value("--dir", "DIR", options->directory, "Where its state lies")
      .Flag("--force", options->force, "Cancel jobs that run")
      .Flag("--purge", options->purge, "Remove its state, logs and the login to it as well")
      .Footer(kFooter);
}

}  // namespace muster::cli
