// Roles as people write them.
#pragma once

#include <string>
#include <string_view>

#include "muster/v1/admin.pb.h"

namespace muster::cli {

// "admin", "user", "viewer", "join"...
std::string RoleName(muster::v1::Role role);
// ROLE_UNSPECIFIED for anything but admin, user and viewer, the roles that tokens are made for.
muster::v1::Role ParseRole(std::string_view name);

}  // namespace muster::cli
