// Roles between the model, the protocol and people.
#pragma once

#include <optional>
#include <string_view>

#include "muster/v1/admin.pb.h"
#include "scheduler/model/types.h"

namespace muster::server {

// "admin", "user", "viewer", "node", "attempt", "join"
std::string_view RoleName(scheduler::Role role);
muster::v1::Role EncodeRole(scheduler::Role role);
// Nothing for ROLE_UNSPECIFIED and numbers that are no role.
std::optional<scheduler::Role> DecodeRole(muster::v1::Role role);

}  // namespace muster::server
