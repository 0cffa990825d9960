// Names of a gang's nodes inside an attempt.
#pragma once

#include <string>
#include <vector>

#include "agent/shim/launch_file.h"
#include "base/result.h"

namespace muster::agent {

// The machine's hosts file with the entries before its own: the first that fits counts. Pure.
std::string HostsText(const std::vector<HostEntry>& hosts, const std::string& machine);

// In the attempt's own mount namespace: puts run/hosts, which is made here, over /etc/hosts.
Status BindHosts(const LaunchFile& launch);

}  // namespace muster::agent
