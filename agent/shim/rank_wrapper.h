// `muster-shim rank`: what mpirun and orted start in place of the user's program, on every node of
// the gang, under the job's account.
#pragma once

namespace muster::agent {

// Reads run/launch.json of its own node ($MUSTER_RUN_DIRECTORY), starts the rank with its log,
// leaves exits/rank-<n>.start and, durably, exits/rank-<n>.json. Ends as the rank did: same code or
// signal.
int RunRankWrapper();

}  // namespace muster::agent
