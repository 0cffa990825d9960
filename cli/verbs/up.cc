#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <thread>

#include "cli/config.h"
#include "cli/personal/daemons.h"
#include "cli/personal/lock.h"
#include "cli/personal/login.h"
#include "cli/personal/report.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "security/secret_file.h"

namespace muster::cli {
namespace {

constexpr Duration kLockPatience = std::chrono::minutes(2);

constexpr char kFooter[] =
    "Examples:\n"
    "  muster up\n"
    "  muster up --nodes 2 --slots 4\n"
    "  muster up --interpreter ~/venv/bin/python3\n"
    "\n"
    "A server for you alone, on this machine's loopback, with nodes that are directories of "
    "yours.\n"
    "Logs you in to it: `muster` and Workspace.from_config() use it from now on. Once more: "
    "starts\n"
    "what is missing (after a reboot, too: with all jobs), adds nodes, never takes one away.\n"
    "State and logs: $XDG_STATE_HOME/muster/personal, else ~/.local/state/muster/personal.\n"
    "JSON: as `muster status`.";

struct Options {
  UpRequest request;
  std::optional<std::string> directory;
  bool force = false;
};

Outcome<void> CheckInterpreter(std::optional<std::string>& interpreter) {
  if (!interpreter) return {};
  const std::filesystem::path path = std::filesystem::absolute(*interpreter);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return FailWith(UsageError("--interpreter " + path.string() + " is no file"));
  }
  // Not resolved further: an interpreter finds its environment by the name it is called by.
  interpreter = path.lexically_normal().string();
  return {};
}

Outcome<ExitCode> Run(Session& session, const Options& options) {
  UpRequest request = options.request;
  MUSTER_CLI_TRY(CheckInterpreter(request.interpreter));
  MUSTER_CLI_ASSIGN(const PersonalLayout layout, FindLayout(options.directory));
  MUSTER_CLI_ASSIGN(const std::filesystem::path login, ConfigPath());
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  MUSTER_CLI_TRY(PlanUp({}, {}, request, cores));  // before anything is made
  MUSTER_CLI_TRY(CheckLogin(login, layout, options.force));
  umask(022);  // of directories on the way; what is secret has a mode of its own
  MUSTER_CLI_TRY(security::MakeSecretDirectory(layout.root));
  MUSTER_CLI_ASSIGN(const OwnedFd lock,
                    LockPersonal(layout.Lock(), kLockPatience,
                                 [&](const std::string& line) { session.Note(line); }));
  MUSTER_CLI_ASSIGN(const std::optional<PersonalRecord> found, LoadRecord(layout.Record()));
  const PersonalRecord record = found.value_or(PersonalRecord());
  MUSTER_CLI_ASSIGN(const UpPlan plan, PlanUp(record, LookAt(record), request, cores));
  for (const std::string& note : plan.notes) session.Note(note);
  PersonalDaemons daemons(session, layout, record);
  MUSTER_CLI_TRY(daemons.Carry(plan));
  MUSTER_CLI_ASSIGN(const auto client,
                    ConnectPersonal(layout, daemons.record().address, session, kReadPatience));
  MUSTER_CLI_TRY(WriteLogin(login, layout, client->config(), options.force));
  const PersonalReport report = MakeReport(layout, daemons.record(), session);
  if (session.json) {
    session.out << ReportJson(report);
  } else {
    session.Note(plan.NothingToDo() ? "your server was up already" : "your server is up");
    session.out << ReportText(report);
  }
  return ExitCodeOf(report.state);
}

}  // namespace

void AddUp(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.Add("up", "Start a server and nodes of your own on this machine",
           [options](Session& session) { return Run(session, *options); })
      .Value("--nodes", "N", options->request.nodes, "Nodes, 1 to 64 (default: 1, or as before)")
      .Value("--slots", "S", options->request.slots,
             "Processes that a node runs at once (default: the machine's cores, at least 2)")
      .Value("--interpreter", "FILE", options->request.interpreter,
             "Python of the jobs (default: /usr/bin/python3)")
      .Value("--dir", "DIR", options->directory, "Where state and logs lie")
      .Flag("--force", options->force, "Replace the login to another server")
      .Footer(kFooter);
}

}  // namespace muster::cli
