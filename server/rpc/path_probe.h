// Asks connected nodes whether paths are there: who is asked, what is open, what follows from the
// answers. Reads no clock. Core thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/time.h"
#include "muster/v1/agent.pb.h"
#include "scheduler/model/state.h"

namespace muster::server {

// A session's outgoing side. Thread-safe; never blocks.
class PathPeer {
 public:
  virtual ~PathPeer() = default;
  // May drop the question: that counts as one without an answer.
  virtual void Ask(std::shared_ptr<const muster::v1::CheckPaths> question) = 0;
};

struct PathVerdict {
  std::vector<NodeId> answered;      // in time; may be nobody
  std::vector<std::string> missing;  // sorted: those that none of them has

  bool AllFound() const { return !answered.empty() && missing.empty(); }
};

struct PathQuestion {
  Digest key;                      // the same for the same paths in the same pool
  std::vector<std::string> paths;  // sorted, without repetitions, at most 256
  std::size_t held_bytes = 0;      // what waits for the verdict holds so much memory
};

class PathProbe {
 public:
  using OnVerdict = std::function<void(std::shared_ptr<const PathVerdict>)>;
  enum class Asked : std::uint8_t {
    kYes,     // the verdict comes
    kNobody,  // no node of the pool is connected and answers questions
    kFull,    // too much is being asked already
  };

  static constexpr std::size_t kNodesAskedFirst = 3;
  static constexpr std::size_t kNodesAsked = 16;
  static constexpr std::size_t kMaxHeldBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMaxWaiting = 10'000;

  // Session numbers are never used twice; of one node the highest counts.
  void Add(std::uint64_t session, const NodeId& node, std::shared_ptr<PathPeer> peer);
  // What was asked of it goes on without it.
  void Remove(std::uint64_t session);

  // Joins the open question of that key, if there is one. With kYes `on_verdict` runs once: when
  // each path was seen by some node, when all that were asked have answered or left, or at the
  // deadline; deadlines come in the order of the calls. The nodes that have been connected longest
  // are asked: some at first, and those up to kNodesAsked once one of them lacks a path that none
  // before it had, or leaves. Cordoned ones are asked where no other is there.
  Asked Ask(PathQuestion question, const scheduler::State& state, const scheduler::PoolKey& pool,
            SteadyPoint deadline, OnVerdict on_verdict);
  // True if the node had fallen silent and can be asked again.
  bool Answer(std::uint64_t session, const muster::v1::PathsChecked& checked);
  // Ends the questions that are due. The nodes that owe an answer are not asked again until some
  // answer comes: their disk hangs, or they do not know the question. Returns those new to that.
  std::vector<NodeId> Expire(SteadyPoint now);
  std::optional<SteadyPoint> NextDeadline() const;

 private:
  struct Peer {
    NodeId node;
    std::shared_ptr<PathPeer> peer;
    bool silent = false;
  };
  struct Open {
    PathQuestion question;
    std::map<std::uint64_t, NodeId> owing;  // by session
    std::vector<std::uint64_t> to_ask;      // sessions, if those that owe do not have it
    std::vector<NodeId> answered;
    std::vector<std::size_t> lacking;  // for each path, how many of them lack it
    SteadyPoint deadline{};
    std::size_t held_bytes = 0;  // of all that wait
    std::vector<OnVerdict> waiting;

    bool AllFound() const;
    PathVerdict Verdict() const;
  };
  using OpenIt = std::map<std::uint64_t, Open>::iterator;

  // The oldest first; at most kNodesAsked.
  std::vector<std::uint64_t> SessionsToAsk(const scheduler::State& state,
                                           const scheduler::PoolKey& pool) const;
  bool IsReplaced(std::uint64_t session, const NodeId& node) const;
  void AskNext(std::uint64_t number, Open& open, std::size_t count);
  // After an answer, or the end of a session: ends the question if it is decided; the next one.
  OpenIt GoOn(OpenIt open);
  OpenIt Close(OpenIt open);

  std::map<std::uint64_t, Peer> peers_;  // by session
  std::set<std::pair<NodeId, std::uint64_t>> by_node_;
  std::map<std::uint64_t, Open> open_;  // by number, which is the order of deadlines too
  std::map<Digest, std::uint64_t> by_key_;
  std::uint64_t last_question_ = 0;
  std::size_t held_bytes_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace muster::server
