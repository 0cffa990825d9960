// A whole file that is given a second name beneath another directory, without writing it again
// where the file system allows that.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "storage/files/posix.h"

namespace muster::storage {

class SourceFile {
 public:
  // Nobody writes to the file any more.
  static Result<SourceFile> Open(const std::string& path);

  std::uint64_t size_bytes() const { return size_bytes_; }
  // Reads both, unless they are one file.
  Result<bool> HasContentOf(int other) const;
  // As `path` beneath `directory`, whose parents are there and which nobody else makes meanwhile.
  // Linked, or copied beside it first. After a failure nothing of it is there.
  Status PlaceBeneath(int directory, const std::string& path) const;

 private:
  SourceFile(std::string path, Fd fd, std::uint64_t size_bytes)
      : path_(std::move(path)), fd_(std::move(fd)), size_bytes_(size_bytes) {}
  Status CopyInto(int parent, const std::string& name) const;

  std::string path_;
  Fd fd_;
  std::uint64_t size_bytes_;
};

}  // namespace muster::storage
