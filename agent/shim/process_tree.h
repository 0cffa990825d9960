// All processes of an attempt, with and without a PID namespace.
#pragma once

#include <sys/types.h>

namespace muster::agent {

// SIGKILL to everything that descends from this process: the whole namespace when we are its PID 1,
// a walk of /proc otherwise (we are the subreaper, so orphans are our children). Call again until
// no child is left: a walk may miss what forks meanwhile.
void KillDescendants(bool namespaces);

// Whether `pid` is a descendant of ours; guards signals to numbers that the job wrote down.
bool IsDescendant(pid_t pid);

}  // namespace muster::agent
