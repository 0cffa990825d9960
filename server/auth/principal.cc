#include "server/auth/principal.h"

#include "base/check.h"
#include "security/token.h"
#include "server/auth/call_context.h"
#include "server/auth/call_credentials.h"

namespace muster::server {
namespace {

constexpr char kDefaultWorkspace[] = "default";

using scheduler::Principal;
using scheduler::Role;

Principal TokenPrincipal(const TokenId& id, const Identities& identities) {
  const auto found = identities.tokens.find(id);
  if (found == identities.tokens.end()) return {};
  return {found->second.role, found->second.user, found->second.workspace, NodeId(), id, Digest()};
}

Principal NodePrincipal(const Credentials& credentials, const Identities& identities) {
  const NodeId node{std::string(credentials.certificate_common_name)};
  Principal principal{Role::kNode, UserName("node:" + node.str()), {}, node, {}, {}};
  if (const auto found = identities.nodes.find(node); found != identities.nodes.end())
    principal.workspace = found->second.workspace;
  principal.certificate_fingerprint = *credentials.certificate_key;
  return principal;
}

}  // namespace

Principal PrincipalOf(const grpc::ServerContextBase& context) {
  const auto* call = dynamic_cast<const CallContext*>(&context);
  MUSTER_CHECK(call != nullptr, "the server was built without AddSecurePort");
  const CallCredentials shown(call->client_metadata(), *call->auth_context(),
                              call->identities().key_fingerprints());
  const auto identities = call->identities().Current();
  // The authenticator has verified all of this; here it is only looked up again.
  if (const auto bearer = security::ParseAuthorizationValue(shown.view().authorization))
    return TokenPrincipal(bearer->id, *identities);
  if (shown.view().certificate_key) return NodePrincipal(shown.view(), *identities);
  return {};
}

Result<WorkspaceName> WorkspaceFor(const Principal& principal, const std::string& requested) {
  if (principal.role == Role::kAttempt && requested.empty()) return principal.workspace;
  WorkspaceName workspace(requested.empty() ? kDefaultWorkspace : requested);
  const bool everywhere =
      principal.role == Role::kAdmin && principal.workspace.str() == kDefaultWorkspace;
  if (workspace != principal.workspace && !everywhere)
    return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongWorkspace,
                "this identity is bound to the workspace \"" + principal.workspace.str() +
                    "\" and may not act in another");
  return workspace;
}

}  // namespace muster::server
