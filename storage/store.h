// The durable store as the core sees it. One writer; memory runs ahead of it, the outside does not.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"

namespace muster::storage {

// Rows as they are after the events of the batch. A removed entity stands in `removed_*`.
struct RowChanges {
  std::vector<scheduler::Job> jobs;
  std::vector<scheduler::Attempt> attempts;
  std::vector<scheduler::Node> nodes;
  std::vector<NodeId> removed_nodes;
  std::vector<scheduler::Pool> pools;  // without the derived members
  std::vector<scheduler::PoolKey> removed_pools;
  std::vector<scheduler::Datastore> datastores;
  std::vector<scheduler::Token> tokens;
  std::vector<TokenId> removed_tokens;
  std::vector<WorkspaceName> workspaces;
  bool server = false;  // the three below are to be written
  std::uint64_t epoch = 0;
  std::uint64_t last_job_sequence = 0;  // or that of the newest job, if that is larger
  std::optional<TimePoint> leases_extended_until;
};

// One transaction: all of it or nothing.
struct Batch {
  std::vector<scheduler::Event> events;
  RowChanges rows;
};

class Store {
 public:
  virtual ~Store() = default;

  // Queues the batch. `on_durable` runs on the core's executor, in append order, once, after
  // fsync. Never blocks. A failed commit aborts the process: recovery is the tested path.
  void Append(Batch batch, std::function<void()> on_durable) {
    Append(std::move(batch), std::move(on_durable), {});
  }
  // The same. A batch that is on disk alone is also told by `at_once`, on the store's thread,
  // before `on_durable`: that saves its answer the way through the executor. It must not block.
  virtual void Append(Batch batch, std::function<void()> on_durable,
                      std::function<void()> at_once) = 0;
};

}  // namespace muster::storage
