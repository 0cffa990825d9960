#include "cli/role_name.h"

#include <cctype>

namespace muster::cli {

namespace v1 = muster::v1;

std::string RoleName(v1::Role role) {
  std::string name = v1::Role_Name(role);
  constexpr std::string_view kPrefix = "ROLE_";
  if (!name.starts_with(kPrefix)) return "unknown role " + std::to_string(role);
  name.erase(0, kPrefix.size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

v1::Role ParseRole(std::string_view name) {
  for (const v1::Role role : {v1::ROLE_ADMIN, v1::ROLE_USER, v1::ROLE_VIEWER}) {
    if (RoleName(role) == name) return role;
  }
  return v1::ROLE_UNSPECIFIED;
}

}  // namespace muster::cli
