#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace muster::cli {
namespace {

constexpr char kFooter[] =
    "Example:\n"
    "  muster version\n"
    "\n"
    "Of this program; `muster server status` shows the server's. JSON: {\"version\", "
    "\"protocol\"}.";

Outcome<ExitCode> Run(Session& session) {
  if (session.json) {
    const nlohmann::json document = {{"version", MUSTER_VERSION}, {"protocol", "muster.v1"}};
    session.out << document.dump(1) << "\n";
  } else {
    session.out << "muster " MUSTER_VERSION "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddVersion(CommandLine& line) {
  line.Add("version", "Show the version of this program", Run).Footer(kFooter);
}

}  // namespace muster::cli
