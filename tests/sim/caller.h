// Calls that are repeated until they are answered, as every client does: after a time without
// answer, and when the server says that it cannot now. At times a call is sent twice though the
// first arrived.
#pragma once

#include <functional>
#include <memory>

#include "tests/sim/virtual_server.h"

namespace muster::sim {

class Caller {
 public:
  Caller(World& world, Network& network, VirtualServer& server, Stats& stats)
      : world_(world), network_(network), server_(server), stats_(stats) {}

  // `on_answer` runs for each answer that arrives, so perhaps more than once.
  void Call(scheduler::Command command, VirtualServer::OnReply on_answer);

 private:
  struct Ongoing {
    scheduler::Command command;
    VirtualServer::OnReply on_answer;
    bool answered = false;
  };
  void Send(const std::shared_ptr<Ongoing>& call);
  void Answer(const std::shared_ptr<Ongoing>& call, const Result<server::ReplyValue>& value);

  World& world_;
  Network& network_;
  VirtualServer& server_;
  Stats& stats_;
};

// A command of a user of the default workspace.
scheduler::Command FromUser(scheduler::Role role, scheduler::CommandBody body);

}  // namespace muster::sim
