#include "server/auth/role_names.h"

namespace muster::server {

using scheduler::Role;

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAdmin:
      return "admin";
    case Role::kUser:
      return "user";
    case Role::kViewer:
      return "viewer";
    case Role::kNode:
      return "node";
    case Role::kAttempt:
      return "attempt";
    case Role::kJoin:
      return "join";
  }
  return "unknown";
}

v1::Role EncodeRole(Role role) {
  switch (role) {
    case Role::kAdmin:
      return v1::ROLE_ADMIN;
    case Role::kUser:
      return v1::ROLE_USER;
    case Role::kViewer:
      return v1::ROLE_VIEWER;
    case Role::kNode:
      return v1::ROLE_NODE;
    case Role::kAttempt:
      return v1::ROLE_ATTEMPT;
    case Role::kJoin:
      return v1::ROLE_JOIN;
  }
  return v1::ROLE_UNSPECIFIED;
}

std::optional<Role> DecodeRole(v1::Role role) {
  for (const Role known :
       {Role::kAdmin, Role::kUser, Role::kViewer, Role::kNode, Role::kAttempt, Role::kJoin})
    if (EncodeRole(known) == role) return known;
  return std::nullopt;
}

}  // namespace muster::server
