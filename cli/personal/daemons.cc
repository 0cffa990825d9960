#include "cli/personal/daemons.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <ostream>
#include <sstream>
#include <system_error>
#include <thread>

#include "cli/owned_fd.h"
#include "cli/personal/programs.h"
#include "cli/table.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/cluster.grpc.pb.h"
#include "security/pinned_ca.h"
#include "security/secret_file.h"
#include "security/token.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
namespace v1 = muster::v1;

constexpr char kServerName[] = "musterd";
constexpr Duration kServerPatience = std::chrono::seconds(30);
constexpr Duration kNodesPatience = std::chrono::seconds(30);
constexpr Duration kOnePatience = std::chrono::seconds(1);
constexpr Duration kStopPatience = std::chrono::seconds(5);
constexpr Duration kPause = std::chrono::milliseconds(50);
constexpr std::size_t kTailLines = 8;
constexpr std::streamoff kTailBytes = 4096;
constexpr mode_t kOwnMode = 0700;
// Jobs of root run as another account, which goes through these.
constexpr mode_t kOpenMode = 0711;

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<std::string> LastLines(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Printable(line));
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  return lines;
}

// Could a server listen at this address of an earlier start?
bool IsFree(const std::string& address) {
  const std::string port = address.substr(address.rfind(':') + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || number == 0) return false;
  const OwnedFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  place.sin_port = htons(number);
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
}

Outcome<void> MakeDirectory(const fs::path& path, mode_t mode) {
  MUSTER_CLI_TRY(security::MakeSecretDirectory(path));
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
    return FailWith(UsageError(path.string() + " belongs to another user, or is a link"));
  }
  if (chmod(path.c_str(), mode) == 0) return {};
  return FailWith(UsageError("cannot set the mode of " + path.string()));
}

}  // namespace

PersonalLife LookAt(const PersonalRecord& record) {
  PersonalLife life;
  life.server = record.server && IsAlive(*record.server);
  for (const PersonalNode& node : record.nodes) {
    life.nodes.push_back(node.process && IsAlive(*node.process));
  }
  return life;
}

Outcome<std::unique_ptr<Client>> ConnectPersonal(const PersonalLayout& layout,
                                                 const std::string& address, Session& session,
                                                 Duration patience) {
  MUSTER_CLI_ASSIGN(const std::string text, security::ReadSecretFile(layout.AdminToken()));
  MUSTER_CLI_ASSIGN(const security::TokenText token, security::ParseToken(text));
  auto ca = security::FetchPinnedCa(address, token.ca_fingerprint, patience);
  if (!ca) return FailWith(Failure(ExitCode::kUnreachable, std::move(ca).error()));
  auto client =
      std::make_unique<Client>(Config{address, "default", security::BearerOf(token), *ca},
                               [&session](const std::string& line) { session.Note(line); });
  MUSTER_CLI_TRY(Call<v1::AdminService>(*client, &v1::AdminService::Stub::GetServerStatus,
                                        v1::GetServerStatusRequest(), patience));
  return client;
}

Outcome<v1::ListNodesReply> ListAllNodes(Client& client) {
  return Call<v1::NodeService>(client, &v1::NodeService::Stub::ListNodes, v1::ListNodesRequest());
}

std::size_t ConnectedNodes(const PersonalRecord& record, const v1::ListNodesReply& reply) {
  const auto is_connected = [&](const PersonalNode& node) {
    return std::any_of(reply.nodes().begin(), reply.nodes().end(), [&](const v1::Node& known) {
      return known.id() == node.name && known.connected();
    });
  };
  return static_cast<std::size_t>(
      std::count_if(record.nodes.begin(), record.nodes.end(), is_connected));
}

Outcome<void> PersonalDaemons::Carry(const UpPlan& plan) {
  record_ = plan.record;
  MUSTER_CLI_TRY(MakeDirectories());
  MUSTER_CLI_TRY(Save());
  std::vector<std::size_t> start_nodes = plan.start_nodes;
  const std::string before = record_.address;
  if (plan.start_server) MUSTER_CLI_TRY(StartServer());
  MUSTER_CLI_TRY(WaitForServer());
  if (record_.address != before) {
    // Agents that run know the old address.
    start_nodes.clear();
    std::vector<ProcessMark> old;
    for (std::size_t i = 0; i < record_.nodes.size(); ++i) {
      start_nodes.push_back(i);
      if (record_.nodes[i].process) old.push_back(*record_.nodes[i].process);
    }
    EndProcesses(old, kStopPatience);
  }
  for (const std::size_t i : start_nodes) MUSTER_CLI_TRY(StartNode(record_.nodes[i]));
  return WaitForNodes();
}

Outcome<void> PersonalDaemons::Save() {
  MUSTER_CLI_TRY(SaveRecord(layout_.Record(), record_));
  return {};
}

Outcome<void> PersonalDaemons::MakeDirectories() {
  const mode_t open = geteuid() == 0 ? kOpenMode : kOwnMode;
  MUSTER_CLI_TRY(MakeDirectory(layout_.root, open));
  MUSTER_CLI_TRY(MakeDirectory(layout_.Logs(), kOwnMode));
  MUSTER_CLI_TRY(MakeDirectory(layout_.Server(), kOwnMode));
  MUSTER_CLI_TRY(MakeDirectory(layout_.Nodes(), open));
  for (const PersonalNode& node : record_.nodes) {
    MUSTER_CLI_TRY(MakeDirectory(layout_.Node(node.name), open));
  }
  return {};
}

