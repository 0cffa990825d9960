#include "agent/staging/data.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shim/files.h"
#include "agent/staging/tree_writer.h"
#include "muster/v1/agent.pb.h"

namespace muster::agent {
namespace {

tl::unexpected<Error> Failed(const std::string& name, const std::string& why) {
  return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kStaging,
              "data reference \"" + name + "\": " + why);
}

// "datastore "digits", path "2024/a"", as the user knows it.
std::string Origin(const v1::AttemptTask& task, const std::string& name) {
  for (const v1::DataReference& reference : task.spec().data_references())
    if (reference.name() == name)
      return "datastore \"" + reference.datastore() + "\", path \"" + reference.path() + "\"";
  return "its datastore";
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() <= 255 &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
             std::string::npos;
}

// What the shim binds to, or the link that stands for it.
Status MakeTarget(const v1::ResolvedData& data, const StagingSetup& setup, int mounts) {
  struct stat status {};
  ::stat(data.local_path().c_str(), &status);
  const char* name = data.name().c_str();
  bool made = false;
  if (!setup.namespaces) {
    made = ::symlinkat(data.local_path().c_str(), mounts, name) == 0;
  } else if (S_ISDIR(status.st_mode)) {
    made = ::mkdirat(mounts, name, 0755) == 0;
  } else {
    made = static_cast<bool>(UniqueFd(::openat(mounts, name, O_CREAT | O_EXCL | O_CLOEXEC, 0644)));
  }
  if (!made) return Fail(SystemError(ErrorReason::kStaging, "cannot make mounts/" + data.name()));
  return {};
}

// A link from the place in work/ where the job wants the data.
Status LinkOnCompute(const v1::ResolvedData& data, const StagingSetup& setup) {
  if (data.path_on_compute().empty()) return {};
  const auto place = CleanName(data.path_on_compute());
  if (!place || place->empty())
    return Failed(data.name(), "path_on_compute \"" + data.path_on_compute() +
                                   "\" must be a relative path without \"..\"");
  const std::string path = setup.attempt_directory + "/work/" + *place;
  const std::string target = setup.attempt_directory + "/mounts/" + data.name();
  MUSTER_ASSIGN(UniqueFd work, OpenDirectory(setup.attempt_directory + "/work"));
  // Parents through the writer: the snapshot may have put a link in the way.
  const std::size_t slash = place->rfind('/');
  if (slash != std::string::npos) {
    TreeWriter tree(std::move(work), setup.owner);
    MUSTER_TRY(tree.MakeDirectory(place->substr(0, slash), 0755));
  }
  if (::symlink(target.c_str(), path.c_str()) != 0)
    return Failed(data.name(), "path_on_compute \"" + *place +
                                   "\" is taken by the snapshot or by another reference");
  return {};
}

}  // namespace

Status StageData(const v1::AttemptTask& task, const StagingSetup& setup) {
  MUSTER_ASSIGN(const UniqueFd mounts, OpenDirectory(setup.attempt_directory + "/mounts"));
  for (const v1::ResolvedData& data : task.data()) {
    if (!IsPlainName(data.name())) return Failed(data.name(), "its name is not of [A-Za-z0-9_]");
    if (data.mode() == v1::DATA_MODE_UPLOAD)
      return Failed(data.name(), "mode upload is not supported yet; use mount");
    if (data.local_path().empty() || data.local_path().front() != '/')
      return Failed(data.name(), "\"" + data.local_path() + "\" is not an absolute path");
    if (!LocalPathExists(data.local_path()))
      return Failed(data.name(), data.local_path() + " (" + Origin(task, data.name()) +
                                     ") does not exist on node " + setup.node.str());
    MUSTER_TRY(MakeTarget(data, setup, mounts.get()));
    MUSTER_TRY(LinkOnCompute(data, setup));
  }
  return {};
}

}  // namespace muster::agent
