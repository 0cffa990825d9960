// Makes files, directories and links below one directory and nowhere else, from names that nobody
// has checked. Every name is resolved by the kernel beneath the directory and through no symlink
// (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). Nothing is ever replaced.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/shim/launch_file.h"
#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

class TreeWriter {
 public:
  // `owner`: gets everything that is made; absent: it stays ours.
  TreeWriter(UniqueFd root, std::optional<Credentials> owner)
      : root_(std::move(root)), owner_(std::move(owner)) {}

  // All fail with kUnsafePath and a sentence that names the entry. `mode`: permission bits alone.
  Status MakeDirectory(const std::string& name, mode_t mode);
  Result<UniqueFd> MakeFile(const std::string& name, mode_t mode);
  Status MakeSymlink(const std::string& name, const std::string& target);
  Status MakeHardLink(const std::string& name, const std::string& target);

 private:
  struct Place {
    int parent = -1;  // borrowed
    std::string last;
    int depth = 0;  // of the parent below the root
  };
  Result<Place> Locate(const std::string& name);
  Status OpenParent(const std::string& name, const std::string& parent);
  Status Own(const Place& place);

  UniqueFd root_;
  std::optional<Credentials> owner_;
  // Most entries of an archive follow a neighbour.
  std::string cached_parent_;
  UniqueFd cached_;
};

// "a/b/c" without "." parts and doubled slashes; refuses absolute names, "..", empty names.
Result<std::string> CleanName(const std::string& name);

}  // namespace muster::agent
