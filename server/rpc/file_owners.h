// Which node writes which file of an attempt: two nodes that write one would mix their bytes.
#pragma once

#include <mutex>
#include <string>

#include "base/ids.h"
#include "storage/files/recent.h"

namespace muster::server {

// Thread-safe. Knows the files that were written to last; a file that is new to it belongs to the
// node that comes first.
class FileOwners {
 public:
  // False if another node writes the file.
  bool Claim(const std::string& file_key, const NodeId& node) {
    const std::lock_guard lock(mutex_);
    if (const NodeId* owner = owners_.Find(file_key)) return *owner == node;
    owners_.Put(file_key, node);
    return true;
  }

 private:
  static constexpr std::size_t kMaxFiles = 65'536;
  std::mutex mutex_;
  storage::Recent<std::string, NodeId> owners_{kMaxFiles};
};

}  // namespace muster::server
