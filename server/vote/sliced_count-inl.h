// Bit-sliced counting: a vector is one binary digit of as many counts as it has bits, and a full adder makes of three
// planes of a digit one, and a carry.
#if defined(SIGNVOTE_SLICED_COUNT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_SLICED_COUNT_INL_H_
#undef SIGNVOTE_SLICED_COUNT_INL_H_
#else
#define SIGNVOTE_SLICED_COUNT_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using DBits = hn::ScalableTag<uint64_t>;
using VBits = hn::Vec<DBits>;
constexpr size_t kWordsABits = HWY_LANES(uint64_t);

// a + b + c = sum + 2 * carry; the sum replaces `a`.
HWY_INLINE VBits FullAdd(VBits* a, VBits b, VBits c) {
  const VBits x = *a;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  *a = VBits{_mm512_ternarylogic_epi64(x.raw, b.raw, c.raw, 0x96)};
  return VBits{_mm512_ternarylogic_epi64(x.raw, b.raw, c.raw, 0xE8)};
#else
  const VBits differ = hn::Xor(x, b);
  *a = hn::Xor(differ, c);
  return hn::Or(hn::And(x, b), hn::And(differ, c));
#endif
}

// Two vectors of planes side by side, so that finding a plane is paid for once.
struct Pair {
  VBits first, second;
};

HWY_INLINE Pair LoadPair(const uint64_t* at, size_t step) {
  return {hn::LoadU(DBits(), at), hn::LoadU(DBits(), at + step)};
}
HWY_INLINE void StorePair(Pair pair, uint64_t** at) {
  hn::Store(pair.first, DBits(), *at);
  hn::Store(pair.second, DBits(), *at + kWordsABits);
  *at += 2 * kWordsABits;
}
HWY_INLINE Pair FullAdd(Pair* a, Pair b, Pair c) {
  return {FullAdd(&a->first, b.first, c.first), FullAdd(&a->second, b.second, c.second)};
}

// The planes that count 1, 2, 4, ... where they have a bit.
using DigitPlanes = std::vector<std::vector<const uint64_t*>>;

// Sums of planes, by bit.
class SlicedCount {
 public:
  static constexpr size_t kWords = 2 * kWordsABits;

  // No sum needs more digits than `planes` has.
  explicit SlicedCount(DigitPlanes planes)
      : planes_(std::move(planes)),
        most_carries_(MostPlanes(planes_) + 2),
        carries_(hwy::AllocateAligned<uint64_t>(2 * most_carries_ * kWords)),
        counts_(hwy::AllocateAligned<uint64_t>((planes_.size() + 1) * kWords)) {}

  size_t digits() const { return planes_.size(); }

  // Counts words [word, word + kWords), or the first half of them alone with `step` 0 instead of kWordsABits.
  HWY_INLINE void Count(size_t word, size_t step) {
    uint64_t* in = carries_.get();
    uint64_t* out = in + most_carries_ * kWords;
    uint64_t* count = counts_.get();
    size_t carried = 0;
    for (const std::vector<const uint64_t*>& planes : planes_) {
      const size_t here = planes.size();
      uint64_t* put = out;
      Pair sum{hn::Zero(DBits()), hn::Zero(DBits())};
      for (size_t i = 0; i + 2 <= here; i += 2) {
        const Pair a = LoadPair(planes[i] + word, step), b = LoadPair(planes[i + 1] + word, step);
        StorePair(FullAdd(&sum, a, b), &put);
      }
      for (size_t i = 0; i + 2 <= carried; i += 2) {
        const Pair a = LoadPair(in + i * kWords, kWordsABits), b = LoadPair(in + (i + 1) * kWords, kWordsABits);
        StorePair(FullAdd(&sum, a, b), &put);
      }
      if (here % 2 != 0 || carried % 2 != 0) {
        const Pair none{hn::Zero(DBits()), hn::Zero(DBits())};
        const Pair a = here % 2 != 0 ? LoadPair(planes[here - 1] + word, step) : none;
        const Pair b = carried % 2 != 0 ? LoadPair(in + (carried - 1) * kWords, kWordsABits) : none;
        StorePair(FullAdd(&sum, a, b), &put);
      }
      StorePair(sum, &count);
      carried = static_cast<size_t>(put - out) / kWords;
      std::swap(in, out);
    }
  }

  // Digit k of the last counts, from word `first` of them on.
  const uint64_t* digit(size_t k, size_t first) const { return counts_.get() + k * kWords + first; }

 private:
  static size_t MostPlanes(const DigitPlanes& planes) {
    size_t most = 0;
    for (const auto& digit : planes) most = std::max(most, digit.size());
    return most;
  }

  const DigitPlanes planes_;
  const size_t most_carries_;
  hwy::AlignedFreeUniquePtr<uint64_t[]> carries_, counts_;
};

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
