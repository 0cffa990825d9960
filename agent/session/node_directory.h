// The directory that belongs to one node: <dir>/{identity,bin,blobs,ledger,attempts,incoming}.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace muster::agent {

// Holds a lock on the directory for as long as it lives: one agent per directory.
class NodeDirectory {
 public:
  // Makes what is missing. FAILED_PRECONDITION (kStateLocked) if another agent has it and
  // does not end within 2 s.
  static Result<std::unique_ptr<NodeDirectory>> Open(std::string path);
  ~NodeDirectory();
  NodeDirectory(const NodeDirectory&) = delete;
  NodeDirectory& operator=(const NodeDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string IdentityDirectory() const { return path_ + "/identity"; }
  std::string LedgerDirectory() const { return path_ + "/ledger"; }
  std::string BlobDirectory() const { return path_ + "/blobs"; }
  // Blobs that are on their way; what a crash leaves here is resumed.
  std::string IncomingDirectory() const { return path_ + "/incoming"; }

  // Changes at every boot of the machine. A virtual node appends the content of <dir>/boot-id, if
  // there is such a file, so that it can be rebooted alone.
  Result<std::string> ReadBootId(bool is_virtual) const;

 private:
  NodeDirectory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

  std::string path_;
  int lock_fd_;
};

}  // namespace muster::agent
