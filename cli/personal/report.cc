#include "cli/personal/report.h"

#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/personal/daemons.h"
#include "cli/table.h"
#include "muster/v1/admin.grpc.pb.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;
using nlohmann::json;

constexpr Duration kAskPatience = std::chrono::seconds(2);

bool IsConnected(const PersonalReport& report, const std::string& name) {
  for (const v1::Node& node : report.nodes.nodes()) {
    if (node.id() == name) return node.connected();
  }
  return false;
}

std::string Pid(const std::optional<ProcessMark>& mark) {
  return mark ? " (process " + std::to_string(mark->pid) + ")" : "";
}

std::string ServerText(const PersonalReport& report) {
  if (!report.life.server) return "down";
  return (report.server_answers ? "up" : "does not answer") + Pid(report.record.server);
}

std::string NodeText(const PersonalReport& report, std::size_t i) {
  const PersonalNode& node = report.record.nodes[i];
  const std::string slots =
      ", " + std::to_string(node.slots) + (node.slots == 1 ? " slot" : " slots");
  if (!report.life.nodes[i]) return "down" + slots;
  return (IsConnected(report, node.name) ? "connected" : "not connected") + slots +
         Pid(node.process);
}

json PidJson(const std::optional<ProcessMark>& mark, bool alive) {
  return mark && alive ? json(mark->pid) : json(nullptr);
}

}  // namespace

PersonalReport MakeReport(const PersonalLayout& layout, const PersonalRecord& record,
                          Session& session) {
  PersonalReport report;
  report.directory = layout.root.string();
  report.record = record;
  report.life = LookAt(record);
  if (report.life.server) {
    const auto client = ConnectPersonal(layout, record.address, session, kAskPatience);
    if (client) {
      const auto server = Call<v1::AdminService>(**client, &v1::AdminService::Stub::GetServerStatus,
                                                 v1::GetServerStatusRequest());
      const auto nodes = ListAllNodes(**client);
      report.server_answers = server && nodes;
      if (server) report.server = *server;
      if (nodes) report.nodes = *nodes;
    }
  }
  report.state = StateOf(report.life, report.server_answers, ConnectedNodes(record, report.nodes));
  return report;
}

std::string ReportText(const PersonalReport& report) {
  std::vector<Property> lines = {{"Server", ServerText(report)},
                                 {"Address", report.record.address}};
  for (std::size_t i = 0; i < report.record.nodes.size(); ++i) {
    lines.push_back(
        {i == 0 ? "Nodes" : "", report.record.nodes[i].name + ": " + NodeText(report, i)});
  }
  if (report.server_answers) {
    lines.push_back({"Jobs", std::to_string(report.server.jobs_active()) + " running, " +
                                 std::to_string(report.server.jobs_waiting()) + " waiting"});
  }
  lines.push_back({"Directory", report.directory});
  return LayOutProperties(lines);
}

std::string ReportJson(const PersonalReport& report) {
  json nodes = json::array();
  for (std::size_t i = 0; i < report.record.nodes.size(); ++i) {
    const PersonalNode& node = report.record.nodes[i];
    nodes.push_back({{"id", node.name},
                     {"slots", node.slots},
                     {"connected", IsConnected(report, node.name)},
                     {"pid", PidJson(node.process, report.life.nodes[i])}});
  }
  json document = {{"state", PersonalStateName(report.state)},
                   {"directory", report.directory},
                   {"address", report.record.address},
                   {"pid", PidJson(report.record.server, report.life.server)},
                   {"nodes", std::move(nodes)},
                   {"jobs_active", nullptr},
                   {"jobs_waiting", nullptr}};
  if (report.server_answers) {
    document["jobs_active"] = report.server.jobs_active();
    document["jobs_waiting"] = report.server.jobs_waiting();
  }
  return document.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

ExitCode ExitCodeOf(PersonalState state) {
  switch (state) {
    case PersonalState::kUp:
      return ExitCode::kOk;
    case PersonalState::kPartly:
      return ExitCode::kNegative;
    case PersonalState::kDown:
      return ExitCode::kUnreachable;
  }
  return ExitCode::kUnreachable;
}

}  // namespace muster::cli
