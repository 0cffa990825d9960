// Which command goes where.
#include <string>
#include <utility>
#include <variant>

#include "scheduler/lifecycle/cancel.h"
#include "scheduler/lifecycle/nodes.h"
#include "scheduler/lifecycle/pools.h"
#include "scheduler/lifecycle/submit.h"
#include "scheduler/lifecycle/workspaces.h"
#include "scheduler/model/queries.h"
#include "server/core/core_impl.h"

namespace muster::server {

namespace {

Result<ReplyValue> ToReply(Result<scheduler::Answer> answer) {
  if (!answer) return Fail(std::move(answer).error());
  return ReplyValue{std::move(answer->entity), answer->job_status, answer->repeated};
}

// A join token is no key to the nodes that are there: their work goes on.
Status CheckTakeover(const scheduler::State& state, const Sessions& sessions,
                     const scheduler::EnrollNode& command) {
  const scheduler::Node* known = scheduler::Find(state.nodes, command.node);
  const NodeSession* session = sessions.Find(command.node);
  const bool has_key =
      known != nullptr && known->certificate_fingerprint == command.certificate_fingerprint;
  if (known == nullptr || session == nullptr || has_key) return {};
  if (session->open == 0 || !session->responding) return {};
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kInUse,
              "Node id \"" + command.node.str() +
                  "\" is connected with another key; stop the agent that runs under this id, or "
                  "choose another id. A machine that has lost its identity may join again once the "
                  "server no longer hears it.");
}

}  // namespace

// One overload for each command; those that only decide share the first.
struct Core::Impl::Executor {
  Impl& core;
  Step& step;
  const scheduler::Principal& principal;

  template <class Command>
  Result<ReplyValue> operator()(const Command& command) const {
    return ToReply(Decide(step.decision, command, core.SurroundingsOf(principal)));
  }

  // The node and its session go separate ways.
  template <class Command>
  Result<ReplyValue> DecideAndDrop(const Command& command, const std::string& reason) const {
    auto answer = Decide(step.decision, command, core.SurroundingsOf(principal));
    if (answer && !answer->repeated) core.Drop(step, command.node, reason);
    return ToReply(std::move(answer));
  }
  Result<ReplyValue> operator()(const scheduler::DeclareNodeLost& command) const {
    return DecideAndDrop(command, "the node was declared lost");
  }
  Result<ReplyValue> operator()(const scheduler::RemoveNode& command) const {
    return DecideAndDrop(command, "the node was removed");
  }
  Result<ReplyValue> operator()(const scheduler::EnrollNode& command) const {
    MUSTER_TRY(CheckTakeover(core.state, core.sessions, command));
    auto reply = DecideAndDrop(command, "the node has joined anew");
    if (reply) {
      core.sessions.Of(command.node, step.now());
      core.ScheduleCheck(command.node);
    }
    return reply;
  }

  Result<ReplyValue> operator()(const scheduler::OpenSession& command) const {
    return core.Open(step, command, principal);
  }
  Result<ReplyValue> operator()(const scheduler::CloseSession& command) const {
    core.Close(step, command);
    return ReplyValue{};
  }
  Result<ReplyValue> operator()(const scheduler::ReceiveHeartbeat& command) const {
    core.Heartbeat(step, command);
    return ReplyValue{};
  }
  Result<ReplyValue> operator()(const scheduler::ReceiveReport& command) const {
    core.Report(step, command);
    return ReplyValue{};
  }
  Result<ReplyValue> operator()(const scheduler::ObserveDisk& command) const {
    core.free_disk_bytes = command.free_bytes;
    core.disk_reserve_bytes = command.reserve_bytes;
    core.disk_low = command.free_bytes < command.reserve_bytes;
    return ReplyValue{};
  }
  Result<ReplyValue> operator()(const scheduler::BeginShutdown&) const {
    core.BeginShutdown(step);
    return ReplyValue{};
  }
};

Result<ReplyValue> Core::Impl::Execute(Step& step, const scheduler::Command& command) {
  last_now = step.now().steady;
  return std::visit(Executor{*this, step, command.principal}, command.body);
}

}  // namespace muster::server
