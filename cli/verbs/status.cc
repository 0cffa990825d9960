#include <memory>
#include <ostream>

#include "cli/personal/report.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  muster status\n"
    "\n"
    "Of the server that `muster up` starts; `muster server status` asks the one you are logged in\n"
    "to. Exit codes: 0 up, 1 partly (`muster up` starts what is missing), 3 down.\n"
    "JSON: {\"state\": \"up|partly|down\", \"directory\", \"address\", \"pid\", \"nodes\": "
    "[{\"id\", "
    "\"slots\",\n"
    "\"connected\", \"pid\"}], \"jobs_active\", \"jobs_waiting\"}; null is what is not known or "
    "not "
    "there.";

Outcome<ExitCode> Run(Session& session, const std::optional<std::string>& directory) {
  MUSTER_CLI_ASSIGN(const PersonalLayout layout, FindLayout(directory));
  MUSTER_CLI_ASSIGN(const std::optional<PersonalRecord> record, LoadRecord(layout.Record()));
  const PersonalReport report = MakeReport(layout, record.value_or(PersonalRecord()), session);
  if (session.json) {
    session.out << ReportJson(report);
  } else if (!record) {
    session.out << "there is no server of yours in " << Printable(layout.root.string())
                << "; `muster up` starts one\n";
  } else {
    session.out << ReportText(report);
  }
  return ExitCodeOf(report.state);
}

}  // namespace

void AddStatus(CommandLine& line) {
  const auto directory = std::make_shared<std::optional<std::string>>();
  line.Add("status", "Is your own server up?",
           [directory](Session& session) { return Run(session, *directory); })
      .Value("--dir", "DIR", *directory, "Where its state lies")
      .Footer(kFooter);
}

}  // namespace muster::cli
