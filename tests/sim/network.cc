#include "tests/sim/network.h"

#include <algorithm>

namespace muster::sim {

namespace {

// Per mille of messages.
constexpr std::uint32_t kDelayed = 4;
constexpr std::uint32_t kLost = 2;
constexpr std::uint32_t kDuplicated = 40;
constexpr std::uint32_t kArrivesAfterBreak = 300;

}  // namespace

Duration Network::ArrivalOf(const NodeId& node, Duration& clear) {
  Duration arrival = world_.time() + world_.Between(microseconds(100), milliseconds(2));
  if (faults_ && world_.Chance(kDelayed)) {
    stats_.faults["message delayed"] += 1;
    arrival += world_.Between(milliseconds(10), seconds(3));
  }
  const auto partition = partitioned_until_.find(node);
  if (partition != partitioned_until_.end()) {
    if (world_.time() < partition->second) arrival = std::max(arrival, partition->second);
  }
  clear = std::max(clear, arrival);
  return clear;
}

bool Network::IsLost(const ConnectionPtr& connection) {
  if (!faults_ || !world_.Chance(kLost)) return false;
  stats_.faults["message lost, session broken"] += 1;
  Break(connection);
  return true;
}

void Network::DeliverUp(Duration when, const ConnectionPtr& connection, const UpMessage& message) {
  world_.At(when, [this, connection, message] {
    if (connection->broken && !world_.Chance(kArrivesAfterBreak)) return;
    to_server(connection, message);
  });
}

void Network::DeliverDown(Duration when, const ConnectionPtr& connection,
                          const DownMessage& message) {
  world_.At(when, [this, connection, message] {
    if (connection->broken && !world_.Chance(kArrivesAfterBreak)) return;
    to_agent(connection, message);
  });
}

void Network::SendUp(const ConnectionPtr& connection, const UpMessage& message) {
  if (connection->broken || IsLost(connection)) return;
  DeliverUp(ArrivalOf(connection->node, connection->up_clear), connection, message);
  const bool is_report = std::holds_alternative<agent::Report>(message);
  if (faults_ && is_report && world_.Chance(kDuplicated)) {
    stats_.faults["report duplicated"] += 1;
    DeliverUp(connection->up_clear + world_.Between(microseconds(1), seconds(20)), connection,
              message);
  }
}

void Network::SendDown(const ConnectionPtr& connection, const DownMessage& message) {
  if (connection->broken || IsLost(connection)) return;
  DeliverDown(ArrivalOf(connection->node, connection->down_clear), connection, message);
  const bool is_level = std::holds_alternative<agent::Desired>(message);
  if (faults_ && is_level && world_.Chance(kDuplicated)) {
    stats_.faults["level duplicated"] += 1;
    DeliverDown(connection->down_clear + world_.Between(microseconds(1), seconds(20)), connection,
                message);
  }
}

void Network::Break(const ConnectionPtr& connection) {
  if (connection->broken) return;
  connection->broken = true;
  const bool silent = Partitioned(connection->node) || world_.Chance(200);
  world_.After(silent ? world_.Between(seconds(5), seconds(25)) : CallDelay(),
               [this, connection] { server_sees_break(connection); });
  world_.After(silent ? world_.Between(seconds(5), seconds(25)) : CallDelay(),
               [this, connection] { agent_sees_break(connection); });
}

void Network::PartitionUntil(const NodeId& node, Duration until) {
  Duration& end = partitioned_until_[node];
  end = std::max(end, until);
}

bool Network::Partitioned(const NodeId& node) const {
  const auto it = partitioned_until_.find(node);
  return it != partitioned_until_.end() && world_.time() < it->second;
}

}  // namespace muster::sim
