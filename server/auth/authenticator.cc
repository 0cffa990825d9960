#include "server/auth/authenticator.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include <string>

#include "base/log.h"
#include "security/token.h"
#include "server/auth/call_credentials.h"
#include "server/auth/role_names.h"
#include "server/auth/rpc_roles.h"
#include "server/rpc/status.h"

namespace muster::server {
namespace {

using scheduler::Principal;
using scheduler::Role;

constexpr std::size_t kMaxLoggedMethodBytes = 100;

tl::unexpected<Error> Unauthenticated(ErrorReason reason, std::string message) {
  return Fail(ErrorCode::kUnauthenticated, reason, std::move(message));
}

Status CheckToken(const TokenId& id, const TokenIdentity& token, TimePoint now) {
  if (token.revoked)
    return Unauthenticated(ErrorReason::kRevoked, "token " + id.str() + " was revoked");
  if (token.expires <= now)
    return Unauthenticated(ErrorReason::kExpiredToken,
                           "token " + id.str() + " expired at " + FormatUtc(token.expires));
  return {};
}

Result<Principal> AuthenticateToken(std::string_view authorization, const Identities& identities,
                                    TimePoint now) {
  const std::optional<security::Bearer> bearer = security::ParseAuthorizationValue(authorization);
  if (!bearer)
    return Unauthenticated(ErrorReason::kBadToken,
                           "the authorization is not of the form \"Bearer <id>.<secret>\"");
  const auto found = identities.tokens.find(bearer->id);
  // An unknown id is compared with something too, so that both take the same time.
  const Digest expected = found == identities.tokens.end() ? Digest() : found->second.secret_hash;
  const Digest given = security::HashSecret(bearer->secret);
  const bool equal =
      EqualConstantTime({reinterpret_cast<const char*>(given.bytes().data()), Digest::kBytes},
                        {reinterpret_cast<const char*>(expected.bytes().data()), Digest::kBytes});
  if (found == identities.tokens.end() || !equal)
    return Unauthenticated(ErrorReason::kBadToken, "this server does not know the token");
  const TokenIdentity& token = found->second;
  MUSTER_TRY(CheckToken(bearer->id, token, now));
  return Principal{token.role, token.user, token.workspace, NodeId(), bearer->id, Digest()};
}

Result<const NodeIdentity*> FindNode(const NodeId& node, const Digest& certificate_key,
                                     const Identities& identities) {
  const auto found = identities.nodes.find(node);
  if (found == identities.nodes.end())
    return Unauthenticated(ErrorReason::kRevoked,
                           "the certificate is of node \"" + node.str() +
                               "\", which is not (or no longer) a node of this server");
  if (certificate_key != found->second.certificate_fingerprint)
    return Unauthenticated(ErrorReason::kRevoked,
                           "node " + node.str() + " has got a certificate for another key since");
  return &found->second;
}

Result<Principal> AuthenticateCertificate(const Credentials& credentials,
                                          const Identities& identities) {
  const NodeId node{std::string(credentials.certificate_common_name)};
  MUSTER_ASSIGN(const NodeIdentity* const known,
                FindNode(node, *credentials.certificate_key, identities));
  return Principal{Role::kNode, UserName("node:" + node.str()), known->workspace, node,
                   TokenId(),   *credentials.certificate_key};
}

}  // namespace

Result<Principal> Authenticate(const Credentials& credentials, const Identities& identities,
                               TimePoint now) {
  if (!credentials.authorization.empty())
    return AuthenticateToken(credentials.authorization, identities, now);
  if (credentials.certificate_key) return AuthenticateCertificate(credentials, identities);
  return Unauthenticated(ErrorReason::kBadToken,
                         "this call needs a token (metadata \"authorization\") or the certificate "
                         "of a node; `muster login` sets up a token");
}

Status CheckIdentity(const Principal& principal, const Identities& identities, TimePoint now) {
  if (principal.role == Role::kNode) {
    MUSTER_TRY(FindNode(principal.node, principal.certificate_fingerprint, identities));
    return {};
  }
  const auto found = identities.tokens.find(principal.token);
  if (found == identities.tokens.end())
    return Unauthenticated(ErrorReason::kBadToken, "this server does not know the token any more");
  return CheckToken(principal.token, found->second, now);
}

Status Authorize(const Principal& principal, std::string_view method) {
  const std::optional<RoleSet> allowed = RolesFor(method);
  if (!allowed)
    return Fail(ErrorCode::kUnimplemented, ErrorReason::kUnspecified,
                "this server has no such method");
  if (!allowed->Has(principal.role))
    return Fail(
        ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
        "role " + std::string(RoleName(principal.role)) + " may not call " + std::string(method));
  return {};
}

grpc::Status Authenticator::Process(const InputMetadata& metadata, grpc::AuthContext* connection,
                                    OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) {
  const CallCredentials call(metadata, *connection, identities_.key_fingerprints());
  const std::string_view method = call.method();
  Result<Principal> principal = Fail(ErrorCode::kUnauthenticated, ErrorReason::kBadToken,
                                     "a call carries one \"authorization\" at most");
  if (!call.ambiguous())
    principal = Authenticate(call.view(), *identities_.Current(), ReadClock().wall);
  if (!principal) {
    LogRefusal(principal.error(), method);
    return ToGrpcStatus(principal.error());
  }
  if (const Status authorized = Authorize(*principal, method); !authorized) {
    LogRefusal(authorized.error(), method);
    return ToGrpcStatus(authorized.error());
  }
  return grpc::Status::OK;
}

void Authenticator::LogRefusal(const Error& error, std::string_view method) {
  const auto unlogged = log_gate_.Pass(ReadClock().steady);
  if (!unlogged) return;
  Log(LogLevel::kWarning, "call_refused",
      {{"method", method.substr(0, kMaxLoggedMethodBytes)},
       {"reason", ReasonName(error.reason)},
       {"message", error.message},
       {"unlogged_before", *unlogged}});
}

}  // namespace muster::server
