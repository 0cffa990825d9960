// Fills a model struct with arbitrary values in every field and compares two field by field. A
// field that is added to a struct stops the compilation here until its codec is thought of.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"
#include "storage/codec/values.h"

namespace muster::storage {

// The names are of no meaning: only their number is checked.
#define MUSTER_FIELDS(type, ...)          \
  inline auto Fields(type& value) {       \
    auto& [__VA_ARGS__] = value;          \
    return std::tie(__VA_ARGS__);         \
  }                                       \
  inline auto Fields(const type& value) { \
    const auto& [__VA_ARGS__] = value;    \
    return std::tie(__VA_ARGS__);         \
  }
MUSTER_FIELDS(AttemptId, a, b)
MUSTER_FIELDS(scheduler::Cause, a, b, c, d, e, f)
MUSTER_FIELDS(scheduler::RankState, a, b, c, d, e)
MUSTER_FIELDS(scheduler::JobRequirements, a, b, c, d, e, f, g, h, i)
MUSTER_FIELDS(scheduler::NodeFacts, a, b, c, d, e)
MUSTER_FIELDS(scheduler::ServerStarted, a)
MUSTER_FIELDS(scheduler::LeasesExtended, a)
MUSTER_FIELDS(scheduler::RequestAnswered, a, b, c, d)
MUSTER_FIELDS(scheduler::WorkspaceCreated, a)
MUSTER_FIELDS(scheduler::TokenCreated, a, b, c, d, e, f, g)
MUSTER_FIELDS(scheduler::TokenRevoked, a)
MUSTER_FIELDS(scheduler::TokenForgotten, a)
MUSTER_FIELDS(scheduler::PoolCreated, a, b, c, d, e, f)
MUSTER_FIELDS(scheduler::PoolUpdated, a)
MUSTER_FIELDS(scheduler::PoolDeleted, a, b)
MUSTER_FIELDS(scheduler::DatastoreRegistered, a, b, c)
MUSTER_FIELDS(scheduler::NodeJoined, a, b, c, d, e)
MUSTER_FIELDS(scheduler::NodeCertificateRenewed, a, b)
MUSTER_FIELDS(scheduler::NodeFactsChanged, a, b)
MUSTER_FIELDS(scheduler::NodeCordoned, a, b, c)
MUSTER_FIELDS(scheduler::NodeLost, a, b)
MUSTER_FIELDS(scheduler::NodeReturned, a)
MUSTER_FIELDS(scheduler::NodeRemoved, a)
MUSTER_FIELDS(scheduler::JobSubmitted, a, b, c, d, e, f, g, h)
MUSTER_FIELDS(scheduler::JobStatusChanged, a, b, c)
MUSTER_FIELDS(scheduler::AttemptCreated, a, b, c)
MUSTER_FIELDS(scheduler::AttemptPhaseChanged, a, b, c, d)
MUSTER_FIELDS(scheduler::AttemptNodePhaseChanged, a, b, c)
MUSTER_FIELDS(scheduler::RankStarted, a, b, c, d)
MUSTER_FIELDS(scheduler::RankEnded, a, b, c)
MUSTER_FIELDS(scheduler::AttemptLogTailNoted, a, b)
MUSTER_FIELDS(scheduler::AttemptCauseChanged, a, b)
MUSTER_FIELDS(scheduler::Token, a, b, c, d, e, f, g, h, i)
MUSTER_FIELDS(scheduler::PoolKey, a, b)
MUSTER_FIELDS(scheduler::QueueKey, a, b)
MUSTER_FIELDS(scheduler::Pool, a, b, c, d, e, f, g)
MUSTER_FIELDS(scheduler::DatastoreKey, a, b)
MUSTER_FIELDS(scheduler::Datastore, a, b)
MUSTER_FIELDS(scheduler::Node, a, b, c, d, e, f, g, h)
MUSTER_FIELDS(scheduler::AttemptNode, a, b)
MUSTER_FIELDS(scheduler::Attempt, a, b, c, d, e, f, g, h, i, j, k, l, m)
MUSTER_FIELDS(scheduler::Job, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
#undef MUSTER_FIELDS

class Filler {
 public:
  explicit Filler(Random& random) : random_(random) {}

  void Fill(bool& value) { value = random_.Below(2) == 1; }
  void Fill(std::uint32_t& value) { value = static_cast<std::uint32_t>(random_.Next()); }
  void Fill(std::int32_t& value) { value = static_cast<std::int32_t>(random_.Next()); }
  void Fill(std::uint64_t& value) { value = random_.Next(); }
  // Any bytes, also NUL and what is no UTF-8.
  void Fill(std::string& value) {
    value.assign(1 + random_.Below(40), '\0');
    for (char& c : value) c = static_cast<char>(random_.Next());
  }
  void Fill(Duration& value) { value = Duration(static_cast<std::int64_t>(random_.Next() >> 2)); }
  void Fill(TimePoint& value) {
    Duration since{};
    Fill(since);
    value = TimePoint(since - std::chrono::hours(24 * 365 * 100));
  }
  void Fill(Digest& value) { value = Sha256(random_.Hex(8)); }
  template <class Tag>
  void Fill(StrongId<Tag>& value) {
    std::string text;
    Fill(text);
    value = StrongId<Tag>(std::move(text));
  }
  template <class T>
  void Fill(std::optional<T>& value) {
    value.reset();
    if (random_.Below(4) != 0) Fill(value.emplace());
  }
  template <class T>
  void Fill(Boxed<T>& value) {
    std::optional<T> held;
    Fill(held);
    value = std::move(held);
  }
  template <class T>
  void Fill(std::vector<T>& values) {
    values.resize(random_.Below(4));
    for (T& value : values) Fill(value);
  }
  template <class K, class V>
  void Fill(std::map<K, V>& values) {
    for (std::uint64_t left = random_.Below(4); left > 0; --left) {
      K key{};
      Fill(key);
      Fill(values[key]);
    }
  }
  template <class T>
  void Fill(std::set<T>& values) {
    T value{};
    Fill(value);
    values.insert(value);
  }
  void Fill(std::shared_ptr<const std::string>& value) {
    std::string text;
    Fill(text);
    value = std::make_shared<const std::string>(std::move(text));
  }
  template <class E>
  requires std::is_enum_v<E>
  void Fill(E& value) {
    const auto first = Number(EnumRange<E>::kFirst);
    const auto last = Number(EnumRange<E>::kLast);
    value = static_cast<E>(first + random_.Below(last - first + 1));
  }
  template <class T>
  requires requires(T& v) { Fields(v); }
  void Fill(T& value) {
    std::apply([this](auto&... field) { (this->Fill(field), ...); }, Fields(value));
  }

 private:
  Random& random_;
};

template <class T>
bool Same(const T& a, const T& b);

template <class T>
bool Same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!Same(a[i], b[i])) return false;
  }
  return true;
}
template <class T>
bool Same(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || Same(*a, *b));
}
template <class T>
bool Same(const Boxed<T>& a, const Boxed<T>& b) {
  return Same(a.AsOptional(), b.AsOptional());
}
inline bool Same(const std::shared_ptr<const std::string>& a,
                 const std::shared_ptr<const std::string>& b) {
  return (a == nullptr) == (b == nullptr) && (!a || *a == *b);
}

template <class T>
bool Same(const T& a, const T& b) {
  if constexpr (requires { Fields(a); }) {
    const auto left = Fields(a);
    const auto right = Fields(b);
    return [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
      return (Same(std::get<kIndex>(left), std::get<kIndex>(right)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(left)>>());
  } else {
    return a == b;
  }
}

}  // namespace muster::storage
