#include "agent/tracking/attempt_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>

#include "agent/shim/files.h"

namespace muster::agent {
namespace {

constexpr int kBacklog = 16;

struct Places {
  UniqueFd run;
  UniqueFd tracking;
};

Result<UniqueFd> BindSocket(int directory, const std::string& name, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Independent of how long the directory's path is.
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  if (path.size() >= sizeof(address.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kIo, "socket name too long: " + name);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlinkat(directory, name.c_str(), 0);
  const bool listens = type == SOCK_STREAM;
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      (listens && ::listen(fd.get(), kBacklog) != 0)) {
    return Fail(SystemError(ErrorReason::kIo, "cannot make the socket " + name));
  }
  return fd;
}

Result<UniqueFd> MakeOne(const Places& places, const std::string& name, int type,
                         const std::optional<Credentials>& owner) {
  const std::string temporary = "tracking-" + name + ".sock";
  MUSTER_ASSIGN(UniqueFd fd, BindSocket(places.run.get(), temporary, type));
  const bool given =
      ::fchmodat(places.run.get(), temporary.c_str(), 0600, 0) == 0 &&
      (!owner || ::fchownat(places.run.get(), temporary.c_str(), owner->uid, owner->gid,
                            AT_SYMLINK_NOFOLLOW) == 0) &&
      ::renameat(places.run.get(), temporary.c_str(), places.tracking.get(), name.c_str()) == 0;
  if (!given) return Fail(SystemError(ErrorReason::kIo, "cannot put the socket " + name));
  return fd;
}

}  // namespace

Result<AttemptSockets> MakeSockets(const std::string& attempt_directory,
                                   const std::optional<Credentials>& owner) {
  Places places;
  MUSTER_ASSIGN(places.run, OpenDirectory(attempt_directory + "/run"));
  MUSTER_ASSIGN(places.tracking, OpenDirectory(attempt_directory + "/tracking"));
  AttemptSockets sockets;
  MUSTER_ASSIGN(sockets.poke, MakeOne(places, kPokeName, SOCK_DGRAM, owner));
  MUSTER_ASSIGN(sockets.calls, MakeOne(places, kCallName, SOCK_STREAM, owner));
  return sockets;
}

}  // namespace muster::agent
