// The few POSIX calls that the stores need, with errors as values. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace muster::storage {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A full disk is RESOURCE_EXHAUSTED, everything else INTERNAL; the reason is kIo.
Error IoError(int error_number, std::string_view what);

// 0700, parents too; one that is there is fine.
Status MakeDirectories(const std::string& path);
Result<Fd> OpenDirectory(const std::string& path);
Status WriteAt(int fd, std::uint64_t offset, std::string_view data);
// Up to max_bytes; fewer only at the end of the file.
Result<std::string> ReadAt(int fd, std::uint64_t offset, std::size_t max_bytes);
// fsync; of a directory: its entries are on disk.
Status Sync(int fd, std::string_view what);
Status SyncDirectory(const std::string& path);

}  // namespace muster::storage
