#include "agent/session/path_checker.h"

#include <utility>

namespace muster::agent {

bool PathChecker::Check(v1::CheckPaths question, OnChecked on_checked) {
  if (taken_.fetch_add(1) > kMaxWaiting) {
    taken_.fetch_sub(1);
    return false;
  }
  worker_.Post([this, question = std::move(question), on_checked = std::move(on_checked)] {
    on_checked(Look(question));
    taken_.fetch_sub(1);
  });
  return true;
}

v1::PathsChecked PathChecker::Look(const v1::CheckPaths& question) const {
  v1::PathsChecked checked;
  checked.set_id(question.id());
  for (const std::string& path : question.paths()) {
    if (!path.starts_with('/') || is_missing_(path)) checked.add_missing(path);
  }
  return checked;
}

}  // namespace muster::agent
