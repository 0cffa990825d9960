#include "agent/session/enrolment.h"

#include <grpcpp/client_context.h>

#include "base/log.h"
#include "muster/v1/agent.grpc.pb.h"
#include "security/pinned_ca.h"
#include "security/pki.h"
#include "security/secret_file.h"
#include "security/token.h"

namespace muster::agent {
namespace {

constexpr Duration kCallTimeout = std::chrono::seconds(10);

Result<security::TokenText> ReadJoinToken(const std::string& path) {
  if (path.empty()) {
    return Fail(ErrorCode::kFailedPrecondition, ErrorReason::kBadToken,
                "this node has not joined yet: give it a join token (join_token_file or "
                "MUSTER_JOIN_TOKEN_FILE)");
  }
  MUSTER_ASSIGN(const std::string text, security::ReadSecretFile(path));
  MUSTER_ASSIGN(security::TokenText token, security::ParseToken(text));
  if (token.kind != security::TokenKind::kJoin) {
    return Fail(ErrorCode::kInvalidArgument, ErrorReason::kBadToken,
                path + " holds a client's token, not a join token");
  }
  return token;
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
}

// The key of an enrolment that was cut off, or a new one; on disk before the server hears of it.
Result<security::KeyAndRequest> KeyToEnrol(IdentityStore& store) {
  MUSTER_ASSIGN(const std::optional<std::string> key, store.LoadKey());
  if (key) {
    MUSTER_ASSIGN(std::string request, security::CreateRequest(*key));
    return security::KeyAndRequest{*key, std::move(request)};
  }
  MUSTER_ASSIGN(security::KeyAndRequest pair, security::CreateKeyAndRequest());
  MUSTER_TRY(store.SaveKey(pair.key_pem));
  return pair;
}

Result<Identity> EnrolOnce(const EnrolmentRequest& wanted, const security::TokenText& token,
                           const security::KeyAndRequest& pair, const v1::NodeFacts& facts,
                           StopSignal& stop) {
  Identity identity;
  identity.node = wanted.node;
  identity.server = wanted.server;
  MUSTER_ASSIGN(identity.ca_pem,
                security::FetchPinnedCa(wanted.server, token.ca_fingerprint, kCallTimeout));
  const auto stub = v1::AgentService::NewStub(OpenChannel(wanted.server, identity));
  v1::EnrollRequest request;
  request.set_node_id(wanted.node.str());
  request.set_signing_request_pem(pair.signing_request_pem);
  *request.mutable_facts() = facts;
  grpc::ClientContext context;
  SetDeadline(context);
  context.AddMetadata(security::kAuthorizationKey,
                      security::AuthorizationValue(security::BearerOf(token)));
  v1::EnrollReply reply;
  const StopSignal::Registration cancel(stop, [&context] { context.TryCancel(); });
  const grpc::Status status = stub->Enroll(&context, request, &reply);
  if (!status.ok()) return Fail(FromGrpcStatus(status));
  identity.key_pem = pair.key_pem;
  identity.certificate_pem = reply.certificate_pem();
  if (!security::KeyMatchesCertificate(identity.key_pem, identity.certificate_pem)) {
    return Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
                "the server's certificate is not for this node's key");
  }
  return identity;
}

Result<Identity> CheckStored(Identity identity, const EnrolmentRequest& wanted) {
  if (identity.node != wanted.node) {
    return Fail(
        ErrorCode::kFailedPrecondition, ErrorReason::kInvalidSpec,
        "the directory belongs to node " + identity.node.str() + ", not to " + wanted.node.str());
  }
  identity.server = wanted.server;
  return identity;
}

bool HasExpired(const Identity& identity) {
  const auto info = security::InspectCertificate(identity.certificate_pem);
  return info && info->not_after <= ReadClock().wall;
}

void LogExpired(const Identity& identity, const EnrolmentRequest& request, const Error& error) {
  const auto info = security::InspectCertificate(identity.certificate_pem);
  Log(LogLevel::kError, "node_certificate_expired",
      {{"node", identity.node.str()},
       {"expired", info ? FormatUtc(info->not_after) : std::string("unknown")},
       {"error", error.message},
       {"what_to_do",
        "the node cannot connect until it has joined again: put a join token of the server ("
        "muster node token create) into " +
            (request.join_token_file.empty() ? "a file that join_token_file names, and restart"
                                             : request.join_token_file) +
            "; the agent then joins by itself. If the machine's clock is wrong, set it"}});
}

Result<Identity> JoinAgainOnce(IdentityStore& store, const EnrolmentRequest& request,
                               const v1::NodeFacts& facts, StopSignal& stop) {
  MUSTER_ASSIGN(const security::TokenText token, ReadJoinToken(request.join_token_file));
  MUSTER_ASSIGN(const security::KeyAndRequest pair, KeyToEnrol(store));
  MUSTER_ASSIGN(Identity identity, EnrolOnce(request, token, pair, facts, stop));
  MUSTER_TRY(store.SaveEnrolled(identity));
  Log(LogLevel::kInfo, "node_joined_again", {{"node", request.node.str()}});
  return identity;
}

// Until the node has a certificate that holds.
Result<Identity> JoinAgain(IdentityStore& store, Identity expired, const EnrolmentRequest& request,
                           const v1::NodeFacts& facts, const BackoffConfig& backoff_config,
                           StopSignal& stop) {
  SystemRandom random;
  Backoff backoff(backoff_config, random);
  while (HasExpired(expired)) {
    auto identity = JoinAgainOnce(store, request, facts, stop);
    if (identity) return identity;
    LogExpired(expired, request, identity.error());
    if (stop.SleepFor(backoff.Next())) {
      return Fail(ErrorCode::kCancelled, ErrorReason::kShuttingDown, "the agent is ending");
    }
  }
  return expired;  // the clock was wrong
}

}  // namespace

