// Trust without first use: the CA's fingerprint comes with the token, the CA itself from the
// server.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::security {

// Opens a TLS connection (1.2 or newer) to `target` ("host:port", "[::1]:port"), takes the
// certificates that the server presents, looks for the CA with this fingerprint among them and
// verifies with it alone that the server's certificate is its, valid now and made for kServerName.
// Returns the CA as PEM, to be the only root of all later connections. Nothing is sent to the
// server. Blocks for at most `timeout`. UNAVAILABLE: nobody answers, or not in TLS.
// DEADLINE_EXCEEDED. PERMISSION_DENIED (kBadToken): another CA than the token's, or a server
// certificate that isn't the CA's. INVALID_ARGUMENT: malformed target.
Result<std::string> FetchPinnedCa(std::string_view target, const Digest& ca_fingerprint,
                                  Duration timeout);

}  // namespace muster::security
