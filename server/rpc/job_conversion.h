// The model's jobs, attempts and causes <-> the public API's messages. Pure.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "muster/v1/jobs.pb.h"
#include "scheduler/model/types.h"
#include "scheduler/placement/explain.h"
#include "storage/history.h"

namespace muster::server {

muster::v1::JobStatus ToProto(scheduler::JobStatus status);
// Nothing for a number that is no status.
std::optional<scheduler::JobStatus> StatusFromProto(int status);

void ToProto(const scheduler::Cause& cause, muster::v1::Cause& out);
scheduler::Cause FromProto(const muster::v1::Cause& cause);
void ToProto(const scheduler::Pending& pending, muster::v1::Pending& out);
void ToProto(const scheduler::Attempt& attempt, muster::v1::AttemptInfo& out);

// What a list shows.
void ToProto(const scheduler::Job& job, muster::v1::Job& out);
// What GetJob shows: attempts and both specs too. DATA_LOSS if a stored spec does not parse.
Status ToProto(const storage::JobRecord& record, muster::v1::Job& out);

void ToProto(const storage::JobChange& change, muster::v1::JobEvent& out);

}  // namespace muster::server