Result<Identity> LoadOrEnrol(IdentityStore& store, const EnrolmentRequest& request,
                             const v1::NodeFacts& facts, const BackoffConfig& backoff_config,
                             StopSignal& stop) {
  MUSTER_ASSIGN(std::optional<Identity> stored, store.Load());
  if (stored) {
    MUSTER_ASSIGN(Identity identity, CheckStored(std::move(*stored), request));
    if (!HasExpired(identity)) return identity;
    return JoinAgain(store, std::move(identity), request, facts, backoff_config, stop);
  }
  MUSTER_ASSIGN(const security::TokenText token, ReadJoinToken(request.join_token_file));
  MUSTER_ASSIGN(const security::KeyAndRequest pair, KeyToEnrol(store));
  SystemRandom random;
  Backoff backoff(backoff_config, random);
  for (;;) {
    auto identity = EnrolOnce(request, token, pair, facts, stop);
    if (identity) {
      MUSTER_TRY(store.SaveEnrolled(*identity));
      Log(LogLevel::kInfo, "node_enrolled",
          {{"node", request.node.str()}, {"server", request.server}});
      return identity;
    }
    const Error& error = identity.error();
    // A refused token stays refused, unlike a refused session.
    const bool hopeless = !IsTransient(error.code) || error.code == ErrorCode::kUnauthenticated;
    if (hopeless && !stop.IsSet()) return identity;
    Log(LogLevel::kWarning, "enrolment_failed",
        {{"server", request.server}, {"error", error.message}});
    if (stop.SleepFor(backoff.Next())) {
      return Fail(ErrorCode::kCancelled, ErrorReason::kShuttingDown, "the agent is ending");
    }
  }
}

bool NeedsRenewal(const Identity& identity, TimePoint now) {
  const auto info = security::InspectCertificate(identity.certificate_pem);
  return info && info->NearExpiry(now);
}

Result<Identity> Renew(IdentityStore& store, const Identity& current, ServerChannel& channel,
                       StopSignal& stop) {
  MUSTER_ASSIGN(const std::string signing_request, security::CreateRequest(current.key_pem));
  const auto stub = v1::AgentService::NewStub(channel.Get());
  v1::RenewCertificateRequest request;
  request.set_signing_request_pem(signing_request);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::RenewCertificateReply reply;
  const StopSignal::Registration cancel(stop, [&context] { context.TryCancel(); });
  const grpc::Status status = stub->RenewCertificate(&context, request, &reply);
  if (!status.ok()) return Fail(FromGrpcStatus(status));
  Identity renewed = current;
  renewed.certificate_pem = reply.certificate_pem();
  if (!security::KeyMatchesCertificate(renewed.key_pem, renewed.certificate_pem)) {
    return Fail(ErrorCode::kInternal, ErrorReason::kUnspecified,
                "the server's certificate is not for this node's key");
  }
  MUSTER_TRY(store.SaveCertificate(renewed.certificate_pem));
  return renewed;
}

}  // namespace muster::agent
