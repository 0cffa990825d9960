// The one TLS policy of server, agents and command line: TLS 1.2 or newer, forward secrecy and AEAD
// only.
#pragma once

namespace muster::security {

// For TLS 1.2 (all suites of TLS 1.3 qualify). OpenSSL's list syntax.
inline constexpr char kCipherSuites[] =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";

// The name every server certificate carries, whatever the machine is called. Clients pass it as the
// target name override: the pinned CA, not the DNS, says who the server is.
inline constexpr char kServerName[] = "musterd";

// Makes gRPC use the policy (it takes its suites from the environment, and its minimum is TLS 1.2).
// Call first thing in main: before any thread and any gRPC object exists.
void ApplyTlsPolicy();

}  // namespace muster::security
