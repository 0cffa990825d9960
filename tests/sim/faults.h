// The misfortunes of one seed, drawn in advance over the first part of the hour. By the end of it
// all is mended: machines are up, links hold, disks are fast.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/clients.h"
#include "tests/sim/network.h"
#include "tests/sim/stats.h"
#include "tests/sim/virtual_node.h"
#include "tests/sim/virtual_server.h"

namespace muster::sim {

class Faults {
 public:
  struct Victims {
    World& world;
    Network& network;
    VirtualServer& server;
    Clients& clients;
    std::vector<std::unique_ptr<VirtualNode>>& nodes;
  };
  Faults(const Victims& victims, Stats& stats) : on_(victims), stats_(stats) {}

  void Start();

 private:
  // Strikes between `least` and `most` times.
  void Strike(const char* kind, std::uint32_t least, std::uint32_t most, void (Faults::*what)());
  VirtualNode& SomeNode();

  void CrashServer();
  void StopServer();
  void CrashAgent();
  void RebootNode();
  void LoseNode();
  void Partition();
  void SlowDisk();
  void JumpServerClock();
  void JumpNodeClock();
  void KillShim();
  void FillNodeDisk();
  void FillServerDisk();
  void CordonNode();
  void RestartServerAfter(Duration downtime);
  void Mend();

  Victims on_;
  Stats& stats_;
};

}  // namespace muster::sim
