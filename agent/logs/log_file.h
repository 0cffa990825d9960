// Reads log files out of a directory that belongs to the job: every name in it is hostile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace muster::agent {

// An open log directory. Only plain files in it that have one name are read: a job
// must not make an agent with more rights than its own read links for it. Blocking, in small
// pieces.
class LogDirectory {
 public:
  // kAll: also those in directories below it, by their paths.
  enum class Depth : std::uint8_t { kOne, kAll };
  // `hidden`: see Names.
  static Result<LogDirectory> Open(const std::string& path, Depth depth = Depth::kOne,
                                   bool hidden = false);
  LogDirectory(LogDirectory&& other) noexcept;
  LogDirectory& operator=(LogDirectory&&) = delete;
  ~LogDirectory();

  // At most `limit` names, sorted, but for `hidden` none whose first component begins with a dot.
  // Looks at so many entries of the directory as a small multiple of
  // `limit`, whatever the job has put there.
  std::vector<std::string> Names(std::size_t limit) const;

  struct Piece {
    std::uint64_t size_bytes = 0;  // of the whole file
    std::string data;              // up to max_bytes from the offset
  };
  // NOT_FOUND if there is none that may be read.
  Result<Piece> Read(const std::string& name, std::uint64_t offset, std::size_t max_bytes) const;

 private:
  LogDirectory(int fd, Depth depth, bool hidden) : fd_(fd), depth_(depth), hidden_(hidden) {}
  int OpenBelow(const std::string& name, int flags) const;

  int fd_;
  Depth depth_;
  bool hidden_;
};

}  // namespace muster::agent
