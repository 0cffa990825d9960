#include "security/key_fingerprints.h"

#include "security/pki.h"

namespace muster::security {

Result<Digest> KeyFingerprints::Of(std::string_view pem) {
  std::string key(pem);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  MUSTER_ASSIGN(const Digest fingerprint, KeyFingerprintOf(pem));
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMax) known_.clear();
  known_.emplace(std::move(key), fingerprint);
  return fingerprint;
}

}  // namespace muster::security
