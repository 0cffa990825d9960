#include "agent/shim/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace muster::agent {
namespace {

// 0: gone.
pid_t ParentOf(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  FILE* file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  char line[512];
  const std::size_t got = std::fread(line, 1, sizeof(line) - 1, file);
  std::fclose(file);
  line[got] = '\0';
  // "pid (name) state ppid ...": the name may hold anything, parentheses included.
  const std::string text(line);
  const std::size_t end = text.rfind(')');
  int parent = 0;
  if (end == std::string::npos || std::sscanf(text.c_str() + end + 1, " %*c %d", &parent) != 1)
    return 0;
  return parent;
}

std::map<pid_t, pid_t> Parents() {
  std::map<pid_t, pid_t> parents;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) return parents;
  while (const dirent* entry = ::readdir(directory)) {
    const int pid = std::atoi(entry->d_name);
    if (pid > 0) parents[pid] = ParentOf(pid);
  }
  ::closedir(directory);
  return parents;
}

bool LeadsTo(const std::map<pid_t, pid_t>& parents, pid_t pid, pid_t ancestor) {
  for (int depth = 0; depth < 4096; ++depth) {
    const auto found = parents.find(pid);
    if (found == parents.end() || found->second <= 0) return false;
    if (found->second == ancestor) return true;
    pid = found->second;
  }
  return false;
}

}  // namespace

void KillDescendants(bool namespaces) {
  if (namespaces) {
    ::kill(-1, SIGKILL);
    return;
  }
  const std::map<pid_t, pid_t> parents = Parents();
  for (const auto& [pid, parent] : parents)
    if (LeadsTo(parents, pid, ::getpid())) ::kill(pid, SIGKILL);
}

bool IsDescendant(pid_t pid) {
  for (int depth = 0; pid > 1 && depth < 4096; ++depth) {
    const pid_t parent = ParentOf(pid);
    if (parent == ::getpid()) return true;
    pid = parent;
  }
  return false;
}

}  // namespace muster::agent
