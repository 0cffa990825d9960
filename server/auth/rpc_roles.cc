#include "server/auth/rpc_roles.h"

#include <algorithm>

namespace muster::server {

std::optional<RoleSet> RolesFor(std::string_view method) {
  const auto found = std::find_if(kRpcRoles.begin(), kRpcRoles.end(),
                                  [&](const RpcRoles& entry) { return entry.method == method; });
  if (found == kRpcRoles.end()) return std::nullopt;
  return found->allowed;
}

}  // namespace muster::server
