// SPDX-License-Identifier: Apache-2.0
// Random numbers: an interface, the kernel's, and a seeded sequence for tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace postern::core {

class Random {
  public:
    virtual ~Random() = default;
    virtual std::uint64_t next64() = 0;

    std::uint16_t next16() { return static_cast<std::uint16_t>(next64()); }
    /// Uniform in [0, bound); bound 0 gives 0.
    std::uint64_t below(std::uint64_t bound);
    /// `n` lower-case hex digits.
    std::string hex(std::size_t n);
};

/// Unpredictable numbers from getrandom(2), 512 bytes per call. Aborts when that fails: query IDs must
/// not be guessable.
class SystemRandom final : public Random {
  public:
    std::uint64_t next64() override;

  private:
    std::array<std::uint64_t, 64> pool_{};
    std::size_t used_ = 64;
};

/// For tests and simulations: the same sequence for the same seed (splitmix64).
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next64() override;

  private:
    std::uint64_t state_;
};

}  // namespace postern::core
