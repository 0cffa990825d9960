#include "agent/exec/node_programs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "agent/shim/files.h"
#include "base/digest.h"

namespace muster::agent {
namespace {

constexpr std::size_t kProgramMaxBytes = 256U << 20;

Status MakeOpenDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot make " + path));
  if (::chmod(path.c_str(), 0755) != 0)
    return Fail(SystemError(ErrorReason::kLaunch, "cannot open up " + path));
  return {};
}

Status CopyTo(const UniqueFd& directory, const std::string& name, const std::string& content) {
  const auto existing = ReadFileAt(directory.get(), name, kProgramMaxBytes);
  if (existing && *existing == content) return {};
  return WriteFileAt(directory.get(), name, content, 0755, Durability::kSync);
}

}  // namespace

Result<std::string> InstallPrograms(const std::string& source, const std::string& directory) {
  MUSTER_ASSIGN(const UniqueFd from, OpenDirectory(source));
  MUSTER_ASSIGN(const std::string shim, ReadFileAt(from.get(), "muster-shim", kProgramMaxBytes));
  MUSTER_ASSIGN(const std::string rsh, ReadFileAt(from.get(), "muster-rsh", kProgramMaxBytes));
  Hasher hasher;
  hasher.Update(shim);
  hasher.Update(rsh);
  const std::string bin = directory + "/bin";
  const std::string target = bin + "/" + hasher.Finish().Hex().substr(0, 16);
  MUSTER_TRY(MakeOpenDirectory(bin));
  MUSTER_TRY(MakeOpenDirectory(target));
  MUSTER_ASSIGN(const UniqueFd to, OpenDirectory(target));
  MUSTER_TRY(CopyTo(to, "muster-shim", shim));
  MUSTER_TRY(CopyTo(to, "muster-rsh", rsh));
  return target;
}

}  // namespace muster::agent
