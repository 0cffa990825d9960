#include "server/auth/enrollment.h"

#include <utility>
#include <vector>

#include "server/rpc/names.h"

namespace muster::server {
namespace {

constexpr std::int64_t kMaxSlots = 1'024;
constexpr std::size_t kMaxBootIdBytes = 128;
constexpr std::size_t kMaxVersionBytes = 64;

struct Issued {
  std::string certificate_pem;
  Digest fingerprint;
};

Result<Issued> Issue(const security::KeyAndCertificate& ca, const NodeId& node,
                     const std::string& signing_request_pem, TimePoint now) {
  Issued issued;
  MUSTER_ASSIGN(issued.certificate_pem,
                security::IssueNodeCertificate(ca, node, signing_request_pem, now));
  MUSTER_ASSIGN(issued.fingerprint, security::KeyFingerprintOf(issued.certificate_pem));
  return issued;
}

}  // namespace

Result<Enrolled> Enrollment::Enroll(const scheduler::Principal& principal,
                                    const v1::EnrollRequest& request, TimePoint now) const {
  std::vector<Fault> faults;
  CheckNodeId("node_id", request.node_id(), faults);
  CheckNodeFacts("facts", request.facts(), faults);
  const auto identities = identities_.Current();
  const auto token = identities->tokens.find(principal.token);
  if (principal.role != scheduler::Role::kJoin || token == identities->tokens.end())
    return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
                "a node enrolls with a join token");

  const NodeId node(request.node_id());
  Result<Issued> issued = Issue(ca_, node, request.signing_request_pem(), now);
  if (!issued && issued.error().code != ErrorCode::kInvalidArgument)
    return Fail(std::move(issued).error());
  if (!issued) faults.push_back({"signing_request_pem", "", issued.error().message});
  if (!faults.empty()) return Fail(InvalidRequest(std::move(faults)));

  Enrolled enrolled;
  enrolled.command = {node, DecodeNodeFacts(request.facts()), issued->fingerprint,
                      token->second.pool};
  enrolled.certificate_pem = std::move(issued->certificate_pem);
  enrolled.ca_pem = ca_.certificate_pem;
  return enrolled;
}

Result<Renewed> Enrollment::Renew(const scheduler::Principal& principal,
                                  const v1::RenewCertificateRequest& request, TimePoint now) const {
  if (principal.role != scheduler::Role::kNode || principal.node.empty())
    return Fail(ErrorCode::kPermissionDenied, ErrorReason::kWrongRole,
                "only a node renews a certificate: its own");
  Result<Issued> issued = Issue(ca_, principal.node, request.signing_request_pem(), now);
  if (!issued && issued.error().code == ErrorCode::kInvalidArgument)
    return Fail(InvalidRequest({{"signing_request_pem", "", issued.error().message}}));
  if (!issued) return Fail(std::move(issued).error());
  return Renewed{{principal.node, issued->fingerprint}, std::move(issued->certificate_pem)};
}

void CheckNodeFacts(std::string_view field, const v1::NodeFacts& facts,
                    std::vector<Fault>& faults) {
  const std::string prefix = std::string(field) + ".";
  CheckHost(prefix + "host_name", facts.host_name(), faults);
  CheckHost(prefix + "address", facts.address(), faults);
  CheckRange(prefix + "slots", facts.slots(), 1, kMaxSlots, faults);
  CheckPrintable(prefix + "boot_id", facts.boot_id(), kMaxBootIdBytes, faults);
  CheckPrintable(prefix + "agent_version", facts.agent_version(), kMaxVersionBytes, faults);
}

scheduler::NodeFacts DecodeNodeFacts(const v1::NodeFacts& facts) {
  return {facts.host_name(), facts.address(), facts.slots(), facts.boot_id(),
          facts.agent_version()};
}

}  // namespace muster::server
