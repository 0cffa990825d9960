// How a node gets its certificate, and a new one before that expires. Blocking; a worker's thread.
#pragma once

#include <memory>
#include <string>

#include "agent/session/backoff.h"
#include "agent/session/channel.h"
#include "agent/session/identity.h"
#include "agent/session/stop_signal.h"
#include "base/result.h"

namespace muster::v1 {
class NodeFacts;
}

namespace muster::agent {

struct EnrolmentRequest {
  std::string server;
  NodeId node;
  std::string join_token_file;
};

// The identity that is stored, or a new one: reads the join token, takes the CA that the token
// names, makes a key, asks for a certificate and stores all of it. Tries again for as long as the
// server is away; fails for good when the token or the stored files are bad, or the node is
// refused. kCancelled when stopped. A node whose certificate has expired joins again with its old
// key: it reads the join token anew at each try and never fails for good, since an operator, or a
// clock that is set right, can mend it any time.
Result<Identity> LoadOrEnrol(IdentityStore& store, const EnrolmentRequest& request,
                             const v1::NodeFacts& facts, const BackoffConfig& backoff,
                             StopSignal& stop);

// Less than a third of the certificate's life is left.
bool NeedsRenewal(const Identity& identity, TimePoint now);

// One try: a new certificate for the node's key, over its own connection, and stored.
Result<Identity> Renew(IdentityStore& store, const Identity& current, ServerChannel& channel,
                       StopSignal& stop);

}  // namespace muster::agent
