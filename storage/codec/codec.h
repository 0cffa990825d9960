// Model structs <-> bytes of proto/muster/stored/v1. Encoding is total. Decoding answers DATA_LOSS
// (kCorruptState) to bytes that are not a whole, valid message. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "scheduler/model/event.h"
#include "scheduler/model/state.h"

namespace muster::storage {

// Number of the event's kind on disk (column events.kind), stable for ever.
std::uint32_t EventKind(const scheduler::EventBody& body);
inline constexpr std::uint32_t kKindRequestAnswered = 2;
inline constexpr std::uint32_t kKindJobSubmitted = 3;
inline constexpr std::uint32_t kKindJobStatusChanged = 4;

// The job an event is about; null if it is about something else. Points into the body.
const JobId* JobOf(const scheduler::EventBody& body);

// Actor and body. Sequence and time are columns of their own; the specs of a JobSubmitted are in
// the table job_specs, so a decoded one has an empty given_spec and a null resolved_spec.
std::string EncodeEvent(const scheduler::Event& event);
Result<scheduler::Event> DecodeEvent(std::uint64_t sequence, TimePoint time,
                                     std::string_view bytes);

std::string EncodeJob(const scheduler::Job& job);  // without `spec`
Result<scheduler::Job> DecodeJob(std::string_view bytes);

std::string EncodeAttempt(const scheduler::Attempt& attempt);
Result<scheduler::Attempt> DecodeAttempt(std::string_view bytes);

std::string EncodeNode(const scheduler::Node& node);  // without `held`
Result<scheduler::Node> DecodeNode(std::string_view bytes);

std::string EncodePool(const scheduler::Pool& pool);  // without `waiting` and `nodes`
Result<scheduler::Pool> DecodePool(std::string_view bytes);

std::string EncodeDatastore(const scheduler::Datastore& datastore);
Result<scheduler::Datastore> DecodeDatastore(std::string_view bytes);

std::string EncodeToken(const scheduler::Token& token);
Result<scheduler::Token> DecodeToken(std::string_view bytes);

}  // namespace muster::storage
