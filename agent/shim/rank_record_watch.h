// Sees the records that rank wrappers leave in run/exits, a directory that the job's account may
// write: names, sizes, kinds and numbers are checked, links not followed.
#pragma once

#include <string>
#include <vector>

#include "agent/shim/records.h"
#include "agent/shim/unique_fd.h"

namespace muster::agent {

class RankRecordWatch {
 public:
  // Ranks that may appear: 0 .. world_size - 1.
  static Result<RankRecordWatch> Open(UniqueFd exits, const std::string& path,
                                      std::uint32_t world_size);

  int fd() const { return inotify_.get(); }
  // Records that have appeared, in order; the end of a rank may come without its start. One buffer
  // a call: a job that makes files without pause must not keep the shim. fd() tells of the rest.
  std::vector<RankRecord> Changed();
  // Every record there is, starts before ends.
  std::vector<RankRecord> All() const;

 private:
  bool Read(const std::string& name, std::vector<RankRecord>& records) const;

  UniqueFd exits_;
  UniqueFd inotify_;
  std::uint32_t world_size_ = 0;
};

}  // namespace muster::agent
