// Reads log files out of a directory that belongs to the job: every name in it is hostile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace muster::agent {

// An open log directory. Only plain files that are directly in it and have one name are read: a job
// must not make an agent with more rights than its own read links for it. Blocking, in small
// pieces.
class LogDirectory {
 public:
  static Result<LogDirectory> Open(const std::string& path);
  LogDirectory(LogDirectory&& other) noexcept;
  LogDirectory& operator=(LogDirectory&&) = delete;
  ~LogDirectory();

  // At most `limit` names, sorted. Looks at so many entries of the directory as a small multiple of
  // `limit`, whatever the job has put there.
  std::vector<std::string> Names(std::size_t limit) const;

  struct Piece {
    std::uint64_t size_bytes = 0;  // of the whole file
    std::string data;              // up to max_bytes from the offset
  };
  // NOT_FOUND if there is none that may be read.
  Result<Piece> Read(const std::string& name, std::uint64_t offset, std::size_t max_bytes) const;

 private:
  explicit LogDirectory(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace muster::agent
