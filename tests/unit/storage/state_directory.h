// A temporary directory, and a little world whose steps are batches as the core makes them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "scheduler/model/apply.h"
#include "scheduler/model/state.h"
#include "storage/sqlite/database.h"
#include "storage/store.h"

namespace muster::storage {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "muster-storage-XXXXXX").string();
    MUSTER_CHECK(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class World {
 public:
  World() = default;
  explicit World(scheduler::State state) : state_(std::move(state)) {}

  const scheduler::State& state() const { return state_; }

  Batch Step(std::vector<scheduler::EventBody> bodies) {
    Batch batch;
    scheduler::Touched touched;
    for (scheduler::EventBody& body : bodies) {
      now_ += std::chrono::milliseconds(1);
      batch.events.push_back({state_.last_sequence + 1, now_, UserName("alice"), std::move(body)});
      scheduler::Apply(state_, batch.events.back(), touched);
    }
    FillRows(touched, batch.rows);
    scheduler::Prune(state_, touched);
    return batch;
  }

  // A workspace, a pool "cpu" and nodes n1 to n3.
  Batch Found() {
    std::vector<scheduler::EventBody> bodies = {
        scheduler::ServerStarted{1}, scheduler::WorkspaceCreated{kWorkspace},
        scheduler::PoolCreated{kWorkspace, kPool, 4, 0, 10, scheduler::SharingMode::kExclusive}};
    for (const char* node : {"n1", "n2", "n3"}) {
      bodies.push_back(scheduler::NodeJoined{
          NodeId(node), kWorkspace, kPool, {node, node, 4, "boot", "0.1"}, Sha256(node)});
    }
    return Step(std::move(bodies));
  }

  Batch Submit(const std::string& id, const std::string& given, const std::string& resolved) {
    scheduler::JobSubmitted submitted;
    submitted.id = JobId(id);
    submitted.workspace = kWorkspace;
    submitted.experiment = id.substr(0, id.find('_'));
    submitted.user = UserName("alice");
    submitted.sequence = state_.last_job_sequence + 1;
    submitted.requirements.pool = kPool;
    submitted.given_spec = given;
    submitted.resolved_spec = std::make_shared<const std::string>(resolved);
    return Step({submitted, scheduler::RequestAnswered{kWorkspace, "key-" + id, Sha256(id), id}});
  }

  // Queued -> an attempt on `nodes`, Preparing, in one batch.
  Batch Assign(const JobId& id, const std::vector<NodeId>& nodes) {
    const AttemptId attempt{id, state_.jobs.at(id).attempt_count + 1};
    return Step({scheduler::AttemptCreated{attempt, nodes, 61'000},
                 Changed(id, scheduler::JobStatus::kPreparing)});
  }

  static scheduler::JobStatusChanged Changed(const JobId& id, scheduler::JobStatus status) {
    return {id, status, std::nullopt};
  }

  static inline const WorkspaceName kWorkspace{"default"};
  static inline const PoolName kPool{"cpu"};

 private:
  template <class Map, class Keys, class Rows, class Removed>
  static void Collect(const Map& map, const Keys& keys, Rows& rows, Removed* removed) {
    for (const auto& key : keys) {
      if (const auto found = map.find(key); found != map.end()) {
        rows.push_back(found->second);
      } else if constexpr (!std::is_same_v<Removed, void>) {
        removed->push_back(key);
      }
    }
  }

  void FillRows(const scheduler::Touched& touched, RowChanges& rows) {
    constexpr void* kNever = nullptr;
    Collect(state_.jobs, touched.jobs, rows.jobs, kNever);
    Collect(state_.attempts, touched.attempts, rows.attempts, kNever);
    Collect(state_.nodes, touched.nodes, rows.nodes, &rows.removed_nodes);
    Collect(state_.pools, touched.pools, rows.pools, &rows.removed_pools);
    Collect(state_.datastores, touched.datastores, rows.datastores, kNever);
    Collect(state_.tokens, touched.tokens, rows.tokens, &rows.removed_tokens);
    rows.workspaces.assign(touched.workspaces.begin(), touched.workspaces.end());
    rows.server = touched.server;
    rows.epoch = state_.epoch;
    rows.last_job_sequence = state_.last_job_sequence;
    rows.leases_extended_until = state_.leases_extended_until;
  }

  scheduler::State state_;
  TimePoint now_ = FromMicros(1'790'000'000'000'000);
};

// Opens; the test fails with the error's message if that is refused.
inline std::unique_ptr<Database> MustOpen(const std::string& directory) {
  Result<std::unique_ptr<Database>> database = Database::Open(directory);
  MUSTER_CHECK(database.has_value(), database.error().message);
  return std::move(*database);
}

// Writes batches and waits until they are durable.
inline void Write(Database& database, std::vector<Batch> batches) {
  Store& store = database.StartWriter([](std::function<void()> run) { run(); });
  for (Batch& batch : batches) store.Append(std::move(batch), [] {});
  database.StopWriter();
}

}  // namespace muster::storage
