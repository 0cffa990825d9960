// SHA-256, the one digest of the project (blobs, snapshots, tokens, fingerprints).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace muster {

class Digest {
 public:
  static constexpr std::size_t kBytes = 32;

  Digest() = default;
  explicit Digest(const std::array<std::uint8_t, kBytes>& bytes) : bytes_(bytes) {}

  // 64 lower-case hex characters; nothing else parses.
  static std::optional<Digest> Parse(std::string_view hex);
  std::string Hex() const;
  std::span<const std::uint8_t, kBytes> bytes() const { return bytes_; }

  friend auto operator<=>(const Digest&, const Digest&) = default;
  friend bool operator==(const Digest&, const Digest&) = default;

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

Digest Sha256(std::string_view data);
Digest HmacSha256(std::string_view key, std::string_view data);
// Takes the same time wherever the two differ. Different lengths compare unequal at once.
bool EqualConstantTime(std::string_view a, std::string_view b);

// Streaming SHA-256.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void Update(std::string_view data);
  // May be called once.
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster
