// A broken promise of the code under test. The one exception the project throws: it carries a
// finding out of the middle of a simulated step. A failed MUSTER_CHECK of the code under test
// becomes one too.
#pragma once

#include <stdexcept>
#include <string>

namespace muster::sim {

class Violation : public std::runtime_error {
 public:
  explicit Violation(const std::string& what) : std::runtime_error(what) {}
};

// `promise` must hold. The sentence is built only if it does not.
template <class Sentence>
void Promise(bool promise, Sentence&& sentence) {
  if (!promise) [[unlikely]]
    throw Violation(sentence());
}
inline void Promise(bool promise, const char* sentence) {
  if (!promise) [[unlikely]]
    throw Violation(sentence);
}

}  // namespace muster::sim
