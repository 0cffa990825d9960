// Certificates for nodes: what Enroll and RenewCertificate do before and after their command. The
// fingerprint that the state keeps of a node (`certificate_fingerprint`) is of the certificate's
// key: a certificate renewed for the same key may be lost on its way to the agent, and the old one
// is still good.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "muster/v1/agent.pb.h"
#include "scheduler/model/command.h"
#include "security/pki.h"
#include "server/auth/identities.h"

namespace muster::server {

struct Enrolled {
  scheduler::EnrollNode command;  // post it; answer with the rest once it is durable
  std::string certificate_pem;
  std::string ca_pem;
};

struct Renewed {
  scheduler::RenewNodeCertificate command;
  std::string certificate_pem;
};

// Immutable but for the identities it reads; thread-safe. Signing costs about 0.1 ms: fit for a
// gRPC thread.
class Enrollment {
 public:
  // `identities` must outlive this.
  Enrollment(security::KeyAndCertificate ca, const IdentitiesHolder& identities)
      : ca_(std::move(ca)), identities_(identities) {}

  // `principal` holds a join token (kJoin); its pool goes into the command. INVALID_ARGUMENT lists
  // all faults of node id, facts and signing request.
  Result<Enrolled> Enroll(const scheduler::Principal& principal,
                          const muster::v1::EnrollRequest& request, TimePoint now) const;

  // `principal` is a node (kNode); the certificate is for its id.
  Result<Renewed> Renew(const scheduler::Principal& principal,
                        const muster::v1::RenewCertificateRequest& request, TimePoint now) const;

 private:
  security::KeyAndCertificate ca_;
  const IdentitiesHolder& identities_;
};

// Adds a fault for each fact that is out of bounds ("<field>.slots", ...); also for a session's
// Hello.
void CheckNodeFacts(std::string_view field, const muster::v1::NodeFacts& facts,
                    std::vector<Fault>& faults);
scheduler::NodeFacts DecodeNodeFacts(const muster::v1::NodeFacts& facts);

}  // namespace muster::server
