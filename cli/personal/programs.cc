#include "cli/personal/programs.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include "cli/outcome.h"

namespace muster::cli {

namespace fs = std::filesystem;

std::vector<fs::path> PlacesOf(const std::string& name, const fs::path& own_directory,
                               std::string_view search_path) {
  std::vector<fs::path> directories;
  if (!own_directory.empty()) {
    const fs::path prefix = own_directory.parent_path();
    directories = {own_directory, prefix / "bin", prefix / "sbin", prefix / "libexec" / "muster"};
  }
  std::istringstream words{std::string(search_path)};
  for (std::string word; std::getline(words, word, ':');) {
    // A relative one would make it a matter of where one stands.
    if (!word.empty() && word.front() == '/') directories.emplace_back(word);
  }
  std::vector<fs::path> places;
  for (const fs::path& directory : directories) {
    fs::path place = directory / name;
    if (std::find(places.begin(), places.end(), place) == places.end()) {
      places.push_back(std::move(place));
    }
  }
  return places;
}

Result<fs::path> FindProgram(const std::string& name, const std::vector<fs::path>& places,
                             const std::function<bool(const fs::path&)>& is_executable) {
  const auto found = std::find_if(places.begin(), places.end(), is_executable);
  if (found != places.end()) return *found;
  return Fail(UsageError(name + " is not there, neither beside `muster` nor in PATH; a personal "
                                "server needs musterd and muster-agent on this machine: install "
                                "the packages muster-server and muster-agent"));
}

Result<fs::path> FindDaemon(const std::string& name) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const char* const path = std::getenv("PATH");
  return FindProgram(name, PlacesOf(name, self.parent_path(), path == nullptr ? "" : path),
                     [](const fs::path& place) {
                       std::error_code ignored;
                       return fs::is_regular_file(place, ignored) &&
                              access(place.c_str(), X_OK) == 0;
                     });
}

}  // namespace muster::cli
