#include "tests/unit/exec/node_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "agent/shim/files.h"

namespace muster::agent::test {

namespace fs = std::filesystem;

namespace {

constexpr char kDigest[] = "0000000000000000000000000000000000000000000000000000000000000001";

void CopyProgram(const char* from, const std::string& directory) {
  fs::copy_file(from, directory + "/" + fs::path(from).filename().string());
}

}  // namespace

Node::Node(World& world, const std::string& name, Isolation isolation, std::uint64_t log_bytes)
    : world_(world), name_(name), directory_(world.directory() + "/" + name) {
  config_.node = NodeId(name);
  config_.directory = directory_;
  config_.address = "127.0.0.1";
  config_.job_user = "nobody";
  config_.program_directory = world.directory() + "/programs";
  config_.isolation = isolation;
  config_.rank_log_max_bytes = log_bytes;
  Create();
}

void Node::Create() {
  auto runner = Runner::Create(world_.loop(), config_, world_.EventsFor(name_));
  ASSERT_TRUE(runner) << runner.error().message;
  runner_ = std::move(*runner);
}

std::vector<RecoveredAttempt> Node::Restart() {
  runner_.reset();
  Create();
  return runner_->Adopt();
}

std::string Node::AttemptDirectory() const {
  return directory_ + "/attempts/" + World::Id().job.str() + ".1";
}

std::string Node::Log(const std::string& name) const {
  return ReadAll(AttemptDirectory() + "/logs/" + name);
}

int Node::ShimPid() const {
  const auto run = OpenDirectory(AttemptDirectory() + "/run");
  const auto connection = run ? ConnectAt(run->get(), "control.sock") : Fail(run.error());
  if (!connection) return 0;
  ucred peer{};
  socklen_t length = sizeof(peer);
  ::getsockopt(connection->get(), SOL_SOCKET, SO_PEERCRED, &peer, &length);
  return peer.pid;
}

World::World(const std::string& below) {
  char path[] = "/tmp/muster-exec-XXXXXX";
  temporary_ = ::mkdtemp(path);
  ::chmod(temporary_.c_str(), 0755);
  directory_ = below.empty() ? temporary_ : temporary_ + "/" + below;
  fs::create_directories(directory_);
  fs::create_directory(directory_ + "/programs");
  CopyProgram(MUSTER_TEST_SHIM, directory_ + "/programs");
  CopyProgram(MUSTER_TEST_RSH, directory_ + "/programs");
}

World::~World() {
  for (auto& [name, node] : nodes_) {
    if (!node->HasAgent()) node->Restart();
    node->runner().Kill(Id());
  }
  Await([this] {
    for (const auto& [name, node] : nodes_)
      if (node->ShimPid() != 0) return false;
    return true;
  });
  nodes_.clear();
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

Node& World::Add(const std::string& name, Isolation isolation, std::uint64_t log_bytes) {
  nodes_[name] = std::make_unique<Node>(*this, name, isolation, log_bytes);
  return *nodes_[name];
}

RunnerEvents World::EventsFor(const std::string& name) {
  RunnerEvents events;
  events.on_running = [this, name](const AttemptId&) { node(name).running = true; };
  events.on_rank = [this, name](const AttemptId&, const Rank& rank) {
    node(name).ranks[rank.rank] = rank;
    if (rank.ended && !node(name).exited) ++node(name).ranks_ended_before_exit;
  };
  events.on_exited = [this, name](const AttemptId&, const std::optional<Failure>& failure,
                                  const std::string& tail) {
    node(name).exited = true;
    ++node(name).exits;
    node(name).failure = failure;
    node(name).tail = tail;
  };
  events.on_daemon_requested = [this](const AttemptId& id, const DaemonRequest& request) {
    node(request.node.str()).runner().StartDaemon(id, request);
  };
  events.on_daemon_ended = [this, name](const AttemptId& id, const DaemonExit& exit) {
    node(name).daemon_exits.push_back(exit);
    for (const auto& [other, target] : nodes_) target->runner().AnswerDaemon(id, exit);
  };
  return events;
}

v1::AttemptTask World::Task(const std::string& script, std::uint32_t per_node,
                            v1::Communicator communicator) {
  v1::AttemptTask task;
  task.set_workspace("default");
  task.mutable_spec()->set_experiment("exec");
  task.mutable_spec()->set_script(script);
  task.mutable_spec()->set_snapshot_digest(kDigest);
  task.mutable_spec()->set_process_count_per_node(per_node);
  task.mutable_spec()->set_communicator(communicator);
  task.set_master_port(6105);
  for (const auto& [name, node] : nodes_) {
    v1::GangNode* member = task.add_gang();
    member->set_node_id(name);
    member->set_address("127.0.0.1");
  }
  return task;
}

void World::Source(const std::string& name, const std::string& content, int mode) {
  files_.push_back({name, content, mode});
}

std::string World::Pack() {
  const std::string path = directory_ + "/snapshot.tar";
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  archive_write_open_filename(writer, path.c_str());
  for (const SourceFile& file : files_) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, static_cast<mode_t>(file.mode));
    archive_entry_set_size(entry, static_cast<la_int64_t>(file.content.size()));
    archive_write_header(writer, entry);
    archive_write_data(writer, file.content.data(), file.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  return path;
}

Status World::Prepare(Node& node, v1::AttemptTask task) {
  const std::string archive = Pack();
  return node.runner().Prepare(
      Id(), task, [archive](const std::string&) -> Result<std::string> { return archive; });
}

void World::Start(const v1::AttemptTask& task) {
  std::uint32_t node_rank = 0;
  for (const auto& [name, node] : nodes_) {
    const Status prepared = Prepare(*node, task);
    ASSERT_TRUE(prepared) << prepared.error().message;
  }
  for (const auto& [name, node] : nodes_) {
    v1::AttemptTask own = task;
    own.set_node_rank(node_rank++);
    const Status launched = node->runner().Launch(Id(), own);
    ASSERT_TRUE(launched) << launched.error().message;
  }
}

bool World::Await(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  // Without work the loop would not wait, and the condition be asked without a pause.
  const auto work = boost::asio::make_work_guard(loop_);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop_.restart();
    loop_.run_one_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool World::AwaitAllExited() {
  return Await([this] {
    for (const auto& [name, node] : nodes_)
      if (!node->exited) return false;
    return true;
  });
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

int CountProcesses(const std::string& text) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (ReadAll(entry.path().string() + "/cmdline").find(text) != std::string::npos) ++count;
  }
  return count;
}

int KillChildOf(int parent, const std::string& name) {
  std::stringstream children(
      ReadAll("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children"));
  for (int pid = 0; children >> pid;) {
    if (ReadAll("/proc/" + std::to_string(pid) + "/comm") != name + "\n") continue;
    ::kill(pid, SIGKILL);
    return pid;
  }
  return 0;
}

}  // namespace muster::agent::test
