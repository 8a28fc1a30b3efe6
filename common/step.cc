#include "common/step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include "common/blocks.h"

namespace signvote {
namespace {

constexpr uint32_t kSignBit = 0x80000000u;
constexpr size_t kLanes = 32;  // coordinates to a half word

// kLane[i] = 1 << i: tests of single bits that every SIMD target has, where shifts by lane are rare.
constexpr std::array<uint32_t, kLanes> kLane = [] {
  std::array<uint32_t, kLanes> lane{};
  for (size_t i = 0; i < kLanes; ++i) lane[i] = uint32_t{1} << i;
  return lane;
}();

// size * U by its bit pattern: U = -1 flips the sign.
inline float Signed(uint32_t size_bits, uint32_t positive) {
  return std::bit_cast<float>(size_bits ^ (positive ? 0u : kSignBit));
}

// Branch-free loops of known length: the compiler turns them into SIMD.
void MoveHalfWord(uint32_t signs, Step step, float* x) {
  const uint32_t size_bits = std::bit_cast<uint32_t>(step.size);
  for (size_t i = 0; i < kLanes; ++i) {
    const float kept = step.decay * x[i];
    x[i] = kept - Signed(size_bits, signs & kLane[i]);
  }
}

void MoveHalfWordWithHolds(uint32_t signs, uint32_t holds, Step step, float* x) {
  const uint32_t size_bits = std::bit_cast<uint32_t>(step.size);
  for (size_t i = 0; i < kLanes; ++i) {
    const float kept = step.decay * x[i];
    const float moved = kept - Signed(size_bits, signs & kLane[i]);
    const uint32_t held = holds & kLane[i] ? ~0u : 0u;
    x[i] = std::bit_cast<float>((std::bit_cast<uint32_t>(x[i]) & held) | (std::bit_cast<uint32_t>(moved) & ~held));
  }
}

void MoveWord(uint64_t signs, uint64_t holds, Step step, float* x) {
  for (size_t half = 0; half < 2; ++half, signs >>= kLanes, holds >>= kLanes, x += kLanes) {
    if (holds == 0) {
      MoveHalfWord(static_cast<uint32_t>(signs), step, x);
    } else {
      MoveHalfWordWithHolds(static_cast<uint32_t>(signs), static_cast<uint32_t>(holds), step, x);
    }
  }
}

}  // namespace

void ApplyDecision(std::span<const uint64_t> signs, std::span<const uint64_t> holds, Step step, std::span<float> x) {
  const size_t whole_words = x.size() / 64;
  for (size_t w = 0; w < whole_words; ++w) MoveWord(signs[w], holds.empty() ? 0 : holds[w], step, &x[64 * w]);

  const std::span<float> rest = x.subspan(64 * whole_words);
  if (rest.empty()) return;
  std::array<float, 64> last{};
  std::copy(rest.begin(), rest.end(), last.begin());
  MoveWord(signs[whole_words], holds.empty() ? 0 : holds[whole_words], step, last.data());
  std::copy_n(last.begin(), rest.size(), rest.begin());
}

}  // namespace signvote
