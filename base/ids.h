// Strong types for the names and numbers of the model: a NodeId can't be passed for a JobId.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/shared_text.h"

namespace muster {

// A pointer wide; copies share the text, so that a million jobs may each name their pool.
template <class Tag>
class StrongId {
 public:
  StrongId() = default;
  explicit StrongId(std::string value) : value_(std::move(value)) {}

  const std::string& str() const { return value_.str(); }
  bool empty() const { return value_.empty(); }

  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend bool operator==(const StrongId&, const StrongId&) = default;

 private:
  SharedText value_;
};

using WorkspaceName = StrongId<struct WorkspaceNameTag>;
using PoolName = StrongId<struct PoolNameTag>;
using NodeId = StrongId<struct NodeIdTag>;
using JobId = StrongId<struct JobIdTag>;
using UserName = StrongId<struct UserNameTag>;
using TokenId = StrongId<struct TokenIdTag>;
using DatastoreName = StrongId<struct DatastoreNameTag>;

// One execution of a job. Number 1 is the first.
struct AttemptId {
  JobId job;
  std::uint32_t number = 0;

  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
  friend bool operator==(const AttemptId&, const AttemptId&) = default;
};

// "digits_1790000000_0a1b2c3d/1", for messages.
inline std::string ToString(const AttemptId& id) {
  return id.job.str() + "/" + std::to_string(id.number);
}

}  // namespace muster

template <class Tag>
struct std::hash<muster::StrongId<Tag>> {
  std::size_t operator()(const muster::StrongId<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
