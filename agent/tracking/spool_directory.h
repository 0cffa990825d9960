// The tracking/ directory of an attempt, which belongs to the job: every name and file in it is
// hostile. Blocking, in small pieces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/logs/log_file.h"
#include "agent/shim/unique_fd.h"
#include "base/result.h"

namespace muster::agent {

class SpoolDirectory {
 public:
  static Result<SpoolDirectory> Open(const std::string& path);

  // Spools, sorted; at most `limit` of them.
  std::vector<std::string> Names(std::size_t limit) const;
  Result<LogDirectory::Piece> Read(const std::string& name, std::uint64_t offset,
                                   std::size_t max_bytes) const {
    return files_.Read(name, offset, max_bytes);
  }
  // Tells the script how many bytes are durable.
  void Acknowledge(const std::string& name, std::uint64_t bytes) const;
  // Deletes the spool and its acknowledgement. False: it stays.
  bool Delete(const std::string& name) const;
  // The same if it has `bytes` bytes and no process can add to it.
  bool DeleteIfDone(const std::string& name, std::uint64_t bytes) const;

 private:
  SpoolDirectory(LogDirectory files, UniqueFd fd) : files_(std::move(files)), fd_(std::move(fd)) {}

  LogDirectory files_;
  UniqueFd fd_;
};

}  // namespace muster::agent
