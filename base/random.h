// Randomness is an argument. SystemRandom is the kernel's; SeededRandom replays a simulation.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace muster {

class Random {
 public:
  virtual ~Random() = default;
  // Uniform over all 64-bit values.
  virtual std::uint64_t Next() = 0;

  // Uniform in [0, bound); bound > 0. The bias below 2^-32 is accepted.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  // Lower-case hex, 2 * bytes characters.
  std::string Hex(std::size_t bytes);
};

// getrandom(2): fit for secrets.
class SystemRandom final : public Random {
 public:
  std::uint64_t Next() override;
};

// Reproducible: fit for simulations and tests, never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace muster
