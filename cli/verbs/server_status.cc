#include <ostream>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs/verbs.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

constexpr char kFooter[] =
    "Example:\n"
    "  muster server status\n"
    "\n"
    "Exit code 1 if the server is short of disk space and refuses new work.\n"
    "JSON: the fields of GetServerStatusReply.";

std::string Report(const v1::GetServerStatusReply& status, const Config& config) {
  const std::int64_t now_us = ToMicros(ReadClock().wall);
  return LayOutProperties(
      {{"Server", config.server},
       {"Version", status.version()},
       {"Started", FormatLocalTime(status.started_us()) + " (start " +
                       std::to_string(status.epoch()) + ", up " +
                       FormatSpan(status.started_us(), 0, now_us) + ")"},
       {"Jobs", std::to_string(status.jobs_active()) + " active, " +
                    std::to_string(status.jobs_waiting()) + " waiting"},
       {"Nodes", std::to_string(status.nodes_connected()) + " of " +
                     std::to_string(status.nodes()) + " connected"},
       {"Events", std::to_string(status.last_sequence())},
       {"Free disk", FormatBytes(status.free_disk_bytes()) + " (reserve " +
                         FormatBytes(status.disk_reserve_bytes()) + ")"},
       {"Disk low", status.disk_low() ? "yes: new work is refused until there is room" : ""}});
}

Outcome<ExitCode> Run(Session& session) {
  MUSTER_CLI_ASSIGN(Client* const client, session.Connect());
  MUSTER_CLI_ASSIGN(const v1::GetServerStatusReply reply,
                    Call<v1::AdminService>(*client, &v1::AdminService::Stub::GetServerStatus,
                                           v1::GetServerStatusRequest()));
  if (session.json) {
    session.PrintJson(reply);
  } else {
    session.out << Report(reply, client->config());
  }
  return reply.disk_low() ? ExitCode::kNegative : ExitCode::kOk;
}

}  // namespace

void AddServerStatus(CommandLine& line) {
  line.Add("server status", "Is the server well?", Run).Footer(kFooter);
}

}  // namespace muster::cli
