#include "agent/exec/node_programs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "agent/shim/files.h"
#include "agent/shim/launch_file.h"
#include "base/digest.h"
#include "base/log.h"

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

// The program directories that launched attempts run from; nothing if one of them cannot be told.
std::optional<std::vector<std::string>> ProgramsInUse(const std::string& directory) {
  std::vector<std::string> used;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory + "/attempts", error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string run_path = entry->path().string() + "/run";
    const bool launched = std::filesystem::exists(run_path + "/" + kLaunchFileName, error);
    if (error) return std::nullopt;
    if (!launched) continue;
    const auto run = OpenDirectory(run_path);
    const auto text =
        run ? ReadFileAt(run->get(), kLaunchFileName, kLaunchFileMaxBytes) : Fail(run.error());
    const auto launch = text ? ParseLaunchFile(*text) : Fail(text.error());
    if (!launch) return std::nullopt;
    used.push_back(launch->program_directory);
  }
  if (error && error != std::errc::no_such_file_or_directory) return std::nullopt;
  return used;
}

void RemoveUnused(const std::string& directory, const std::string& current) {
  const auto used = ProgramsInUse(directory);
  if (!used) return;
  std::error_code error;
  std::vector<std::string> going;
  for (std::filesystem::directory_iterator entry(directory + "/bin", error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().string();
    if (path != current && std::find(used->begin(), used->end(), path) == used->end())
      going.push_back(path);
  }
  for (const std::string& path : going) {
    std::filesystem::remove_all(path, error);
    Log(error ? LogLevel::kWarning : LogLevel::kInfo,
        error ? "old_programs_not_removed" : "old_programs_removed", {{"directory", path}});
  }
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
  RemoveUnused(directory, target);
  return target;
}

}  // namespace muster::agent
