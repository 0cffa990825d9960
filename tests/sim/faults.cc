#include "tests/sim/faults.h"

namespace muster::sim {

void Faults::Strike(const char* kind, std::uint32_t least, std::uint32_t most,
                    void (Faults::*what)()) {
  const std::uint32_t times = on_.world.Pick(least, most);
  for (std::uint32_t i = 0; i < times; ++i) {
    on_.world.At(on_.world.Between(seconds(30), kFaultsEnd - seconds(30)), [this, kind, what] {
      stats_.faults[kind] += 1;
      on_.world.Trace([kind] { return std::string("fault    ") + kind; });
      (this->*what)();
    });
  }
}

void Faults::Start() {
  Strike("server crash", 1, 5, &Faults::CrashServer);
  Strike("planned server stop", 0, 2, &Faults::StopServer);
  Strike("agent crash", 2, 9, &Faults::CrashAgent);
  Strike("node reboot", 0, 5, &Faults::RebootNode);
  Strike("node declared lost", 0, 1, &Faults::LoseNode);
  Strike("partition", 2, 12, &Faults::Partition);
  Strike("slow disk", 0, 4, &Faults::SlowDisk);
  Strike("server clock jump", 0, 3, &Faults::JumpServerClock);
  Strike("node clock jump", 0, 3, &Faults::JumpNodeClock);
  Strike("shim killed", 0, 3, &Faults::KillShim);
  Strike("node disk full", 0, 2, &Faults::FillNodeDisk);
  Strike("server disk low", 0, 1, &Faults::FillServerDisk);
  Strike("node cordoned", 0, 2, &Faults::CordonNode);
  on_.world.At(kFaultsEnd, [this] { Mend(); });
}

VirtualNode& Faults::SomeNode() { return *on_.nodes[on_.world.random().Below(on_.nodes.size())]; }

void Faults::RestartServerAfter(Duration downtime) {
  on_.world.After(downtime, [this] {
    if (!on_.server.up()) on_.server.Start();
  });
}

void Faults::CrashServer() {
  on_.server.Crash();
  const bool is_long = on_.world.Chance(100);
  RestartServerAfter(is_long ? on_.world.Between(minutes(1), minutes(4))
                             : on_.world.Between(milliseconds(100), seconds(15)));
}

void Faults::StopServer() {
  on_.server.Stop([this] { RestartServerAfter(on_.world.Between(milliseconds(300), minutes(1))); });
}

void Faults::CrashAgent() {
  VirtualNode& node = SomeNode();
  node.CrashAgent();
  const bool is_long = on_.world.Chance(200);
  on_.world.After(is_long ? on_.world.Between(minutes(1), minutes(5))
                          : on_.world.Between(milliseconds(200), seconds(20)),
                  [&node] { node.StartAgent(); });
}

void Faults::RebootNode() {
  VirtualNode& node = SomeNode();
  node.PowerOff();
  const bool is_long = on_.world.Chance(300);
  on_.world.After(is_long ? on_.world.Between(minutes(1), minutes(5))
                          : on_.world.Between(seconds(5), seconds(50)),
                  [&node] { node.PowerOn(); });
}

// Stays down until the server has heard the operator, who must not be wrong.
void Faults::LoseNode() {
  VirtualNode& node = SomeNode();
  node.PowerOff();
  on_.clients.DeclareLost(node.id(), [this, &node] {
    on_.world.After(on_.world.Between(seconds(1), minutes(1)), [&node] { node.PowerOn(); });
  });
}

void Faults::Partition() {
  const bool is_long = on_.world.Chance(350);
  const Duration lasts = is_long ? on_.world.Between(minutes(1), minutes(5))
                                 : on_.world.Between(seconds(1), seconds(40));
  on_.network.PartitionUntil(SomeNode().id(), on_.world.time() + lasts);
}

void Faults::SlowDisk() {
  on_.server.disk().SlowUntil(on_.world.time() + on_.world.Between(seconds(5), minutes(1)));
}

void Faults::JumpServerClock() {
  on_.server.clock().wall_offset += on_.world.Between(-seconds(40), seconds(40));
}

void Faults::JumpNodeClock() {
  SomeNode().clock().wall_offset += on_.world.Between(-minutes(10), minutes(10));
}

void Faults::KillShim() { SomeNode().KillSomeShim(); }

void Faults::FillNodeDisk() {
  VirtualNode& node = SomeNode();
  node.SetDiskLow(true);
  on_.world.After(on_.world.Between(seconds(10), minutes(3)), [&node] { node.SetDiskLow(false); });
}

void Faults::FillServerDisk() {
  const auto observe = [this](std::uint64_t free_bytes) {
    on_.server.Call(scheduler::Command{{}, scheduler::ObserveDisk{free_bytes, 256ULL << 20}},
                    [](const auto&) {});
  };
  observe(1);
  on_.world.After(on_.world.Between(seconds(1), seconds(20)), [observe] { observe(1ULL << 40); });
}

void Faults::CordonNode() {
  const NodeId node = SomeNode().id();
  on_.clients.Cordon(node, true);
  on_.world.After(on_.world.Between(minutes(1), minutes(4)),
                  [this, node] { on_.clients.Cordon(node, false); });
}

void Faults::Mend() {
  on_.world.Trace([] { return "faults   end"; });
  on_.network.EndFaults();
  if (!on_.server.up()) on_.server.Start();
  for (const auto& node : on_.nodes) {
    node->PowerOn();
    node->StartAgent();
    node->SetDiskLow(false);
  }
  // Behind every cordon that is still being repeated.
  on_.world.After(minutes(2), [this] {
    for (const auto& node : on_.nodes) on_.clients.Cordon(node->id(), false);
  });
}

}  // namespace muster::sim
