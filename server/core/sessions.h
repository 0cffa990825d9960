// What is known of nodes from their sessions: not durable, rebuilt by the sessions after a start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace muster::server {

struct NodeSession {
  std::uint64_t open = 0;    // number of the open session; 0: none is
  std::uint64_t newest = 0;  // highest number seen
  // A first report has come in this session: the node's level is known, so it may be told what is
  // desired. Before that, neither levels nor lease renewals are sent, since what it has lost is to
  // be given up before it could start it a second time.
  bool has_reported = false;
  std::string incarnation;        // of the agent's process
  std::uint64_t last_report = 0;  // of this incarnation
  // Attempts that it was told to prepare or run in this session.
  std::set<AttemptId> told_to_start;

  // It has reported since leases were last extended, so it has ended its extension by itself.
  bool has_ended_extension = false;

  SteadyPoint last_heard{};                    // the server's start counts
  std::optional<TimePoint> last_heard_wall{};  // since the server's start
  bool responding = true;
  std::uint64_t free_disk_bytes = 0;
  bool disk_low = false;

  bool IsUsable() const { return open != 0 && has_reported && responding && !disk_low; }
  bool IsSilent() const { return !responding || !last_heard_wall; }
};

class Sessions {
 public:
  // A node that is not known yet counts as heard now.
  NodeSession& Of(const NodeId& node, Now now);
  const NodeSession* Find(const NodeId& node) const;
  void Forget(const NodeId& node) { nodes_.erase(node); }
  // Every node is being told that its leases are extended.
  void NoteExtension();

  // False for a number that is not newer than all before. Report numbers go on within an
  // incarnation.
  static bool Open(NodeSession& session, std::uint64_t number, const std::string& incarnation);

  const std::map<NodeId, NodeSession>& all() const { return nodes_; }

 private:
  std::map<NodeId, NodeSession> nodes_;
};

}  // namespace muster::server
