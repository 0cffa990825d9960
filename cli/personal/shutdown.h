// Ends a personal server: its jobs where that is wanted, its daemons, what jobs left.
#pragma once

#include "cli/outcome.h"
#include "cli/personal/layout.h"
#include "cli/personal/plan.h"
#include "cli/session.h"

namespace muster::cli {

// What PlanDown wants to know.
DownFacts LookForDown(const PersonalLayout& layout, const PersonalRecord& record, Session& session);

// Cancels all jobs that have not ended, in all workspaces, and waits up to a minute for their ends.
// Returns whether all have ended.
Outcome<bool> CancelJobs(const PersonalLayout& layout, const PersonalRecord& record,
                         Session& session);

// Server, then agents, then attempts. Fails, naming them, when processes outlive SIGKILL. The
// record's marks are gone afterwards, in memory and on disk.
Outcome<void> StopAll(const PersonalLayout& layout, PersonalRecord& record);

// Removes what `muster up` has made, and the directory if nothing else is in it. Nothing may run.
// Fails where something is mounted below.
Outcome<void> Purge(const PersonalLayout& layout);

}  // namespace muster::cli
