#include "tests/sim/virtual_node.h"

#include <utility>

namespace muster::sim {

VirtualNode::VirtualNode(const Surroundings& around, NodeId id, const PoolPlan& pool)
    : around_(around), id_(std::move(id)), pool_(pool) {}

std::function<void()> VirtualNode::WhileAlive(std::function<void()> action) {
  return [this, process = process_, action = std::move(action)] {
    if (core_ != nullptr && process == process_) action();
  };
}

scheduler::NodeFacts VirtualNode::Facts() const {
  scheduler::NodeFacts facts;
  facts.host_name = id_.str();
  facts.address = id_.str();
  facts.slots = pool_.definition.slots_per_node;
  facts.boot_id = id_.str() + "-boot-" + std::to_string(boot_);
  facts.agent_version = "1";
  return facts;
}

void VirtualNode::PowerOn() {
  if (std::exchange(powered_, true)) return;
  ++boot_;
  clock_.steady_offset = around_.world.Between(seconds(1), hours(1'000));
  StartAgent();
}

void VirtualNode::PowerOff() {
  if (!std::exchange(powered_, false)) return;
  around_.world.Trace([this] { return id_.str() + "  goes down"; });
  CrashAgent();
  for (const auto& [id, shim] : shims_) shim->Vanish();
  for (auto& [id, entry] : ledger_) entry.lease_until.reset();
}

void VirtualNode::StartAgent() {
  if (!powered_ || core_ != nullptr) return;
  ++process_;
  around_.world.Trace([this] {
    return id_.str() + "  agent starts with " + std::to_string(ledger_.size()) + " attempts";
  });
  core_ =
      std::make_unique<agent::AgentCore>(agent::AgentCoreConfig{}, Recover(), seen_epoch_, now());
  Do(core_->OnDisk(64ULL << 30, disk_low_, now()));
  for (const auto& [id, shim] : shims_) {
    if (shim->alive()) shim->Reconnect();
  }
  if (enrolled_) {
    ConnectAfter(milliseconds(1));
  } else {
    Enroll();
  }
}

void VirtualNode::CrashAgent() {
  if (core_ == nullptr) return;
  around_.world.Trace([this] { return id_.str() + "  agent dies"; });
  core_.reset();
  session_open_ = false;
  timer_.reset();
  if (connection_ != nullptr) around_.network.Break(std::exchange(connection_, nullptr));
  GuardLeasesWithoutAgent();
}

bool VirtualNode::KillSomeShim() {
  for (const auto& entry : shims_) {
    const AttemptId id = entry.first;
    const std::shared_ptr<VirtualShim> shim = entry.second;
    if (!shim->alive()) continue;
    around_.world.Trace([this, &id] { return id_.str() + "  shim killed: " + ToString(id); });
    shim->Vanish();
    OnExited(id);
    return true;
  }
  return false;
}

void VirtualNode::SetDiskLow(bool low) {
  disk_low_ = low;
  if (core_ != nullptr) Do(core_->OnDisk(low ? 1 : 64ULL << 30, low, now()));
}

void VirtualNode::Enroll() {
  scheduler::EnrollNode enroll;
  enroll.node = id_;
  enroll.facts = Facts();
  enroll.certificate_fingerprint = Sha256(id_.str() + std::to_string(process_));
  enroll.pool = pool_.definition.name;
  around_.caller.Call(FromUser(scheduler::Role::kJoin, std::move(enroll)),
                      [this](const Result<server::ReplyValue>& value) {
                        if (!value) {
                          around_.world.After(seconds(1), [this] {
                            if (core_ != nullptr && !enrolled_) Enroll();
                          });
                          return;
                        }
                        if (std::exchange(enrolled_, true)) return;
                        if (core_ != nullptr) ConnectAfter(milliseconds(1));
                      });
}

void VirtualNode::ConnectAfter(Duration delay) {
  around_.world.After(delay, WhileAlive([this] {
                        if (connection_ == nullptr) Connect();
                      }));
}

void VirtualNode::Connect() {
  if (!around_.server.up()) {
    ConnectAfter(around_.world.Between(milliseconds(200), seconds(4)));
    return;
  }
  connection_ = std::make_shared<Connection>();
  connection_->node = id_;
  connection_->agent_process = process_;
  around_.network.SendUp(connection_, Hello{Facts(), id_.str() + "-" + std::to_string(process_)});
  const ConnectionPtr dialled = connection_;
  around_.world.After(seconds(8), WhileAlive([this, dialled] {
                        if (connection_ == dialled && !session_open_) Disconnect();
                      }));
}

void VirtualNode::Disconnect() {
  const ConnectionPtr gone = std::exchange(connection_, nullptr);
  around_.network.Break(gone);
  if (std::exchange(session_open_, false)) Do(core_->OnSessionClosed(now()));
  ConnectAfter(around_.world.Between(milliseconds(100), seconds(3)));
}

void VirtualNode::SeeBreak(const ConnectionPtr& connection) {
  if (core_ != nullptr && connection == connection_) Disconnect();
}

void VirtualNode::Welcome(const scheduler::SendWelcome& welcome) {
  session_open_ = true;
  heartbeat_interval_ = welcome.heartbeat_interval;
  last_answer_ = around_.world.time();
  Do(core_->OnSessionOpened(now()));
  BeatHeart(connection_);
}

void VirtualNode::BeatHeart(const ConnectionPtr& connection) {
  if (connection != connection_ || !session_open_) return;
  if (around_.world.time() > last_answer_ + 3 * heartbeat_interval_) {
    Disconnect();
    return;
  }
  around_.network.SendUp(connection, Heartbeat{now().steady.time_since_epoch().count()});
  around_.world.After(heartbeat_interval_,
                      WhileAlive([this, connection] { BeatHeart(connection); }));
}

void VirtualNode::Receive(const ConnectionPtr& connection, const DownMessage& message) {
  // The dead process's connections are dead; those of this process may still say something late.
  if (core_ == nullptr || connection->agent_process != process_) return;
  if (connection == connection_) last_answer_ = around_.world.time();
  if (const auto* welcome = std::get_if<scheduler::SendWelcome>(&message)) {
    if (connection == connection_ && !session_open_) Welcome(*welcome);
  } else if (const auto* desired = std::get_if<agent::Desired>(&message)) {
    Do(core_->OnDesired(*desired, now()));
    seen_epoch_ = core_->SeenEpoch();
  } else if (const auto* report = std::get_if<scheduler::SendReportAck>(&message)) {
    Do(core_->OnReportAck(report->sequence, now()));
  } else if (const auto* beat = std::get_if<scheduler::SendHeartbeatAck>(&message)) {
    Do(core_->OnHeartbeatAck(SteadyPoint(Duration(beat->sent_us)), now()));
  } else if (const auto* goodbye = std::get_if<scheduler::SendGoodbye>(&message)) {
    Do(core_->OnGoodbye(goodbye->lease_extension, now()));
  }
}

void VirtualNode::SetTimer() {
  if (core_ == nullptr) return;
  const std::optional<SteadyPoint> next = core_->NextTimer();
  if (next == timer_) return;
  timer_ = next;
  const std::uint64_t generation = ++timer_generation_;
  if (!next) return;
  around_.world.At(next->time_since_epoch() - clock_.steady_offset, WhileAlive([this, generation] {
                     if (generation != timer_generation_) return;
                     timer_.reset();
                     Do(core_->OnTimer(now()));
                   }));
}

}  // namespace muster::sim
