#include "agent/exec/account.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace muster::agent {

Result<std::optional<Credentials>> JobAccount(const std::string& job_user) {
  if (::geteuid() != 0) return std::nullopt;
  const auto refuse = [&job_user](const std::string& why) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kLaunch,
                "job_user \"" + job_user + "\" " + why +
                    "; an agent that is root needs an unprivileged account for its jobs");
  };
  if (job_user.empty()) return refuse("is not set");
  char buffer[16384];
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(job_user.c_str(), &entry, buffer, sizeof(buffer), &found) != 0 ||
      found == nullptr)
    return refuse("does not exist on this node");
  if (entry.pw_uid == 0) return refuse("is root");
  Credentials account{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(256)};
  int count = static_cast<int>(account.groups.size());
  if (::getgrouplist(job_user.c_str(), entry.pw_gid, account.groups.data(), &count) < 0)
    return refuse("is in more than 256 groups");
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

}  // namespace muster::agent
