// The keys of the certificates that peers have shown lately.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/digest.h"
#include "base/result.h"

namespace muster::security {

// KeyFingerprintOf, remembered: OpenSSL 3 takes a quarter of a millisecond to read the key out of a
// certificate, and a node shows the same certificate with each of its calls. Thread-safe; the lock
// is held for a look-up and never over the reading. Forgets all when it holds kMax.
class KeyFingerprints {
 public:
  static constexpr std::size_t kMax = 4096;

  // As KeyFingerprintOf (security/pki.h). What is no certificate is not remembered.
  Result<Digest> Of(std::string_view pem);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, Digest> known_;
};

}  // namespace muster::security
