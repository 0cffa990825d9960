// What is below the directory of an attempt. Names there are of nodes, so hostile: nothing is
// opened through a link, nothing outside the directory is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/files/posix.h"

namespace muster::storage {

// Never leaves `directory`, follows no link: the kernel's word, not ours. -1 and errno on failure.
Fd OpenBeneath(int directory, const std::string& path, int flags);

struct FoundRunFile {
  std::string name;  // relative to the attempt
  int directory;     // that it is in, open during the visit
  const char* entry;

  // 0 if it is gone.
  std::uint64_t SizeBytes() const;
};

// Visits the regular files below `directory`, in no order; those beyond the number that an attempt
// may have are left out.
Status VisitRunFiles(Fd directory, const std::function<void(const FoundRunFile&)>& visit);

// The first `max` names after `after`, in whatever order they are offered; keeps no more than that.
class FirstNames {
 public:
  // `after` outlives it.
  FirstNames(std::string_view after, std::size_t max) : after_(after), max_(max) {}
  void Offer(const std::string& name);
  const std::set<std::string>& names() const { return names_; }

 private:
  const std::string_view after_;
  const std::size_t max_;
  std::set<std::string> names_;
};

}  // namespace muster::storage
