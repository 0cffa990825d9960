// Links between the server and the nodes. A connection keeps its order, as TCP does; it is delayed,
// held up by partitions, and breaks. What was under way when it broke may still arrive, and copies
// of reports and levels may arrive late: the code under test must not mind.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/ids.h"
#include "tests/sim/messages.h"
#include "tests/sim/stats.h"
#include "tests/sim/world.h"

namespace muster::sim {

struct Connection {
  NodeId node;
  std::uint64_t agent_process = 0;   // which start of the agent dialled it
  std::uint64_t server_process = 0;  // which start of the server answered; 0: none has yet
  std::uint64_t session = 0;         // the server's number for it
  bool broken = false;
  // Nothing overtakes what was sent before.
  Duration up_clear{};
  Duration down_clear{};
};
using ConnectionPtr = std::shared_ptr<Connection>;

class Network {
 public:
  Network(World& world, Stats& stats) : world_(world), stats_(stats) {}

  // The ends. Called in virtual time; the receiver judges whether the connection still means
  // anything to it.
  std::function<void(const ConnectionPtr&, const UpMessage&)> to_server;
  std::function<void(const ConnectionPtr&, const DownMessage&)> to_agent;
  // An end learns that its connection has broken.
  std::function<void(const ConnectionPtr&)> server_sees_break;
  std::function<void(const ConnectionPtr&)> agent_sees_break;

  void SendUp(const ConnectionPtr& connection, const UpMessage& message);
  void SendDown(const ConnectionPtr& connection, const DownMessage& message);
  // Both ends learn of it later, the far one perhaps much later.
  void Break(const ConnectionPtr& connection);

  void PartitionUntil(const NodeId& node, Duration until);
  bool Partitioned(const NodeId& node) const;
  // Of a call that is not part of a session.
  Duration CallDelay() { return world_.Between(microseconds(100), milliseconds(3)); }
  void EndFaults() { faults_ = false; }

 private:
  // When a message sent now arrives; keeps the order of the direction.
  Duration ArrivalOf(const NodeId& node, Duration& clear);
  void DeliverUp(Duration when, const ConnectionPtr& connection, const UpMessage& message);
  void DeliverDown(Duration when, const ConnectionPtr& connection, const DownMessage& message);
  bool IsLost(const ConnectionPtr& connection);

  World& world_;
  Stats& stats_;
  bool faults_ = true;
  std::map<NodeId, Duration> partitioned_until_;
};

}  // namespace muster::sim
