#include "security/tls_policy.h"

#include <cstdlib>

#include "base/check.h"

namespace muster::security {

void ApplyTlsPolicy() { MUSTER_CHECK(setenv("GRPC_SSL_CIPHER_SUITES", kCipherSuites, 1) == 0); }

}  // namespace muster::security
