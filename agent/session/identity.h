// What makes a node that node: <dir>/identity/{key.pem,cert.pem,ca.pem,server.json}, all 0600.
// Blocking I/O.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace muster::agent {

struct Identity {
  NodeId node;
  std::string server;  // where it was enrolled
  std::string key_pem;
  std::string certificate_pem;
  std::string ca_pem;
};

// The order of the writes makes every crash harmless: the key is on disk before the server hears of
// it, and the certificate, whose presence means "enrolled", is written last. A node keeps its key
// for good: the server knows it by that, so an answer that gets lost on its way costs nothing.
class IdentityStore {
 public:
  explicit IdentityStore(std::string directory) : directory_(std::move(directory)) {}

  // Nothing if the node has not been enrolled. FAILED_PRECONDITION if files are missing, do not
  // belong together, or may be read by others.
  Result<std::optional<Identity>> Load() const;
  // The key, with or without a certificate: nothing before the first enrolment began.
  Result<std::optional<std::string>> LoadKey() const;
  Status SaveKey(const std::string& key_pem);
  Status SaveEnrolled(const Identity& identity);
  Status SaveCertificate(const std::string& certificate_pem);

 private:
  std::string Path(const char* name) const { return directory_ + "/" + name; }

  std::string directory_;
};

}  // namespace muster::agent
