#include "tests/sim/caller.h"

#include <utility>

namespace muster::sim {

scheduler::Command FromUser(scheduler::Role role, scheduler::CommandBody body) {
  scheduler::Principal principal;
  principal.role = role;
  principal.user = UserName(role == scheduler::Role::kAdmin ? "admin" : "ada");
  principal.workspace = kWorkspace;
  return scheduler::Command{std::move(principal), std::move(body)};
}

void Caller::Call(scheduler::Command command, VirtualServer::OnReply on_answer) {
  Send(std::make_shared<Ongoing>(Ongoing{std::move(command), std::move(on_answer)}));
}

void Caller::Send(const std::shared_ptr<Ongoing>& call) {
  const std::uint32_t copies = world_.Chance(30) ? 2 : 1;
  if (copies == 2) stats_.faults["call duplicated"] += 1;
  for (std::uint32_t copy = 0; copy < copies; ++copy) {
    world_.After(network_.CallDelay(), [this, call] {
      server_.Call(call->command, [this, call](const Result<server::ReplyValue>& value) {
        if (world_.Chance(10)) {
          stats_.faults["answer lost"] += 1;
          return;
        }
        world_.After(network_.CallDelay(), [this, call, value] { Answer(call, value); });
      });
    });
  }
  world_.After(world_.Between(seconds(3), seconds(6)), [this, call] {
    if (!call->answered) Send(call);
  });
}

void Caller::Answer(const std::shared_ptr<Ongoing>& call, const Result<server::ReplyValue>& value) {
  const bool later = !value && (value.error().code == ErrorCode::kUnavailable ||
                                value.error().code == ErrorCode::kResourceExhausted);
  if (later) return;
  call->answered = true;
  call->on_answer(value);
}

}  // namespace muster::sim
