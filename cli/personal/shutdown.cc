#include "cli/personal/shutdown.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "cli/client.h"
#include "cli/personal/attempts.h"
#include "cli/personal/daemons.h"
#include "cli/table.h"
#include "muster/v1/admin.grpc.pb.h"
#include "muster/v1/jobs.grpc.pb.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;
namespace v1 = muster::v1;

constexpr Duration kAskPatience = std::chrono::seconds(2);
constexpr Duration kJobsPatience = std::chrono::seconds(60);
// A planned stop of the server takes up to 5 s.
constexpr Duration kServerPatience = std::chrono::seconds(10);
constexpr Duration kAgentPatience = std::chrono::seconds(5);
constexpr Duration kAttemptPatience = std::chrono::seconds(5);
constexpr Duration kPause = std::chrono::milliseconds(100);
constexpr std::uint32_t kPageMax = 1000;

Error StillThere(const std::string& what) {
  return {ErrorCode::kInternal, ErrorReason::kUnspecified,
          what + " outlived SIGKILL; the machine's log may say why"};
}

Outcome<v1::GetServerStatusReply> AskStatus(Client& client) {
  return Call<v1::AdminService>(client, &v1::AdminService::Stub::GetServerStatus,
                                v1::GetServerStatusRequest());
}

Outcome<void> CancelJobsOf(Client& client, const std::string& workspace) {
  v1::ListJobsRequest request;
  request.set_workspace(workspace);
  request.set_page_size(kPageMax);
  for (const v1::JobStatus status :
       {v1::JOB_STATUS_NOT_STARTED, v1::JOB_STATUS_STARTING, v1::JOB_STATUS_PROVISIONING,
        v1::JOB_STATUS_PREPARING, v1::JOB_STATUS_QUEUED, v1::JOB_STATUS_RUNNING,
        v1::JOB_STATUS_FINALIZING, v1::JOB_STATUS_NOT_RESPONDING}) {
    request.add_statuses(status);
  }
  MUSTER_CLI_ASSIGN(
      const v1::ListJobsReply jobs,
      (CallForPages<v1::JobService>(client, &v1::JobService::Stub::ListJobs, request,
                                    [](v1::ListJobsRequest&, const v1::ListJobsReply&) {})));
  // The newest first: those that wait do not start when those that run make room.
  for (const v1::Job& job : jobs.jobs()) {
    v1::CancelJobRequest cancel;
    cancel.set_workspace(workspace);
    cancel.set_job_id(job.id());
    cancel.set_request_id(NewRequestId(client.random()));
    MUSTER_CLI_TRY(Call<v1::JobService>(client, &v1::JobService::Stub::CancelJob, cancel));
  }
  return {};
}

// As the kernel's tables write a path.
std::string MountName(const fs::path& path) {
  std::string name;
  for (const char c : path.native()) {
    switch (c) {
      case ' ':
        name += "\\040";
        break;
      case '\t':
        name += "\\011";
        break;
      case '\n':
        name += "\\012";
        break;
      case '\\':
        name += "\\134";
        break;
      default:
        name += c;
    }
  }
  return name;
}

// Where something is mounted below the directory; "" for nowhere.
std::string MountBelow(const fs::path& directory) {
  const std::string start = MountName(directory) + "/";
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string skipped, place;
    fields >> skipped >> skipped >> skipped >> skipped >> place;
    if (place.starts_with(start)) return place;
  }
  return {};
}

// A job may have left directories that their owner cannot enter.
void OpenForRemoval(const fs::path& directory) {
  std::error_code error;
  fs::directory_iterator iterator(directory, error);
  for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
    std::error_code ignored;
    if (fs::symlink_status(iterator->path(), ignored).type() != fs::file_type::directory) continue;
    chmod(iterator->path().c_str(), 0700);
    OpenForRemoval(iterator->path());
  }
}

}  // namespace

DownFacts LookForDown(const PersonalLayout& layout, const PersonalRecord& record,
                      Session& session) {
  DownFacts facts;
  const PersonalLife life = LookAt(record);
  facts.running = life.server;
  for (const bool alive : life.nodes) facts.running = facts.running || alive;
  if (life.server) {
    if (const auto client = ConnectPersonal(layout, record.address, session, kAskPatience)) {
      if (const auto status = AskStatus(**client)) {
        facts.server_answers = true;
        facts.jobs_active = status->jobs_active();
        facts.jobs_waiting = status->jobs_waiting();
      }
    }
  }
  if (!facts.server_answers) facts.attempts = LiveAttempts(layout).size();
  facts.running = facts.running || facts.attempts > 0;
  return facts;
}

Outcome<bool> CancelJobs(const PersonalLayout& layout, const PersonalRecord& record,
                         Session& session) {
  MUSTER_CLI_ASSIGN(const auto client,
                    ConnectPersonal(layout, record.address, session, kAskPatience));
  MUSTER_CLI_ASSIGN(const v1::ListWorkspacesReply workspaces,
                    Call<v1::AdminService>(*client, &v1::AdminService::Stub::ListWorkspaces,
                                           v1::ListWorkspacesRequest()));
  for (const std::string& workspace : workspaces.names()) {
    MUSTER_CLI_TRY(CancelJobsOf(*client, workspace));
  }
  const SteadyPoint deadline = ReadClock().steady + kJobsPatience;
  while (true) {
    MUSTER_CLI_ASSIGN(const v1::GetServerStatusReply status, AskStatus(*client));
    if (status.jobs_active() + status.jobs_waiting() == 0) return true;
    if (ReadClock().steady > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
}

Outcome<void> StopAll(const PersonalLayout& layout, PersonalRecord& record) {
  // The server first, so that nothing new starts; agents that are left alone keep what runs.
  if (record.server && !EndProcesses({*record.server}, kServerPatience).empty()) {
    return FailWith(StillThere("the server"));
  }
  std::vector<ProcessMark> agents;
  for (const PersonalNode& node : record.nodes) {
    if (node.process) agents.push_back(*node.process);
  }
  if (!EndProcesses(agents, kAgentPatience).empty()) return FailWith(StillThere("an agent"));
  const auto left = EndAttempts(layout, kAttemptPatience);
  if (!left.empty()) return FailWith(StillThere("the job in " + Printable(left.front().string())));
  record.server.reset();
  for (PersonalNode& node : record.nodes) node.process.reset();
  MUSTER_CLI_TRY(SaveRecord(layout.Record(), record));
  return {};
}

Outcome<void> Purge(const PersonalLayout& layout) {
  const std::string mount = MountBelow(layout.root);
  if (!mount.empty()) {
    return FailWith(UsageError("something is mounted at " + Printable(mount) +
                               ": unmount it; nothing was removed"));
  }
  std::error_code error;
  // The record last: what is left of an interrupted purge can be purged again.
  for (const fs::path& path :
       {layout.Nodes(), layout.Server(), layout.Logs(), layout.Record(), layout.Lock()}) {
    if (fs::symlink_status(path, error).type() == fs::file_type::directory) OpenForRemoval(path);
    fs::remove_all(path, error);
    if (error) {
      return FailWith(UsageError("cannot remove " + path.string() + ": " + error.message()));
    }
  }
  fs::remove(layout.root, error);  // unless somebody keeps something in it
  return {};
}

}  // namespace muster::cli
