// Which network interfaces Open MPI shall use on a node. Pure but for LocalNetworks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::agent {

// An IPv4 network this machine is on; address and mask in host order.
struct LocalNetwork {
  std::string interface;
  std::uint32_t address = 0;
  std::uint32_t mask = 0;
};

std::vector<LocalNetwork> LocalNetworks();

// Value for oob_tcp_if_include and btl_tcp_if_include: "lo" when the whole gang is on the loopback,
// "10.77.0.0/24" when every address is in that network of ours, empty when it can't be told (Open
// MPI then uses every interface).
std::string ChooseNetwork(const std::vector<std::string>& gang_addresses,
                          const std::vector<LocalNetwork>& networks);

}  // namespace muster::agent
