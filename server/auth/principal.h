// Who is calling. The authenticator (server/auth/authenticator.h) has checked token or certificate
// and the role against the method before any handler runs; handlers check the workspace.
#pragma once

#include <grpcpp/server_context.h>

#include "base/ids.h"
#include "base/result.h"
#include "scheduler/model/command.h"

namespace muster::server {

// The identity that the authenticator has let in. `context` is a CallContext: the server was built
// with AddSecurePort (server/auth/server_credentials.h). Should the token have vanished since, the
// principal is a viewer of no workspace.
scheduler::Principal PrincipalOf(const grpc::ServerContextBase& context);

// The workspace a request names ("" is "default", or an attempt's own), if the principal may act in
// it: the one its token is bound to, or any for an admin of "default". PERMISSION_DENIED
// (kWrongWorkspace) otherwise.
Result<WorkspaceName> WorkspaceFor(const scheduler::Principal& principal,
                                   const std::string& requested);

}  // namespace muster::server
