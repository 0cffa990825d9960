#include "agent/staging/attempt_directory.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "agent/shim/files.h"
#include "agent/shim/records.h"
#include "agent/staging/data.h"
#include "agent/staging/tree_writer.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

constexpr char kPreparedName[] = "prepared";

Status MakeOne(const StagingSetup& setup, const std::string& name, mode_t mode, bool of_job) {
  const std::string path = setup.attempt_directory + name;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(SystemError(ErrorReason::kStaging, "cannot make " + path));
  if (::chmod(path.c_str(), mode) != 0 ||
      (of_job && setup.owner && ::chown(path.c_str(), setup.owner->uid, setup.owner->gid) != 0))
    return Fail(SystemError(ErrorReason::kStaging, "cannot set the owner of " + path));
  return {};
}

Status MakeLayout(const StagingSetup& setup) {
  // Other accounts may pass through what is the agent's, and see nothing there.
  const mode_t pass = setup.owner ? 0711 : 0700;
  MUSTER_TRY(MakeOne(setup, "", pass, false));
  MUSTER_TRY(MakeOne(setup, "/run", pass, false));
  MUSTER_TRY(MakeOne(setup, "/mounts", setup.owner ? 0755 : 0700, false));
  MUSTER_TRY(MakeOne(setup, "/work", 0700, true));
  MUSTER_TRY(MakeOne(setup, "/logs", 0700, true));
  MUSTER_TRY(MakeOne(setup, "/tmp", 0700, true));
  MUSTER_TRY(MakeOne(setup, "/tracking", 0700, true));
  MUSTER_TRY(MakeOne(setup, "/tracking/files", 0700, true));
  return MakeOne(setup, std::string("/run/") + kExitsDirectory, 0700, true);
}

// The snapshot may have brought them along; then they are directories already, or its own fault.
Status MakeOutputDirectories(const StagingSetup& setup) {
  MUSTER_ASSIGN(UniqueFd work, OpenDirectory(setup.attempt_directory + "/work"));
  TreeWriter tree(std::move(work), setup.owner);
  MUSTER_TRY(tree.MakeDirectory("outputs", 0755));
  return tree.MakeDirectory("logs", 0755);
}

Status CheckScript(const std::string& script, const StagingSetup& setup) {
  MUSTER_ASSIGN(const UniqueFd work, OpenDirectory(setup.attempt_directory + "/work"));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, work.get(), script.c_str(), &how, sizeof(how))));
  struct stat status {};
  if (!fd && errno == ENOENT)
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kStaging,
                "entry script \"" + script + "\" is not in the snapshot");
  if (!fd)
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kUnsafePath,
                "entry script \"" + script + "\" lies outside the source directory");
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kStaging,
                "entry script \"" + script + "\" is not a file");
  return {};
}

}  // namespace

bool LocalPathExists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

bool LocalPathIsMissing(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 &&
         (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
}

Status StageAttempt(const v1::AttemptTask& task, const StagingSetup& setup,
                    const std::string& archive_path) {
  MUSTER_TRY(MakeLayout(setup));
  if (!archive_path.empty()) {
    MUSTER_ASSIGN(UniqueFd work, OpenDirectory(setup.attempt_directory + "/work"));
    MUSTER_TRY(UnpackSnapshot(archive_path, std::move(work), setup.owner, setup.limits));
  }
  MUSTER_TRY(MakeOutputDirectories(setup));
  MUSTER_TRY(StageData(task, setup));
  MUSTER_TRY(CheckScript(task.spec().script(), setup));
  MUSTER_ASSIGN(const UniqueFd run, OpenDirectory(setup.attempt_directory + "/run"));
  return WriteFileAt(run.get(), kPreparedName, "", 0600, Durability::kRename);
}

bool IsStaged(const std::string& attempt_directory) {
  return LocalPathExists(attempt_directory + "/run/" + kPreparedName);
}

}  // namespace muster::agent
