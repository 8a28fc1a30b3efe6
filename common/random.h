// Randomness without state: a value is a function of its key and index, so a restarted client draws the same batch,
// the same dither and the same stripes. Not for secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace signvote {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every input bit reaches every output bit.
constexpr uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// What a draw is for: keys of different purposes never collide by accident.
enum class Purpose : uint64_t {
  kDither = 1,
  kStripes = 2,
  kBatch = 3,
  kPartition = 4,
  kInit = 5,
  kElectorate = 6,
  kDigits = 7,
  kAugment = 8
};

// The key of (seed, purpose, who, when), seed < 2^56; element i of its sequence is Mix(key + i).
constexpr uint64_t Key(uint64_t seed, Purpose purpose, uint64_t who = 0, uint64_t when = 0) {
  return Mix(Mix(Mix(seed + (static_cast<uint64_t>(purpose) << 56)) ^ who) + when);
}

// XXH3-64 of the name: the client's identity in every draw, on the wire (client_id) and in the order of combination.
uint64_t ClientId(std::string_view name);

// A small generator over the sequence of a key, for code that wants UniformRandomBitGenerator (std::shuffle is not the
// same on every standard library: use Below).
class Random {
 public:
  explicit Random(uint64_t key) : key_(key) {}
  uint64_t Next() { return Mix(key_ + index_++); }
  // Uniform in [0, n), n > 0, by the multiply-high method: bias below n / 2^64.
  uint64_t Below(uint64_t n) { return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64); }
  // Uniform in [0, 1) with 53 bits.
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Standard normal, Box and Muller.
  double Normal();

 private:
  uint64_t key_;
  uint64_t index_ = 0;
};

}  // namespace signvote
