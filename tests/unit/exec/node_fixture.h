// Virtual nodes for tests: real runners in temporary directories on one loop, with the test as the
// server that relays mpirun's requests between them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/exec/runner.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent::test {

class World;

class Node {
 public:
  Node(World& world, const std::string& name, Isolation isolation, std::uint64_t log_bytes);

  // Another agent in the place of this one: the shims are all that is left.
  std::vector<RecoveredAttempt> Restart();
  // No agent until Restart.
  void StopAgent() { runner_.reset(); }
  bool HasAgent() const { return runner_ != nullptr; }
  Runner& runner() { return *runner_; }
  const std::string& directory() const { return directory_; }
  std::string AttemptDirectory() const;
  std::string Log(const std::string& name) const;
  // The shim's process number, from the listening end of its control socket; 0: none.
  int ShimPid() const;

  // What the runner said.
  bool running = false;
  bool exited = false;
  int exits = 0;
  int ranks_ended_before_exit = 0;
  std::optional<Failure> failure;
  std::string tail;
  std::map<std::uint32_t, Rank> ranks;
  std::vector<DaemonExit> daemon_exits;

 private:
  void Create();

  World& world_;
  std::string name_;
  std::string directory_;
  RunnerConfig config_;
  std::unique_ptr<Runner> runner_;
};

// One job of one attempt at a time.
class World {
 public:
  // `below`: a directory under the temporary one in which the nodes' directories are.
  explicit World(const std::string& below = {});
  ~World();

  Node& Add(const std::string& name, Isolation isolation = Isolation::kAuto,
            std::uint64_t log_bytes = 1ULL << 30);
  Node& node(const std::string& name) { return *nodes_.at(name); }
  // A task over all nodes in the order of their names. The script's content goes into work/ by
  // hand, or by `archive`.
  v1::AttemptTask Task(const std::string& script, std::uint32_t per_node = 1,
                       v1::Communicator communicator = v1::COMMUNICATOR_NONE);
  // Files of the source directory, packed as the command line packs them.
  void Source(const std::string& name, const std::string& content, int mode = 0644);
  Status Prepare(Node& node, v1::AttemptTask task);
  // Prepares on all nodes, then launches on all.
  void Start(const v1::AttemptTask& task);
  // Runs the loop until the condition holds; false after the time.
  bool Await(const std::function<bool()>& condition,
             std::chrono::milliseconds limit = std::chrono::seconds(20));
  bool AwaitAllExited();

  const std::string& directory() const { return directory_; }
  boost::asio::io_context& loop() { return loop_; }
  RunnerEvents EventsFor(const std::string& name);
  static AttemptId Id() { return {JobId("exec_1790000000_00000001"), 1}; }

 private:
  struct SourceFile {
    std::string name;
    std::string content;
    int mode;
  };
  std::string Pack();

  std::string temporary_;
  std::string directory_;
  boost::asio::io_context loop_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::vector<SourceFile> files_;
};

std::string ReadAll(const std::string& path);
// Processes of the whole machine whose command line holds the text.
int CountProcesses(const std::string& text);
// SIGKILL to a child of `parent` with this name; its number, or 0.
int KillChildOf(int parent, const std::string& name);

}  // namespace muster::agent::test
