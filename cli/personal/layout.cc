#include "cli/personal/layout.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/outcome.h"

namespace muster::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kRootsDirectory[] = "/var/lib/muster-personal";

std::optional<std::string> AbsoluteVariable(const char* name) {
  const char* const value = std::getenv(name);
  // What is relative is to be ignored, says the XDG specification.
  if (value == nullptr || *value != '/') return std::nullopt;
  return value;
}

bool OpenToOthers(const fs::path& path) {
  fs::path way;
  for (const fs::path& part : path) {
    way /= part;
    struct stat info {};
    if (stat(way.c_str(), &info) != 0) return true;  // what is not there yet is ours to make
    // The last one's mode is ours to set.
    if (way != path && (info.st_mode & S_IXOTH) == 0) return false;
  }
  return true;
}

}  // namespace

Result<PersonalLayout> ChooseLayout(const PersonalHome& home) {
  PersonalLayout layout;
  if (home.flag) {
    layout.root = *home.flag;
  } else if (home.state_home) {
    layout.root = fs::path(*home.state_home) / "muster" / "personal";
  } else if (home.home) {
    layout.root = fs::path(*home.home) / ".local" / "state" / "muster" / "personal";
  } else {
    return Fail(UsageError("neither XDG_STATE_HOME nor HOME is set: give --dir DIR"));
  }
  if (!home.root || home.open_to_others(layout.root)) return layout;
  const bool by_default = !home.flag && !home.state_home && *home.home == home.account_home;
  if (!by_default) {
    return Fail(
        UsageError("jobs of a server that root starts run as another account, which cannot "
                   "reach " +
                   layout.root.string() +
                   "; give --dir DIR, below directories that all may search (mode 0711)"));
  }
  layout.root = kRootsDirectory;
  return layout;
}

Result<PersonalLayout> FindLayout(const std::optional<std::string>& flag) {
  PersonalHome home;
  if (flag) {
    if (flag->empty()) return Fail(UsageError("--dir must name a directory"));
    home.flag = fs::absolute(*flag).lexically_normal().string();
    if (home.flag->size() > 1 && home.flag->back() == '/') home.flag->pop_back();
  }
  home.state_home = AbsoluteVariable("XDG_STATE_HOME");
  home.home = AbsoluteVariable("HOME");
  home.root = geteuid() == 0;
  const passwd* const account = getpwuid(geteuid());
  if (account != nullptr) home.account_home = account->pw_dir;
  home.open_to_others = OpenToOthers;
  return ChooseLayout(home);
}

}  // namespace muster::cli
