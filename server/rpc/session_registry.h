// The open sessions of agents, by number: where the core's effects for nodes go. Core thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "scheduler/model/effect.h"

namespace muster::server {

// One session's outgoing side. Thread-safe; never blocks. Each kind of message is a level: the
// newest replaces one that was not written yet, so a slow agent holds a bounded amount of memory.
class AgentStream {
 public:
  virtual ~AgentStream() = default;
  virtual void Send(const scheduler::SendWelcome& welcome) = 0;
  virtual void Send(const scheduler::SendDesired& desired) = 0;
  virtual void Send(const scheduler::SendReportAck& ack) = 0;
  virtual void Send(const scheduler::SendHeartbeatAck& ack) = 0;
  virtual void Send(const scheduler::SendGoodbye& goodbye) = 0;
  // Ends the stream.
  virtual void Drop(const std::string& reason) = 0;
};

class SessionRegistry {
 public:
  // Session numbers are never used twice.
  void Add(std::uint64_t session, std::shared_ptr<AgentStream> stream);
  void Remove(std::uint64_t session);
  // To the session it names; nobody, if that is gone. False for effects that are not for a session.
  bool Route(const scheduler::Effect& effect);
  std::size_t size() const { return streams_.size(); }

 private:
  std::map<std::uint64_t, std::shared_ptr<AgentStream>> streams_;
};

}  // namespace muster::server
