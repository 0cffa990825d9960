#include "agent/launch/network.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <optional>

namespace muster::agent {
namespace {

std::optional<std::uint32_t> ParseAddress(const std::string& text) {
  if (text == "localhost") return INADDR_LOOPBACK;
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

bool IsLoopback(std::uint32_t address) { return address >> 24 == 127; }

std::string Text(std::uint32_t network, std::uint32_t mask) {
  const in_addr address{htonl(network)};
  char text[INET_ADDRSTRLEN];
  ::inet_ntop(AF_INET, &address, text, sizeof(text));
  return std::string(text) + "/" + std::to_string(std::popcount(mask));
}

std::uint32_t HostOrder(const sockaddr* address) {
  return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
}

}  // namespace

std::vector<LocalNetwork> LocalNetworks() {
  std::vector<LocalNetwork> networks;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return networks;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr ||
        entry->ifa_addr->sa_family != AF_INET)
      continue;
    networks.push_back(
        {entry->ifa_name, HostOrder(entry->ifa_addr), HostOrder(entry->ifa_netmask)});
  }
  ::freeifaddrs(first);
  return networks;
}

std::string ChooseNetwork(const std::vector<std::string>& gang_addresses,
                          const std::vector<LocalNetwork>& networks) {
  std::vector<std::uint32_t> addresses;
  for (const std::string& text : gang_addresses) {
    const auto address = ParseAddress(text);
    if (!address) return {};
    addresses.push_back(*address);
  }
  if (addresses.empty()) return {};
  if (std::all_of(addresses.begin(), addresses.end(), IsLoopback)) return "lo";
  for (const LocalNetwork& network : networks) {
    if (IsLoopback(network.address)) continue;
    const auto inside = [&network](std::uint32_t address) {
      return (address & network.mask) == (network.address & network.mask);
    };
    if (std::all_of(addresses.begin(), addresses.end(), inside))
      return Text(network.address & network.mask, network.mask);
  }
  return {};
}

}  // namespace muster::agent
