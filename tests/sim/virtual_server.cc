#include "tests/sim/virtual_server.h"

#include "base/planted_bug.h"
#include "tests/sim/violation.h"

namespace muster::sim {

namespace {

// The linear check of the core's own state runs after every so-many-th step.
constexpr std::uint64_t kWholeCheckEvery = 128;

}  // namespace

VirtualServer::VirtualServer(World& world, const Workload& workload, DurableLog& log,
                             Network& network)
    : world_(world), workload_(workload), log_(log), network_(network), disk_(world, log) {}

std::function<void()> VirtualServer::WhileAlive(std::function<void()> action) {
  return [this, process = process_, action = std::move(action)] {
    if (core_ != nullptr && process == process_) action();
  };
}

void VirtualServer::Start() {
  ++process_;
  last_session_ = 0;
  // Steady clocks count from anywhere.
  clock_.steady_offset = world_.Between(seconds(1), hours(1'000));
  core_ = std::make_unique<server::Core>(workload_.config, log_.Load(), world_.random());
  world_.Trace([] { return "server   starts"; });
  Process(core_->Start(now()));
}

void VirtualServer::Crash() {
  if (core_ == nullptr) return;
  world_.Trace([] { return "server   dies"; });
  PromiseInvariants(core_->state(), "the core's state");
  core_.reset();
  disk_.Crash();
  pending_.clear();
  calls_.clear();
  timer_.reset();
  stopped_ = nullptr;
  for (const auto& [name, connection] : std::exchange(sessions_, {})) network_.Break(connection);
}

void VirtualServer::Stop(std::function<void()> stopped) {
  if (core_ == nullptr) return;
  world_.Trace([] { return "server   stops as planned"; });
  stopped_ = std::move(stopped);
  Handle(0, scheduler::Command{{}, scheduler::BeginShutdown{}});
}

void VirtualServer::Call(const scheduler::Command& command, OnReply on_reply) {
  if (core_ == nullptr) return;
  const server::RequestNumber request = ++last_request_;
  calls_[request] = std::move(on_reply);
  Handle(request, command);
}

void VirtualServer::Receive(const ConnectionPtr& connection, const UpMessage& message) {
  if (core_ == nullptr) return;
  if (const auto* hello = std::get_if<Hello>(&message)) {
    if (connection->broken || connection->session != 0) return;
    connection->server_process = process_;
    connection->session = ++last_session_;
    sessions_[{connection->node, connection->session}] = connection;
    Handle(0,
           FromNode(connection->node, scheduler::OpenSession{connection->node, connection->session,
                                                             hello->facts, hello->incarnation}));
    return;
  }
  // What another process of the server had accepted never reaches this one.
  if (connection->server_process != process_) return;
  if (const auto* report = std::get_if<agent::Report>(&message)) {
    Handle(0,
           FromNode(connection->node, ToScheduler(*report, connection->node, connection->session)));
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    Handle(0, FromNode(connection->node,
                       scheduler::ReceiveHeartbeat{connection->node, connection->session,
                                                   heartbeat->sent_us}));
  }
}

void VirtualServer::SeeBreak(const ConnectionPtr& connection) {
  if (core_ == nullptr || connection->server_process != process_) return;
  sessions_.erase({connection->node, connection->session});
  Handle(0, FromNode(connection->node,
                     scheduler::CloseSession{connection->node, connection->session}));
}

scheduler::Command VirtualServer::FromNode(const NodeId& node, scheduler::CommandBody body) const {
  scheduler::Principal principal;
  principal.role = scheduler::Role::kNode;
  principal.workspace = kWorkspace;
  principal.node = node;
  return scheduler::Command{std::move(principal), std::move(body)};
}

void VirtualServer::Handle(server::RequestNumber request, const scheduler::Command& command) {
  Process(core_->Handle(request, command, now()));
}

void VirtualServer::Process(server::StepOutput output) {
  if (++steps_ % kWholeCheckEvery == 0) PromiseInvariants(core_->state(), "the core's state");
  auto pending = std::make_shared<Pending>();
  pending->effects = std::move(output.effects);
  pending->replies = std::move(output.replies);
  if (IsPlanted(PlantedBug::kReplyBeforeDurable)) {
    Release(*pending);
    disk_.Append(std::move(output.batch), [] {}, {});
    SetTimer();
    return;
  }
  pending_.push_back(pending);
  if (output.batch.events.empty()) {
    pending->durable = true;
    ReleaseDurable();
  } else {
    const auto on_durable = WhileAlive([this, pending] {
      pending->durable = true;
      ReleaseDurable();
    });
    disk_.Append(std::move(output.batch), on_durable, {});
  }
  SetTimer();
}

void VirtualServer::ReleaseDurable() {
  while (!pending_.empty() && pending_.front()->durable) {
    const std::shared_ptr<Pending> front = pending_.front();
    pending_.pop_front();
    Release(*front);
  }
  if (stopped_ && pending_.empty()) {
    world_.After(milliseconds(20), WhileAlive([this] {
                   const auto stopped = std::exchange(stopped_, nullptr);
                   Crash();
                   if (stopped) stopped();
                 }));
  }
}

void VirtualServer::Release(Pending& pending) {
  for (const scheduler::Effect& effect : pending.effects) Perform(effect);
  for (const server::Reply& reply : pending.replies) {
    const auto call = calls_.find(reply.request);
    if (call == calls_.end()) continue;
    const OnReply on_reply = std::move(call->second);
    calls_.erase(call);
    on_reply(reply.value);
  }
}

ConnectionPtr VirtualServer::Find(const NodeId& node, std::uint64_t session) const {
  const auto it = sessions_.find({node, session});
  return it == sessions_.end() ? nullptr : it->second;
}

// As with many large tasks: the first message of a level may lack all but one, the next has them.
void VirtualServer::SendLevel(const ConnectionPtr& connection, agent::Desired level) {
  if (level.attempts.size() > 1 && world_.Chance(200)) {
    agent::Desired first = level;
    for (std::size_t i = 1; i < first.attempts.size(); ++i) first.attempts[i].task = nullptr;
    network_.SendDown(connection, std::move(first));
  }
  network_.SendDown(connection, std::move(level));
}

void VirtualServer::Perform(const scheduler::Effect& effect) {
  std::visit(
      [this](const auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (!std::is_same_v<What, scheduler::PublishIdentities>) {
          const ConnectionPtr connection = Find(what.node, what.session);
          if (connection == nullptr) return;
          if constexpr (std::is_same_v<What, scheduler::DropSession>) {
            sessions_.erase({what.node, what.session});
            network_.Break(connection);
          } else if constexpr (std::is_same_v<What, scheduler::SendDesired>) {
            for (const scheduler::DesiredAttempt& attempt : what.attempts) {
              Promise(log_.audit().HasAttempt(attempt.id), [&] {
                return "node " + what.node.str() + " was told of " + ToString(attempt.id) +
                       " before that was durable";
              });
            }
            SendLevel(connection, ToAgent(what));
          } else {
            network_.SendDown(connection, what);
          }
        }
      },
      effect);
}

void VirtualServer::SetTimer() {
  if (core_ == nullptr) return;
  const std::optional<SteadyPoint> next = core_->NextTimer();
  if (next == timer_) return;
  timer_ = next;
  const std::uint64_t generation = ++timer_generation_;
  if (!next) return;
  const Duration when = next->time_since_epoch() - clock_.steady_offset;
  world_.At(when, WhileAlive([this, generation] {
              if (generation != timer_generation_) return;
              timer_.reset();
              Process(core_->OnTimer(now()));
            }));
}

}  // namespace muster::sim