Outcome<void> PersonalDaemons::StartDaemon(const std::string& program,
                                           std::vector<std::string> arguments,
                                           const std::string& log,
                                           std::optional<ProcessMark>& mark) {
  MUSTER_CLI_ASSIGN(const fs::path path, FindDaemon(program));
  arguments.insert(arguments.end(), {"--log-file", layout_.Log(log).string()});
  MUSTER_CLI_ASSIGN(HeldDaemon daemon,
                    HeldDaemon::Start({path, std::move(arguments), layout_.Log(log)}));
  mark = daemon.mark();
  MUSTER_CLI_TRY(Save());
  MUSTER_CLI_TRY(daemon.Release());
  return {};
}

Outcome<void> PersonalDaemons::StartServer() {
  // What is there is of an earlier start.
  std::error_code ignored;
  fs::remove(layout_.Address(), ignored);
  const std::string listen = IsFree(record_.address) ? record_.address : "127.0.0.1:0";
  return StartDaemon(kServerName, {"--state-dir", layout_.Server().string(), "--listen", listen},
                     kServerName, record_.server);
}

Outcome<void> PersonalDaemons::StartNode(PersonalNode& node) {
  std::vector<std::string> arguments = {"--virtual",
                                        "--node-id",
                                        node.name,
                                        "--directory",
                                        layout_.Node(node.name).string(),
                                        "--server",
                                        record_.address,
                                        "--slots",
                                        std::to_string(node.slots),
                                        "--join-token-file",
                                        layout_.JoinToken().string()};
  if (!record_.interpreter.empty()) {
    arguments.insert(arguments.end(), {"--interpreter", record_.interpreter});
  }
  return StartDaemon("muster-agent", std::move(arguments), node.name, node.process);
}

Outcome<void> PersonalDaemons::Wait(
    const std::string& what, Duration patience,
    const std::function<Outcome<bool>(std::string& progress)>& is_done) {
  const SteadyPoint deadline = ReadClock().steady + patience;
  std::string shown;
  const auto show = [&](const std::string& text) {
    if (!session_.terminal.err || text == shown) return;
    shown = text;
    session_.err << "\r\x1b[K" << text << std::flush;
  };
  while (true) {
    std::string progress = what;
    const Outcome<bool> done = is_done(progress);
    if (!done || *done) {
      show("");
      if (!done) return FailWith(done.error());
      return {};
    }
    show(progress);
    if (ReadClock().steady > deadline) {
      show("");
      return FailWith(Failure(ExitCode::kUnreachable,
                              {ErrorCode::kDeadlineExceeded, ErrorReason::kUnspecified,
                               progress + ": not within " +
                                   std::to_string(patience / std::chrono::seconds(1)) + " s"}));
    }
    std::this_thread::sleep_for(kPause);
  }
}

Outcome<void> PersonalDaemons::WaitForServer() {
  const auto is_done = [&](std::string&) -> Outcome<bool> {
    if (!record_.server || !IsAlive(*record_.server)) {
      return FailWith(FailureOfDaemon("the server has ended", kServerName));
    }
    const std::string address = FirstLine(layout_.Address());
    if (address.empty()) return false;
    auto client = ConnectPersonal(layout_, address, session_, kOnePatience);
    if (!client && client.error().exit_code == ExitCode::kUnreachable) return false;
    if (!client) return FailWith(client.error());
    client_ = std::move(*client);
    record_.address = address;
    return true;
  };
  const Outcome<void> waited = Wait("waiting for the server", kServerPatience, is_done);
  if (!waited && waited.error().error.code == ErrorCode::kDeadlineExceeded) {
    return FailWith(FailureOfDaemon(waited.error().error.message, kServerName));
  }
  MUSTER_CLI_TRY(waited);
  return Save();
}

Outcome<void> PersonalDaemons::WaitForNodes() {
  const std::size_t wanted = record_.nodes.size();
  std::string missing;  // name of a node that is not connected
  const auto is_done = [&](std::string& progress) -> Outcome<bool> {
    for (const PersonalNode& node : record_.nodes) {
      if (node.process && IsAlive(*node.process)) continue;
      return FailWith(FailureOfDaemon("the agent of " + node.name + " has ended", node.name));
    }
    MUSTER_CLI_ASSIGN(const v1::ListNodesReply reply, ListAllNodes(*client_));
    const std::size_t connected = ConnectedNodes(record_, reply);
    progress = "waiting for nodes: " + std::to_string(connected) + " of " + std::to_string(wanted) +
               " connected";
    for (const PersonalNode& node : record_.nodes) {
      PersonalRecord one;
      one.nodes.push_back(node);
      if (ConnectedNodes(one, reply) == 0) missing = node.name;
    }
    return connected == wanted;
  };
  Outcome<void> waited = Wait("waiting for nodes", kNodesPatience, is_done);
  if (!waited && waited.error().error.code == ErrorCode::kDeadlineExceeded) {
    return FailWith(FailureOfDaemon(waited.error().error.message, missing));
  }
  return waited;
}

Failure PersonalDaemons::FailureOfDaemon(const std::string& sentence,
                                         const std::string& log) const {
  const fs::path path = layout_.Log(log);
  std::vector<Fault> faults;
  for (std::string& line : LastLines(path)) faults.push_back({"", "", std::move(line)});
  return {
      ExitCode::kUnreachable,
      {ErrorCode::kUnavailable, ErrorReason::kUnspecified,
       sentence + (faults.empty() ? "; its log is empty: " : "; its log ends so: ") + path.string(),
       std::move(faults)}};
}

}  // namespace muster::cli
