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

// The order of the writes makes every crash harmless: a key is on disk before the server hears of
// it, and the certificate, whose presence means "enrolled", is written last. A new key waits beside
// the old one until the certificate that belongs to it is there.
class IdentityStore {
 public:
  explicit IdentityStore(std::string directory) : directory_(std::move(directory)) {}

  // Nothing if the node has not been enrolled. FAILED_PRECONDITION if files are missing, do not
  // belong together, or may be read by others.
  Result<std::optional<Identity>> Load();
  // A key that waits for its certificate.
  Status SavePendingKey(const std::string& key_pem);
  // The pending key becomes the key.
  Status SaveEnrolled(const Identity& identity);
  // The pending key and this certificate replace the old pair.
  Status SaveRenewed(const std::string& certificate_pem);

 private:
  std::string Path(const char* name) const { return directory_ + "/" + name; }
  Status PromotePendingKey();
  Result<std::string> KeyFor(const std::string& certificate_pem);

  std::string directory_;
};

}  // namespace muster::agent
