// The agent protocol's messages <-> the scheduler's commands and effects. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>

#include "base/result.h"
#include "muster/v1/agent.pb.h"
#include "scheduler/model/command.h"
#include "scheduler/model/effect.h"

namespace muster::server {

// Of a report up to this part: an attempt that goes on in a part has an entry there too.
std::size_t MaxAttemptEntries(const muster::v1::Report& part);

// INVALID_ARGUMENT when the report breaks a limit of agent.proto. Entries of one attempt that
// follow each other are one.
Result<scheduler::ReceiveReport> ReportFromProto(const NodeId& node, std::uint64_t session,
                                                 const muster::v1::Report& report);

// Attempts whose task this session has carried. Forgets those that left the level.
using SentTasks = std::set<AttemptId>;

// A task that stands in `sent` is left out; those that are sent are added to it. One message
// carries about 8 MiB of tasks: false, when others did not fit; the same level is to be sent again.
bool DesiredToProto(const scheduler::SendDesired& desired, SentTasks& sent,
                    muster::v1::Desired& out);

}  // namespace muster::server
