// Majority by bit-sliced counting: a vector is one binary digit of as many counts as it has bits, and a full adder
// makes of three planes of a digit one, and a carry. A vote counts 2 for +, 1 for an abstention and 0 for -, so V votes
// tie at V.
#if defined(SIGNVOTE_MAJORITY_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SIGNVOTE_MAJORITY_KERNEL_INL_H_
#undef SIGNVOTE_MAJORITY_KERNEL_INL_H_
#else
#define SIGNVOTE_MAJORITY_KERNEL_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <bit>
#include <utility>
#include <vector>

#include "server/vote/sum_kernel-inl.h"

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

class SlicedCount {
 public:
  static constexpr size_t kWords = 2 * kWordsABits;

  explicit SlicedCount(std::span<const TileVote> votes)
      : digits_(static_cast<size_t>(std::bit_width(2 * votes.size()))),
        most_carries_(votes.size() + 1),
        carries_(hwy::AllocateAligned<uint64_t>(2 * most_carries_ * kWords)),
        counts_(hwy::AllocateAligned<uint64_t>((digits_ + 1) * kWords)) {
    for (const TileVote& vote : votes) {
      signs_.push_back(vote.signs);
      if (vote.zeros != nullptr) zeros_.push_back(vote.zeros);
    }
  }

  // Counts words [word, word + kWords), or the first half of them alone with `step` 0 instead of kWordsABits.
  HWY_INLINE void Count(size_t word, size_t step) {
    uint64_t* in = carries_.get();
    uint64_t* out = in + most_carries_ * kWords;
    uint64_t* count = counts_.get();
    size_t carried = 0;
    for (size_t k = 0; k < digits_; ++k) {
      const std::vector<const uint64_t*>& planes = k == 0 ? zeros_ : signs_;
      const size_t here = k < 2 ? planes.size() : 0;
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

  // Where the counts from word `half` of the last ones are above, and where they equal, the number of votes.
  HWY_INLINE void Compare(size_t half, VBits* above, VBits* equal) const {
    const DBits d;
    const uint64_t tie = signs_.size();
    *above = hn::Zero(d);
    *equal = hn::Not(*above);
    for (size_t k = digits_; k-- > 0;) {
      const VBits digit = hn::Load(d, counts_.get() + k * kWords + half);
      if ((tie >> k & 1) != 0) {
        *equal = hn::And(*equal, digit);
      } else {
        *above = hn::Or(*above, hn::And(*equal, digit));
        *equal = hn::AndNot(digit, *equal);
      }
    }
  }

 private:
  const size_t digits_, most_carries_;
  hwy::AlignedFreeUniquePtr<uint64_t[]> carries_, counts_;
  std::vector<const uint64_t*> signs_, zeros_;
};

HWY_NOINLINE void Majority(std::span<const TileVote> votes, const TileDecision& out) {
  SlicedCount counts(votes);
  for (size_t word = 0; word < out.words; word += SlicedCount::kWords) {
    const size_t words = std::min<size_t>(SlicedCount::kWords, out.words - word);
    for (const TileVote& vote : votes) {
      for (size_t w = 0; w < words; w += 8) __builtin_prefetch(vote.signs + word + w + kAheadWords);
    }
    counts.Count(word, words == SlicedCount::kWords ? kWordsABits : 0);
    for (size_t half = 0; half < words; half += kWordsABits) {
      VBits above, equal;
      counts.Compare(half, &above, &equal);
      hn::StoreU(above, DBits(), out.signs + word + half);
      hn::StoreU(equal, DBits(), out.zeros + word + half);
    }
  }
  Silence(votes, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#endif
