// The keys and certificates of a state directory: <state>/token.key and <state>/pki/{ca.key,
// ca.crt, server.key, server.crt}, all 0600 in a directory of 0700.
#pragma once

#include <filesystem>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"
#include "security/pki.h"

namespace muster::server {

struct StatePki {
  security::KeyAndCertificate ca;
  security::KeyAndCertificate server;  // certificate_pem: leaf, then CA
  std::string token_key;
  Digest ca_fingerprint;
  bool server_certificate_issued = false;  // by this call
};

// On the first start makes everything; later loads it, and issues a new server certificate when the
// old one is near its expiry, does not belong to its key, or lacks a name of `names` (the machine's
// host name is added to them). May be interrupted at any moment and called again. An existing CA is
// never replaced: FAILED_PRECONDITION (kCorruptState) when part of it or the token key is missing
// or damaged; the message says which file. Blocking I/O. The state directory exists and is locked
// by the caller.
Result<StatePki> LoadOrCreateStatePki(const std::filesystem::path& state_directory,
                                      const security::ServerNames& names, TimePoint now);

}  // namespace muster::server
