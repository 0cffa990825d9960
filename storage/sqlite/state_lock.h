// The lock of a state directory: an open-file-description lock on <state>/lock, which the kernel
// lets go of when the process ends, however it ends.
#pragma once

#include <string>

#include "storage/files/posix.h"

namespace muster::storage {

class StateLock {
 public:
  // FAILED_PRECONDITION (kStateLocked) naming the process that holds it.
  static Result<StateLock> Take(const std::string& state_directory);

 private:
  explicit StateLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace muster::storage
