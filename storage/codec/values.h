// Codecs of the small values that events and rows share. Private to storage/codec.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "muster/stored/v1/stored.pb.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"

namespace muster::storage {

Error Corrupt(std::string_view what);

// The last enumerator, by which a stored number is checked.
template <class E>
struct EnumRange;
#define MUSTER_ENUM_RANGE(type, first_value, last_value)         \
  template <>                                                    \
  struct EnumRange<scheduler::type> {                            \
    static constexpr auto kFirst = scheduler::type::first_value; \
    static constexpr auto kLast = scheduler::type::last_value;   \
  }
MUSTER_ENUM_RANGE(JobStatus, kNotStarted, kNotResponding);
MUSTER_ENUM_RANGE(Communicator, kNone, kParameterServer);
MUSTER_ENUM_RANGE(CauseCode, kUnspecified, kScriptFailed);
MUSTER_ENUM_RANGE(SharingMode, kExclusive, kSlots);
MUSTER_ENUM_RANGE(AttemptPhase, kPreparing, kEnded);
MUSTER_ENUM_RANGE(NodePhase, kAssigned, kLost);
MUSTER_ENUM_RANGE(StopMode, kTerminate, kKill);
MUSTER_ENUM_RANGE(Role, kAdmin, kJoin);
#undef MUSTER_ENUM_RANGE

// Enumerators are stored by number: a change of one breaks every database.
static_assert(static_cast<int>(scheduler::JobStatus::kQueued) == 5 &&
              static_cast<int>(scheduler::JobStatus::kNotResponding) == 12);
static_assert(static_cast<int>(scheduler::CauseCode::kCanceledByUser) == 7 &&
              static_cast<int>(scheduler::CauseCode::kOperator) == 13 &&
              static_cast<int>(scheduler::CauseCode::kScriptFailed) == 14);
static_assert(static_cast<int>(scheduler::Communicator::kParameterServer) == 5);
static_assert(static_cast<int>(scheduler::SharingMode::kSlots) == 2);
static_assert(static_cast<int>(scheduler::AttemptPhase::kEnded) == 5);
static_assert(static_cast<int>(scheduler::NodePhase::kLost) == 7);
static_assert(static_cast<int>(scheduler::StopMode::kKill) == 2);
static_assert(static_cast<int>(scheduler::Role::kJoin) == 6);

template <class E>
constexpr std::uint32_t Number(E value) {
  return static_cast<std::uint32_t>(value);
}

template <class E>
Status DecodeEnum(std::uint32_t number, E& value) {
  if (number < Number(EnumRange<E>::kFirst) || number > Number(EnumRange<E>::kLast)) {
    return Fail(Corrupt("an enumeration has the unknown number " + std::to_string(number)));
  }
  value = static_cast<E>(number);
  return {};
}

inline std::string DigestBytes(const Digest& digest) {
  const auto bytes = digest.bytes();
  return std::string(bytes.begin(), bytes.end());
}
Status DecodeDigest(std::string_view bytes, Digest& digest);

void Encode(const scheduler::Cause& cause, stored::v1::Cause& out);
Status Decode(const stored::v1::Cause& in, scheduler::Cause& cause);
void Encode(const scheduler::RankState& state, stored::v1::RankState& out);
scheduler::RankState Decode(const stored::v1::RankState& in);
void Encode(const scheduler::NodeFacts& facts, stored::v1::NodeFacts& out);
scheduler::NodeFacts Decode(const stored::v1::NodeFacts& in);
void Encode(const scheduler::JobRequirements& requirements, stored::v1::Requirements& out);
Status Decode(const stored::v1::Requirements& in, scheduler::JobRequirements& requirements);
void Encode(const scheduler::PoolCreated& definition, stored::v1::PoolDefinition& out);
Status Decode(const stored::v1::PoolDefinition& in, scheduler::PoolCreated& definition);

// For the messages with an optional `cause`: an optional or a box of one.
template <class Cause, class Message>
void EncodeCause(const Cause& cause, Message& out) {
  if (cause) Encode(*cause, *out.mutable_cause());
}
// Null: there is none.
Status DecodeOptional(const stored::v1::Cause* in, std::optional<scheduler::Cause>& cause);
template <class Message>
Status DecodeCause(const Message& in, std::optional<scheduler::Cause>& cause) {
  return DecodeOptional(in.has_cause() ? &in.cause() : nullptr, cause);
}

}  // namespace muster::storage
